import { statements } from '../../../kernel/statement.ts'
import type { IntegrationKind } from '../integrations/kinds.ts'
import type { Health } from '../tables-integrations.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

interface One {
  organization: number
  kind: IntegrationKind
}

export const findIntegration = sql<One>()((db, p) =>
  db
    .selectFrom('prd_integrations')
    .selectAll()
    .where('organization_id', '=', p.organization)
    .where('kind', '=', p.kind),
)

/** With the name of who set it. */
export const integrationsOf = sql<{ organization: number }>()((db, p) =>
  db
    .selectFrom('prd_integrations as i')
    .innerJoin('accounts as a', 'a.id', 'i.updated_by')
    .selectAll('i')
    .select('a.display_name as updated_by_name')
    .where('i.organization_id', '=', p.organization)
    .orderBy('i.updated_at', 'desc')
    .orderBy('i.kind'),
)

export const saveIntegration = sql<PrdTables['prd_integrations']>()((db, p) =>
  db
    .insertInto('prd_integrations')
    .values({
      organization_id: p.organization_id,
      kind: p.kind,
      settings: p.settings,
      secrets: p.secrets,
      status: p.status,
      status_message: p.status_message,
      status_at: p.status_at,
      updated_by: p.updated_by,
      updated_at: p.updated_at,
    })
    .onConflict((c) =>
      c.columns(['organization_id', 'kind']).doUpdateSet((e) => ({
        settings: e.ref('excluded.settings'),
        secrets: e.ref('excluded.secrets'),
        status: e.ref('excluded.status'),
        status_message: e.ref('excluded.status_message'),
        status_at: e.ref('excluded.status_at'),
        updated_by: e.ref('excluded.updated_by'),
        updated_at: e.ref('excluded.updated_at'),
      })),
    ),
)

export const saveHealth = sql<One & { status: Health; message: string; at: number }>()((db, p) =>
  db
    .updateTable('prd_integrations')
    .set({ status: p.status, status_message: p.message, status_at: p.at })
    .where('organization_id', '=', p.organization)
    .where('kind', '=', p.kind),
)

export const deleteIntegrationRow = sql<One>()((db, p) =>
  db.deleteFrom('prd_integrations').where('organization_id', '=', p.organization).where('kind', '=', p.kind),
)

/** With an organisation goes what it is connected with. */
export const deletesOfIntegrations = [
  sql<{ organization: number }>()((db, p) =>
    db.deleteFrom('prd_integrations').where('organization_id', '=', p.organization),
  ),
  sql<{ organization: number }>()((db, p) =>
    db.deleteFrom('prd_craft_deliveries').where('organization_id', '=', p.organization),
  ),
] as const

/** Admins who can act, and the name of the organisation. */
export const adminsOf = sql<{ organization: number }>()((db, p) =>
  db
    .selectFrom('prd_members as m')
    .innerJoin('accounts as a', (j) => j.onRef('a.id', '=', 'm.account_id').on('a.status', '=', 'active'))
    .innerJoin('prd_organizations as o', 'o.id', 'm.organization_id')
    .select(['m.account_id', 'o.name as organization_name'])
    .where('m.organization_id', '=', p.organization)
    .where('m.role', '=', 'admin')
    .orderBy('m.account_id'),
)
