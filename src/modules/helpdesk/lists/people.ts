import type { Reader } from '../../../kernel/database.ts'
import { nameKey } from '../../../kernel/names.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { activePeople } from '../store/people.ts'
import type { Role } from '../wire.ts'

export interface PeopleFilter extends Page<number> {
  /** Part of the username or the display name. */
  readonly q?: string | undefined
}

export interface ListedPerson {
  readonly id: number
  readonly username: string
  readonly display_name: string
  readonly account_role: string
  readonly role: Role | null
  readonly status_message: string | null
  readonly custom_status: string | null
}

const ALL = 2_147_483_647
/** Names are compared here, as the databases do not agree on what is upper case: rows of a read, and of a request. */
const BATCH = 500
const MOST = 5_000

/** Everybody with an active account, who came last first. A page of a search may be short and still have a next one. */
export async function listPeople(
  reader: Reader,
  { limit, before = ALL, q = '' }: PeopleFilter,
): Promise<Listed<ListedPerson, number>> {
  const key = nameKey(q)
  if (key === '') return paged(await reader.all(activePeople, { before, limit: limit + 1 }), limit, ({ id }) => id)
  const isMeant = ({ username, display_name: name }: ListedPerson): boolean =>
    nameKey(username).includes(key) || nameKey(name).includes(key)
  const found: ListedPerson[] = []
  let cursor = before
  for (let seen = 0; seen < MOST; seen += BATCH) {
    const rows = await reader.all(activePeople, { before: cursor, limit: BATCH })
    found.push(...rows.filter(isMeant))
    if (found.length > limit || rows.length < BATCH) return paged(found, limit, ({ id }) => id)
    cursor = rows.at(-1)!.id
  }
  return { rows: found, next: cursor }
}
