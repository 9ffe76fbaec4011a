import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readOne, readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { reachWorkspace, type Parts } from '../actions/parts.ts'
import { createWorkspace, deleteWorkspace, own, renameWorkspace } from '../actions/workspaces.ts'
import { countMembers } from '../store/members.ts'
import { listOwn, type OwnWorkspace } from '../store/workspaces.ts'
import { exact, Id, Role, Timestamp, timestamp } from '../wire.ts'
import { ById, PageOf, PageQuery } from './shapes.ts'

const Name = Type.String({ minLength: 1, maxLength: 80 })
const fields = {
  id: Id,
  name: Type.String(),
  /** Yours. */
  role: Role,
  created_by: Id,
  created_at: Timestamp,
  updated_at: Timestamp,
}
export const Workspace = Type.Object(fields, exact)
/** Only of one workspace: counting is dear. Guests count whom they see. */
const WorkspaceWithCount = Type.Object({ ...fields, member_count: Type.Integer({ minimum: 1 }) }, exact)

export function workspaceRoutes(parts: Parts): readonly Route[] {
  const { database } = parts
  return [
    route(
      'GET',
      '/workspaces',
      { summary: 'Workspaces you are in', query: Type.Object(PageQuery), reply: PageOf(Workspace) },
      ({ session, query }) => readPage(database, (reader) => listOwn(reader, session.account.id, query), showWorkspace),
    ),
    route(
      'POST',
      '/workspaces',
      {
        summary: 'Make a workspace with the channel "general"; you are its owner',
        body: Type.Object({ name: Name }),
        reply: Workspace,
      },
      async (call) => showWorkspace(await createWorkspace(parts, callerOf(call), call.body)),
    ),
    route(
      'GET',
      '/workspaces/:id',
      { summary: 'One workspace', params: ById, reply: WorkspaceWithCount },
      (call) =>
        readOne(database, async (reader) => {
          const access = await reachWorkspace(reader, callerOf(call), call.params.id)
          const workspace = await own(reader, access.id, access.actor_id)
          return { ...showWorkspace(workspace), member_count: await countMembers(reader, access) }
        }),
    ),
    route(
      'PATCH',
      '/workspaces/:id',
      {
        summary: 'Change the name (admin)',
        params: ById,
        body: Type.Object({ name: Type.Optional(Name) }),
        reply: Workspace,
      },
      async (call) => showWorkspace(await renameWorkspace(parts, callerOf(call), call.params.id, call.body)),
    ),
    route(
      'DELETE',
      '/workspaces/:id',
      { summary: 'Delete a workspace and everything in it (owner)', params: ById },
      (call) => deleteWorkspace(parts, callerOf(call), call.params.id),
    ),
  ]
}

export const showWorkspace = (row: OwnWorkspace): object => ({
  id: row.uuid,
  name: row.name,
  role: row.role,
  created_by: row.created_by,
  created_at: timestamp(row.created_at),
  updated_at: timestamp(row.updated_at),
})
