import Type from 'typebox'
import { invalid } from '../../../kernel/errors.ts'
import { callerOf } from '../../../kernel/action.ts'
import { Line, Text } from '../../../kernel/fields.ts'
import { readOne, readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import * as actions from '../actions/index.ts'
import type { Tracker } from '../actions/tracker.ts'
import { showProject } from '../events.ts'
import { listProjects } from '../lists.ts'
import { checkSees } from '../policy.ts'
import { accessProject, members } from '../store.ts'
import { Id, Project, Timestamp, timestamp } from '../wire.ts'
import { ById, PageOf, PageQuery } from './shapes.ts'

const name = Line(120)
const description = Text(0, 20_000)
const Member = Type.Object({
  user_id: Id,
  username: Type.String(),
  display_name: Type.String(),
  role: Type.String(),
  status: Type.String(),
  added_at: Timestamp,
})
const NewMember = Type.Object({ user_id: Type.Optional(Id), username: Type.Optional(Text(1, 254)) })
const OneMember = Type.Object({ id: Id, user_id: Id })

export function projectRoutes(tracker: Tracker): readonly Route[] {
  const { database } = tracker
  return [
    route(
      'GET',
      '/projects',
      { summary: 'Projects you see', query: Type.Object(PageQuery), reply: PageOf(Project) },
      ({ session, query }) =>
        readPage(database, (reader) => listProjects(reader, session.account.id, query), showProject),
    ),
    route(
      'POST',
      '/projects',
      {
        summary: 'Make a project (manager); you are its first member',
        body: Type.Object({ name, description: Type.Optional(description) }),
        reply: Project,
      },
      (call) => actions.createProject(tracker, callerOf(call), { description: '', ...call.body }),
    ),
    route(
      'GET',
      '/projects/:id',
      { summary: 'One project', params: ById, reply: Project },
      ({ session, params }) =>
        readOne(database, async (reader) => {
          const row = await reader.get(accessProject, { id: params.id, actor: session.account.id })
          checkSees(session.account.id, row, 'This project')
          return showProject(row!)
        }),
    ),
    route(
      'PATCH',
      '/projects/:id',
      {
        summary: 'Change name or description (manager)',
        params: ById,
        body: Type.Object({ name: Type.Optional(name), description: Type.Optional(description) }),
        reply: Project,
      },
      (call) => actions.editProject(tracker, callerOf(call), call.params.id, call.body),
    ),
    route(
      'DELETE',
      '/projects/:id',
      { summary: 'Delete a project and everything in it (manager)', params: ById },
      (call) => actions.deleteProject(tracker, callerOf(call), call.params.id),
    ),
    route(
      'GET',
      '/projects/:id/members',
      {
        summary: 'Members, by user id; `before` here is the last user_id of the page before',
        params: ById,
        query: Type.Object(PageQuery),
        reply: PageOf(Member),
      },
      ({ session, params, query }) =>
        readPage(
          database,
          async (reader) => {
            const row = await reader.get(accessProject, { id: params.id, actor: session.account.id })
            checkSees(session.account.id, row, 'This project')
            const after = query.before ?? 0
            const rows = await reader.all(members, { project: params.id, after, limit: query.limit + 1 })
            const shown = rows.slice(0, query.limit)
            return { rows: shown, next: rows.length > query.limit ? shown.at(-1)!.user_id : undefined }
          },
          (row) => ({ ...row, added_at: timestamp(row.added_at) }),
        ),
    ),
    route(
      'POST',
      '/projects/:id/members',
      {
        summary: 'Add a member by user_id or username (manager)',
        params: ById,
        body: NewMember,
        reply: Type.Object({ project_id: Id, user_id: Id, added_at: Timestamp }),
      },
      async (call) => {
        const row = await actions.addMember(tracker, callerOf(call), call.params.id, newcomer(call.body))
        return { project_id: call.params.id, user_id: row.user_id, added_at: timestamp(row.added_at) }
      },
    ),
    route(
      'DELETE',
      '/projects/:id/members/:user_id',
      { summary: 'Remove a member (manager), or leave', params: OneMember },
      (call) => actions.removeMember(tracker, callerOf(call), call.params.id, call.params.user_id),
    ),
  ]
}

function newcomer({ user_id, username }: { user_id?: number; username?: string }): actions.Newcomer {
  if (user_id !== undefined) return { user_id }
  if (username !== undefined) return { username }
  throw invalid({ user_id: 'is required, or username' })
}
