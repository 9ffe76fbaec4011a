import type { Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

export type JiraItemRow = Selectable<PrdTables['prd_jira_items']>
export type JiraSyncRow = Selectable<PrdTables['prd_jira_syncs']>

/** In the order in which they became known. */
export const jiraItemsOf = sql<{ prd: number }>()((db, p) =>
  db
    .selectFrom('prd_jira_items')
    .selectAll()
    .where('prd_id', '=', p.prd)
    .orderBy('synced_at')
    .orderBy('item_key'),
)

export const findJiraItem = sql<{ prd: number; key: string }>()((db, p) =>
  db.selectFrom('prd_jira_items').selectAll().where('prd_id', '=', p.prd).where('item_key', '=', p.key),
)

/** New, or as it is from now on. */
export const saveJiraItem = sql<JiraItemRow>()((db, p) =>
  db
    .insertInto('prd_jira_items')
    .values({
      prd_id: p.prd_id,
      item_key: p.item_key,
      kind: p.kind,
      anchor: p.anchor,
      agreed: p.agreed,
      project_key: p.project_key,
      issue_id: p.issue_id,
      issue_key: p.issue_key,
      jira_updated: p.jira_updated,
      synced_at: p.synced_at,
    })
    .onConflict((c) =>
      c.columns(['prd_id', 'item_key']).doUpdateSet({
        anchor: p.anchor,
        agreed: p.agreed,
        project_key: p.project_key,
        issue_id: p.issue_id,
        issue_key: p.issue_key,
        jira_updated: p.jira_updated,
        synced_at: p.synced_at,
      }),
    ),
)

/** Whether any organisation has set Jira. */
export const findAnyJira = sql<object>()((db) =>
  db.selectFrom('prd_integrations').select('organization_id').where('kind', '=', 'jira').limit(1),
)

export const deleteJiraItem = sql<{ prd: number; key: string }>()((db, p) =>
  db.deleteFrom('prd_jira_items').where('prd_id', '=', p.prd).where('item_key', '=', p.key),
)

/** Of a PRD that is not deleted. */
export const findJiraSync = sql<{ prd: number }>()((db, p) =>
  db
    .selectFrom('prd_jira_syncs as s')
    .innerJoin('prd_prds as d', 'd.id', 's.prd_id')
    .selectAll('s')
    .select('d.organization_id')
    .where('s.prd_id', '=', p.prd)
    .where('d.deleted_at', 'is', null),
)

/** The last one takes the place of the one before it. */
export const saveJiraSync = sql<JiraSyncRow>()((db, p) =>
  db
    .insertInto('prd_jira_syncs')
    .values({
      prd_id: p.prd_id,
      sync_type: p.sync_type,
      project_key: p.project_key,
      status: p.status,
      asked_by: p.asked_by,
      asked_at: p.asked_at,
      ended_at: p.ended_at,
      result: p.result,
    })
    .onConflict((c) =>
      c.column('prd_id').doUpdateSet({
        sync_type: p.sync_type,
        project_key: p.project_key,
        status: p.status,
        asked_by: p.asked_by,
        asked_at: p.asked_at,
        ended_at: p.ended_at,
        result: p.result,
      }),
    ),
)
