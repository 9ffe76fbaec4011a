import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readCamelPage } from '../../../kernel/page.ts'
import { Reply, route, type Route } from '../../../kernel/route.ts'
import { addComment, getComment, listComments, replyToComment } from '../actions/comments.ts'
import { reachComment, type Parts } from '../actions/parts.ts'
import { deleteComment, deleteReply, reopenComment, resolveComment } from '../actions/settling.ts'
import { NewComment } from '../arguments.ts'
import { AnyId, IdOf, rowOf } from '../ids.ts'
import { listReplies, SHOWN_REPLIES, type Comment as Shown, type Reply as ShownReply } from '../lists/comments.ts'
import { exact, Nullable, Offset, Timestamp } from '../wire.ts'
import { ById, pageBy, pageFrom, PageOf, Person } from './shapes.ts'

const CommentReply = Type.Object(
  { id: IdOf('reply'), author: Person, content: Type.String(), createdAt: Timestamp },
  exact,
)

/** Section 6. Offsets are of the text as it is now, UTF-16 units. */
const Comment = Type.Object(
  {
    id: IdOf('comment'),
    prdId: IdOf('prd'),
    author: Type.Object({ id: IdOf('user'), name: Type.String(), avatar: Nullable(Type.String()) }, exact),
    position: Offset,
    content: Type.String(),
    /** Null: it is about no text, or the text was deleted. */
    selection: Nullable(Type.Object({ start: Offset, end: Offset, text: Type.String() }, exact)),
    /** What was selected when it was written. */
    quote: Nullable(Type.String()),
    /** All of what was selected was deleted; `position` is where it was. */
    orphaned: Type.Boolean(),
    resolved: Type.Boolean(),
    resolvedBy: Nullable(Person),
    resolvedAt: Nullable(Timestamp),
    /** The last ones, the oldest of them first. */
    replies: Type.Array(CommentReply, { maxItems: SHOWN_REPLIES }),
    replyCount: Type.Integer({ minimum: 0 }),
    createdAt: Timestamp,
  },
  exact,
)
const Content = Type.Object({ content: Type.String() })
const OfReply = Type.Object({ id: AnyId, replyId: AnyId })
const Resolved = Type.Boolean({ description: 'true: those that are resolved; false: those that are open' })

export function commentRoutes(parts: Parts): readonly Route[] {
  type Call = Parameters<typeof callerOf>[0]
  const one = async (call: Call, id: number): Promise<Shown> => (await getComment(parts, callerOf(call), id)).comment
  return [
    route(
      'GET',
      '/prds/:id/comments',
      {
        summary: 'Comments of a PRD where they stand now, newest first; open, resolved, or both',
        params: ById,
        query: Type.Object({ ...pageBy('comment'), resolved: Type.Optional(Resolved) }),
        reply: PageOf(Comment),
      },
      ({ params, query: { resolved, ...query }, ...call }) =>
        listComments(parts, callerOf(call), rowOf('prd', params.id), { ...pageFrom('comment', query), resolved }),
    ),
    route(
      'POST',
      '/prds/:id/comments',
      { summary: 'Comment on a PRD (who sees it)', params: ById, body: NewComment, reply: Comment },
      async ({ params, body, ...call }) => {
        const { commentId } = await addComment(parts, callerOf(call), rowOf('prd', params.id), body)
        return one(call, rowOf('comment', commentId))
      },
    ),
    route(
      'GET',
      '/comments/:id',
      { summary: 'A comment where it stands now', params: ById, reply: Comment },
      async ({ params, ...call }) => {
        const { comment, position } = await getComment(parts, callerOf(call), rowOf('comment', params.id))
        return new Reply(comment, { 'Switchboard-Position': position })
      },
    ),
    route(
      'DELETE',
      '/comments/:id',
      { summary: 'Delete a comment and its replies (who wrote it, or manages the PRD)', params: ById },
      async ({ params, ...call }) => {
        await deleteComment(parts, callerOf(call), rowOf('comment', params.id))
      },
    ),
    route(
      'POST',
      '/comments/:id/resolve',
      { summary: 'Resolve a comment (who sees the PRD)', params: ById, reply: Comment, status: 200 },
      async ({ params, ...call }) => {
        const id = rowOf('comment', params.id)
        await resolveComment(parts, callerOf(call), id)
        return one(call, id)
      },
    ),
    route(
      'POST',
      '/comments/:id/reopen',
      { summary: 'Reopen a resolved comment (who sees the PRD)', params: ById, reply: Comment, status: 200 },
      async ({ params, ...call }) => {
        const id = rowOf('comment', params.id)
        await reopenComment(parts, callerOf(call), id)
        return one(call, id)
      },
    ),
    route(
      'GET',
      '/comments/:id/replies',
      {
        summary: 'Replies to a comment, newest first',
        params: ById,
        query: Type.Object(pageBy('reply')),
        reply: PageOf(CommentReply),
      },
      ({ params, query, ...call }) =>
        readCamelPage(
          parts.database,
          async (reader) => {
            const id = rowOf('comment', params.id)
            await reachComment(reader, callerOf(call), id)
            return listReplies(reader, id, pageFrom('reply', query))
          },
          (shown: ShownReply) => shown,
        ),
    ),
    route(
      'POST',
      '/comments/:id/replies',
      { summary: 'Reply to a comment (who sees the PRD)', params: ById, body: Content, reply: CommentReply },
      async ({ params, body, ...call }) =>
        (await replyToComment(parts, callerOf(call), rowOf('comment', params.id), body.content)).reply,
    ),
    route(
      'DELETE',
      '/comments/:id/replies/:replyId',
      { summary: 'Delete a reply (who wrote it, or manages the PRD)', params: OfReply },
      async ({ params, ...call }) => {
        await deleteReply(parts, callerOf(call), rowOf('comment', params.id), rowOf('reply', params.replyId))
      },
    ),
  ]
}
