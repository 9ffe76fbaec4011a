import type { Kysely } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

interface Portion {
  prd: number
  limit: number
}

type Numbered = 'prd_versions' | 'prd_comments' | 'prd_conflicts' | 'prd_notifications' | 'prd_ai_jobs' | 'prd_suggestions'

const byId = (table: Numbered) =>
  sql<Portion>()((db, p) =>
    db
      .deleteFrom(table)
      .where('id', 'in', db.selectFrom(table).select('id').where('prd_id', '=', p.prd).limit(p.limit)),
  )

/** What is left of an organisation that has gone, a number of rows at a time. */
export const deletesOfOrganization = (['prd_activities', 'prd_templates'] as const).map((table) =>
  sql<{ organization: number; limit: number }>()((db, p) =>
    db
      .deleteFrom(table)
      .where('id', 'in', db.selectFrom(table).select('id').where('organization_id', '=', p.organization).limit(p.limit)),
  ),
)

/** What has many or large rows, a number of them at a time; replies before the comments that lead to them. */
export const deletesOfPortion = [
  sql<Portion>()((db, p) =>
    db.deleteFrom('prd_operations').where('prd_id', '=', p.prd).where('seq', 'in', firstOperations(db, p)),
  ),
  sql<Portion>()((db, p) =>
    db.deleteFrom('prd_replies').where('id', 'in', (replies) =>
      replies
        .selectFrom('prd_replies as r')
        .innerJoin('prd_comments as c', 'c.id', 'r.comment_id')
        .select('r.id')
        .where('c.prd_id', '=', p.prd)
        .limit(p.limit),
    ),
  ),
  byId('prd_comments'),
  byId('prd_versions'),
  byId('prd_conflicts'),
  byId('prd_notifications'),
  byId('prd_ai_jobs'),
  byId('prd_suggestions'),
] as const

const firstOperations = (db: Kysely<PrdTables>, p: Portion) =>
  db.selectFrom('prd_operations').select('seq').where('prd_id', '=', p.prd).orderBy('seq').limit(p.limit)

type Small =
  | 'prd_approvals'
  | 'prd_collaborators'
  | 'prd_snapshots'
  | 'prd_sessions'
  | 'prd_jira_items'
  | 'prd_jira_syncs'
  | 'prd_craft_links'

const ofPrd = (table: Small) =>
  sql<{ prd: number }>()((db, p) => db.deleteFrom(table).where('prd_id', '=', p.prd))

export const deletesOfRest = [
  ofPrd('prd_approvals'),
  ofPrd('prd_collaborators'),
  ofPrd('prd_snapshots'),
  ofPrd('prd_sessions'),
  ofPrd('prd_jira_items'),
  ofPrd('prd_jira_syncs'),
  ofPrd('prd_craft_links'),
  // What may be remembered of it names no PRD. The organisation is asked for, as its activities are what is indexed.
  sql<{ prd: number }>()((db, p) =>
    db
      .deleteFrom('prd_activities')
      .where('organization_id', '=', (e) =>
        e.selectFrom('prd_prds').select('organization_id').where('id', '=', p.prd),
      )
      .where('prd_id', '=', p.prd),
  ),
] as const

export const deletePrdRow = sql<{ prd: number }>()((db, p) => db.deleteFrom('prd_prds').where('id', '=', p.prd))
