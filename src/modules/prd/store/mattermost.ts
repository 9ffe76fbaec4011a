import { statements } from '../../../kernel/statement.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

/** Organisations that are connected with a Mattermost server. */
export const allMattermost = sql<object>()((db) =>
  db
    .selectFrom('prd_integrations')
    .select('organization_id')
    .where('kind', '=', 'mattermost')
    .orderBy('organization_id'),
)

/** People with active accounts. */
export const membersToTell = sql<{ organization: number }>()((db, p) =>
  db
    .selectFrom('prd_members as m')
    .innerJoin('accounts as a', (j) => j.onRef('a.id', '=', 'm.account_id').on('a.status', '=', 'active'))
    .select('m.account_id')
    .where('m.organization_id', '=', p.organization),
)

/** A PRD that all members of its organisation see. */
export const findPublicPrd = sql<{ id: number }>()((db, p) =>
  db
    .selectFrom('prd_prds')
    .select(['organization_id', 'title'])
    .where('id', '=', p.id)
    .where('access', '!=', 'none')
    .where('deleted_at', 'is', null),
)

export const findUndeleted = sql<{ id: number }>()((db, p) =>
  db.selectFrom('prd_prds').select('id').where('id', '=', p.id).where('deleted_at', 'is', null),
)

export const findName = sql<{ account: number }>()((db, p) =>
  db.selectFrom('accounts').select('display_name').where('id', '=', p.account),
)

interface News {
  prd: number
  id: number
}

export const approvalToTell = sql<News>()((db, p) =>
  db
    .selectFrom('prd_approvals as t')
    .innerJoin('accounts as a', 'a.id', 't.approver_id')
    .select(['a.display_name as actor', 't.answer as text'])
    .where('t.prd_id', '=', p.prd)
    .where('t.id', '=', p.id),
)

export const versionToTell = sql<News>()((db, p) =>
  db
    .selectFrom('prd_versions as t')
    .innerJoin('accounts as a', 'a.id', 't.created_by')
    .select(['a.display_name as actor', 't.changelog as text', 't.version'])
    .where('t.prd_id', '=', p.prd)
    .where('t.id', '=', p.id),
)

export const commentToTell = sql<News>()((db, p) =>
  db
    .selectFrom('prd_comments as t')
    .innerJoin('accounts as a', 'a.id', 't.account_id')
    .select(['a.display_name as actor', 't.content as text'])
    .where('t.prd_id', '=', p.prd)
    .where('t.id', '=', p.id),
)

export const replyToTell = sql<News>()((db, p) =>
  db
    .selectFrom('prd_replies as t')
    .innerJoin('prd_comments as c', 'c.id', 't.comment_id')
    .innerJoin('accounts as a', 'a.id', 't.account_id')
    .select(['a.display_name as actor', 't.content as text'])
    .where('c.prd_id', '=', p.prd)
    .where('t.id', '=', p.id),
)
