import type { CompiledQuery, Insertable } from 'kysely'
import type { Dialect } from '../../../kernel/database.ts'
import { builder, statements } from '../../../kernel/statement.ts'
import type { Anchors } from '../document/anchors.ts'
import type { PrdTables } from '../tables.ts'
import { seesInSql } from './sight.ts'

const sql = statements<PrdTables>()

type NewComment = Omit<Required<Insertable<PrdTables['prd_comments']>>, 'id' | 'resolved_by' | 'resolved_at'>
type NewReply = Omit<Insertable<PrdTables['prd_replies']>, 'id'>

export const insertComment = sql<NewComment>()((db, p) =>
  db
    .insertInto('prd_comments')
    .values({
      prd_id: p.prd_id,
      account_id: p.account_id,
      content: p.content,
      anchor: p.anchor,
      start_anchor: p.start_anchor,
      end_anchor: p.end_anchor,
      selected_text: p.selected_text,
      occurrences: p.occurrences,
      created_at: p.created_at,
      resolved_by: null,
      resolved_at: null,
    })
    .returning('id'),
)

export const countComments = sql<{ prd: number }>()((db, p) =>
  db
    .selectFrom('prd_comments')
    .select((e) => e.fn.countAll().as('count'))
    .where('prd_id', '=', p.prd),
)

/** What was selected is what it was; where it stands is said anew. */
export const saveAnchors = sql<Omit<Anchors, 'selected_text'> & { id: number }>()((db, p) =>
  db
    .updateTable('prd_comments')
    .set({ anchor: p.anchor, start_anchor: p.start_anchor, end_anchor: p.end_anchor, occurrences: p.occurrences })
    .where('id', '=', p.id),
)

export const markResolved = sql<{ id: number; by: number; at: number }>()((db, p) =>
  db.updateTable('prd_comments').set({ resolved_by: p.by, resolved_at: p.at }).where('id', '=', p.id),
)

export const markOpen = sql<{ id: number }>()((db, p) =>
  db.updateTable('prd_comments').set({ resolved_by: null, resolved_at: null }).where('id', '=', p.id),
)

export const deleteCommentRow = sql<{ id: number }>()((db, p) => db.deleteFrom('prd_comments').where('id', '=', p.id))
export const deleteReplies = sql<{ comment: number }>()((db, p) =>
  db.deleteFrom('prd_replies').where('comment_id', '=', p.comment),
)

export const insertReply = sql<NewReply>()((db, p) =>
  db
    .insertInto('prd_replies')
    .values({ comment_id: p.comment_id, account_id: p.account_id, content: p.content, created_at: p.created_at })
    .returning('id'),
)

export const countReplies = sql<{ comment: number }>()((db, p) =>
  db
    .selectFrom('prd_replies')
    .select((e) => e.fn.countAll().as('count'))
    .where('comment_id', '=', p.comment),
)

export const findReply = sql<{ comment: number; id: number }>()((db, p) =>
  db.selectFrom('prd_replies').selectAll().where('comment_id', '=', p.comment).where('id', '=', p.id),
)

export const deleteReplyRow = sql<{ id: number }>()((db, p) => db.deleteFrom('prd_replies').where('id', '=', p.id))

/** Who has replied, those who did last first. */
export const repliersOf = sql<{ comment: number; limit: number }>()((db, p) =>
  db
    .selectFrom('prd_replies')
    .select('account_id')
    .where('comment_id', '=', p.comment)
    .groupBy('account_id')
    .orderBy((e) => e.fn.max('id'), 'desc')
    .limit(p.limit),
)

export const nameOf = sql<{ account: number }>()((db, p) =>
  db.selectFrom('accounts').select('display_name').where('id', '=', p.account),
)

/** People with active accounts who see the PRD, of those that are named: by the keys of their usernames, or by row. */
export function seersAmong(
  dialect: Dialect,
  prd: number,
  { names, ids }: { readonly names: readonly string[]; readonly ids: readonly number[] },
): CompiledQuery<{ id: number; username_key: string }> {
  return builder<PrdTables>(dialect)
    .selectFrom('prd_prds as d')
    .innerJoin('prd_members as m', 'm.organization_id', 'd.organization_id')
    .innerJoin('accounts as a', (j) => j.onRef('a.id', '=', 'm.account_id').on('a.status', '=', 'active'))
    .leftJoin('prd_collaborators as c', (j) => j.onRef('c.prd_id', '=', 'd.id').onRef('c.account_id', '=', 'a.id'))
    .select(['a.id', 'a.username_key'])
    .where('d.id', '=', prd)
    .where((e) =>
      e.or([
        ...(ids.length > 0 ? [e('a.id', 'in', ids)] : []),
        ...(names.length > 0 ? [e('a.username_key', 'in', names)] : []),
      ]),
    )
    .where((e) => seesInSql(e as never, e.ref('a.id')))
    .compile()
}
