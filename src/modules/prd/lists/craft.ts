import type { Reader } from '../../../kernel/database.ts'
import type { Initiative } from '../craft/initiative.ts'
import { toId } from '../ids.ts'
import { craftLinksOf, type CraftLinkRow } from '../store/craft.ts'
import { timestamp, type LinkType } from '../wire.ts'

const PREFIX = 'init_'

/** Initiatives are named by Craft.io's own ids, with a prefix as in section 8.4. */
export const toInitiativeId = (id: string): string => PREFIX + id

/** Craft.io's own id, of one that may be written without our prefix. */
export const craftIdOf = (id: string): string => (id.startsWith(PREFIX) ? id.slice(PREFIX.length) : id)

/** What section 8.4 tells of an initiative. */
export interface ShownInitiative {
  readonly id: string
  readonly title: string
  readonly status: string
  readonly objectives: readonly string[]
}

/** What routes/craft.ts describes. */
export interface CraftLink {
  readonly initiative: ShownInitiative
  readonly linkType: LinkType
  readonly linkedBy: { readonly id: string; readonly name: string } | null
  readonly linkedAt: string
  readonly updatedAt: string
}

type State = Pick<CraftLinkRow, 'initiative_id' | 'title' | 'status' | 'objectives'>

/** As it was when Craft.io was last heard of. */
export function initiativeOf({ initiative_id, title, status, objectives, initiative_at }: CraftLinkRow): Initiative {
  const named = JSON.parse(objectives) as readonly string[]
  return { id: initiative_id, title, status, objectives: named, updatedAt: initiative_at }
}

export const showInitiative = ({ initiative_id, title, status, objectives }: State): ShownInitiative => ({
  id: toInitiativeId(initiative_id),
  title,
  status,
  objectives: JSON.parse(objectives) as readonly string[],
})

/** All there are of a PRD, the last linked first; their number is bounded. */
export async function listCraftLinks(reader: Reader, prd: number): Promise<readonly CraftLink[]> {
  const rows = await reader.all(craftLinksOf, { prd })
  return rows.map((row) => ({
    initiative: showInitiative(row),
    linkType: row.link_type,
    linkedBy: row.linked_by === null ? null : { id: toId('user', row.linked_by), name: row.linker_name ?? '' },
    linkedAt: timestamp(row.linked_at),
    updatedAt: timestamp(row.initiative_at),
  }))
}
