import Type from 'typebox'
import { notFound } from '../../../kernel/errors.ts'
import { callerOf } from '../../../kernel/action.ts'
import { Text } from '../../../kernel/fields.ts'
import { readOne, readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import * as actions from '../actions/index.ts'
import type { Tracker } from '../actions/tracker.ts'
import { showComment } from '../events.ts'
import { listComments } from '../lists.ts'
import { checkSees } from '../policy.ts'
import { accessReport, findComment } from '../store.ts'
import { Comment } from '../wire.ts'
import { ById, PageOf, PageQuery } from './shapes.ts'

const Body = Type.Object({ content: Text(1, 10_000) })

export function commentRoutes(tracker: Tracker): readonly Route[] {
  const { database } = tracker
  return [
    route(
      'GET',
      '/bug-reports/:id/comments',
      { summary: 'Comments of a report, newest first', params: ById, query: Type.Object(PageQuery), reply: PageOf(Comment) },
      ({ session, params, query }) =>
        readPage(
          database,
          async (reader) => {
            const report = await reader.get(accessReport, { id: params.id, actor: session.account.id })
            checkSees(session.account.id, report, 'This bug report')
            return listComments(reader, params.id, query)
          },
          showComment,
        ),
    ),
    route(
      'POST',
      '/bug-reports/:id/comments',
      { summary: 'Comment (developer, creator or assignee)', params: ById, body: Body, reply: Comment },
      (call) => {
        const input = { bug_report_id: call.params.id, content: call.body.content }
        return actions.createComment(tracker, callerOf(call), input)
      },
    ),
    route(
      'GET',
      '/comments/:id',
      { summary: 'One comment', params: ById, reply: Comment },
      ({ session, params }) =>
        readOne(database, async (reader) => {
          const comment = await reader.get(findComment, { id: params.id })
          if (!comment) throw notFound('This comment')
          const report = await reader.get(accessReport, { id: comment.bug_report_id, actor: session.account.id })
          checkSees(session.account.id, report, 'This comment')
          return showComment(comment)
        }),
    ),
    route(
      'PATCH',
      '/comments/:id',
      { summary: 'Edit your comment', params: ById, body: Body, reply: Comment },
      (call) => actions.editComment(tracker, callerOf(call), call.params.id, call.body.content),
    ),
    route(
      'DELETE',
      '/comments/:id',
      { summary: 'Delete a comment (author or manager)', params: ById },
      (call) => actions.deleteComment(tracker, callerOf(call), call.params.id),
    ),
  ]
}
