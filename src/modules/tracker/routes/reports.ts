import Type from 'typebox'
import { invalid } from '../../../kernel/errors.ts'
import { callerOf } from '../../../kernel/action.ts'
import { Line, Text } from '../../../kernel/fields.ts'
import { readOne, readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import * as actions from '../actions/index.ts'
import type { Tracker } from '../actions/tracker.ts'
import { showReport } from '../events.ts'
import { listReports } from '../lists.ts'
import { checkSees } from '../policy.ts'
import { accessReport } from '../store.ts'
import { BugPriority, BugReport, BugStatus, Id } from '../wire.ts'
import { ById, PageOf, PageQuery } from './shapes.ts'

const title = Line(200)
const description = Text(0, 20_000)
const assignee_id = Type.Union([Id, Type.Null()])

const Filter = Type.Object({
  ...PageQuery,
  project_id: Type.Optional(Id),
  status: Type.Optional(BugStatus),
  priority: Type.Optional(BugPriority),
  assignee_id: Type.Optional(Id),
  creator_id: Type.Optional(Id),
  q: Type.Optional(Type.String({ maxLength: 500, description: 'Words of title and description, as prefixes' })),
})

export function reportRoutes(tracker: Tracker): readonly Route[] {
  const { database } = tracker
  return [
    route(
      'GET',
      '/bug-reports',
      { summary: 'Reports you see, newest first, filtered and searched', query: Filter, reply: PageOf(BugReport) },
      ({ session, query }) =>
        readPage(database, (reader) => listReports(reader, session.account.id, query), showReport),
    ),
    route(
      'POST',
      '/bug-reports',
      {
        summary: 'File a report in a project you are in; assigning it at once takes a manager',
        body: Type.Object({
          project_id: Id,
          title,
          description: Type.Optional(description),
          priority: Type.Optional(BugPriority),
          assignee_id: Type.Optional(assignee_id),
        }),
        reply: BugReport,
      },
      (call) =>
        actions.createReport(tracker, callerOf(call), { description: '', priority: 'medium', ...call.body }),
    ),
    route(
      'GET',
      '/bug-reports/:id',
      { summary: 'One report', params: ById, reply: BugReport },
      ({ session, params }) =>
        readOne(database, async (reader) => {
          const row = await reader.get(accessReport, { id: params.id, actor: session.account.id })
          checkSees(session.account.id, row, 'This bug report')
          return showReport(row!)
        }),
    ),
    route(
      'PATCH',
      '/bug-reports/:id',
      {
        summary: 'Change any of it: the creator their text, a developer the status, a manager everything',
        params: ById,
        body: Type.Object({
          title: Type.Optional(title),
          description: Type.Optional(description),
          status: Type.Optional(BugStatus),
          priority: Type.Optional(BugPriority),
          assignee_id: Type.Optional(assignee_id),
          project_id: Type.Optional(Id),
        }),
        reply: BugReport,
      },
      (call) => {
        if (Object.keys(call.body).length === 0) throw invalid({ body: 'must have at least one field to change' })
        return actions.editReport(tracker, callerOf(call), call.params.id, call.body)
      },
    ),
    route(
      'DELETE',
      '/bug-reports/:id',
      { summary: 'Delete a report with its comments (creator or manager)', params: ById },
      (call) => actions.deleteReport(tracker, callerOf(call), call.params.id),
    ),
    route(
      'POST',
      '/bug-reports/:id/status',
      {
        summary: 'Change the status (developer)',
        params: ById,
        body: Type.Object({ status: BugStatus }),
        reply: BugReport,
        status: 200,
      },
      (call) => actions.editReport(tracker, callerOf(call), call.params.id, { status: call.body.status }),
    ),
    route(
      'POST',
      '/bug-reports/:id/assign',
      {
        summary: 'Assign, or with null un-assign (manager)',
        params: ById,
        body: Type.Object({ assignee_id }),
        reply: BugReport,
        status: 200,
      },
      (call) => actions.editReport(tracker, callerOf(call), call.params.id, { assignee_id: call.body.assignee_id }),
    ),
  ]
}
