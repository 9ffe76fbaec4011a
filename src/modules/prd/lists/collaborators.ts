import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { toId } from '../ids.ts'
import { collaboratorsPage } from '../store/collaborators.ts'
import type { CollaboratorRole } from '../tables.ts'
import { timestamp } from '../wire.ts'
import { ALL } from './organizations.ts'

/** What routes/shapes.ts describes. */
export interface Collaborator {
  readonly userId: string
  readonly name: string
  readonly role: CollaboratorRole
  readonly addedBy: string
  readonly addedAt: string
}

/** Whom a PRD was shared with by name, the newest account first. */
export async function listCollaborators(
  reader: Reader,
  prd: number,
  { limit, before = ALL + 1 }: Page<number>,
): Promise<Listed<Collaborator, string>> {
  return paged(await read(reader, { prd, from: before - 1, limit: limit + 1 }), limit, ({ userId }) => userId)
}

/** Somebody who is known to be one. */
export async function showCollaborator(reader: Reader, prd: number, account: number): Promise<Collaborator> {
  return (await read(reader, { prd, from: account, limit: 1 }))[0]!
}

async function read(reader: Reader, page: { prd: number; from: number; limit: number }): Promise<Collaborator[]> {
  const rows = await reader.all(collaboratorsPage, page)
  return rows.map(({ account_id, display_name, role, added_by, added_at }) => ({
    userId: toId('user', account_id),
    name: display_name,
    role,
    addedBy: toId('user', added_by),
    addedAt: timestamp(added_at),
  }))
}
