import type { Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

export type CraftLinkRow = Selectable<PrdTables['prd_craft_links']>

/** Of one PRD, the last one first, each with the name of who made it. */
export const craftLinksOf = sql<{ prd: number }>()((db, p) =>
  db
    .selectFrom('prd_craft_links as l')
    .leftJoin('accounts as a', 'a.id', 'l.linked_by')
    .selectAll('l')
    .select('a.display_name as linker_name')
    .where('l.prd_id', '=', p.prd)
    .orderBy('l.linked_at', 'desc')
    .orderBy('l.initiative_id', 'desc'),
)

export const findCraftLink = sql<{ prd: number; initiative: string }>()((db, p) =>
  db
    .selectFrom('prd_craft_links')
    .selectAll()
    .where('prd_id', '=', p.prd)
    .where('initiative_id', '=', p.initiative),
)

export const countCraftLinks = sql<{ prd: number }>()((db, p) =>
  db
    .selectFrom('prd_craft_links')
    .select((e) => e.fn.countAll().as('count'))
    .where('prd_id', '=', p.prd),
)

/** One of a PRD's initiatives, new or as it is from now on. */
export const saveCraftLink = sql<CraftLinkRow>()((db, p) =>
  db
    .insertInto('prd_craft_links')
    .values({
      prd_id: p.prd_id,
      initiative_id: p.initiative_id,
      title: p.title,
      status: p.status,
      objectives: p.objectives,
      link_type: p.link_type,
      linked_by: p.linked_by,
      linked_at: p.linked_at,
      initiative_at: p.initiative_at,
    })
    .onConflict((c) =>
      c.columns(['prd_id', 'initiative_id']).doUpdateSet((e) => ({
        title: e.ref('excluded.title'),
        status: e.ref('excluded.status'),
        objectives: e.ref('excluded.objectives'),
        link_type: e.ref('excluded.link_type'),
        linked_by: e.ref('excluded.linked_by'),
        linked_at: e.ref('excluded.linked_at'),
        initiative_at: e.ref('excluded.initiative_at'),
      })),
    ),
)

export const deleteCraftLink = sql<{ prd: number; initiative: string }>()((db, p) =>
  db.deleteFrom('prd_craft_links').where('prd_id', '=', p.prd).where('initiative_id', '=', p.initiative),
)

/** What an organisation's PRDs have of an initiative, the first PRD first. */
export const craftLinksTo = sql<{ organization: number; initiative: string }>()((db, p) =>
  db
    .selectFrom('prd_craft_links as l')
    .innerJoin('prd_prds as d', 'd.id', 'l.prd_id')
    .selectAll('l')
    .select('d.access')
    .where('l.initiative_id', '=', p.initiative)
    .where('d.organization_id', '=', p.organization)
    .where('d.deleted_at', 'is', null)
    .orderBy('l.prd_id'),
)

/** The PRDs of an organisation that were changed last. */
export const lastChangedPrds = sql<{ organization: number; limit: number }>()((db, p) =>
  db
    .selectFrom('prd_prds')
    .select(['id', 'title'])
    .where('organization_id', '=', p.organization)
    .where('deleted_at', 'is', null)
    .orderBy('updated_at', 'desc')
    .orderBy('id', 'desc')
    .limit(p.limit),
)

export const findPrd = sql<{ prd: number }>()((db, p) =>
  db.selectFrom('prd_prds').selectAll().where('id', '=', p.prd).where('deleted_at', 'is', null),
)

/** Changes no row where the delivery was taken before. */
export const takeDelivery = sql<{ organization: number; delivery: string; at: number }>()((db, p) =>
  db
    .insertInto('prd_craft_deliveries')
    .values({ organization_id: p.organization, delivery: p.delivery, received_at: p.at })
    .onConflict((c) => c.columns(['organization_id', 'delivery']).doNothing()),
)

export const expireDeliveries = sql<{ before: number }>()((db, p) =>
  db.deleteFrom('prd_craft_deliveries').where('received_at', '<', p.before),
)
