import type { Reader } from '../../../kernel/database.ts'
import { momentCursor, readMoment } from '../../../kernel/moment.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { blocksBy } from '../store/matching.ts'
import { profilesFor } from '../store/profiles.ts'

export interface ProfileRow {
  readonly uuid: string
  readonly username: string
  readonly display_name: string
  readonly bio: string
  readonly avatar: string | null
  readonly created_at: number
}

/** People somebody may like, who came last first. */
export async function listProfiles(reader: Reader, actor: number, page: Page): Promise<Listed<ProfileRow, string>> {
  const rows = await reader.all(profilesFor, { actor, ...readMoment(page.before), limit: page.limit + 1 })
  return paged(rows, page.limit, ({ created_at, uuid }) => momentCursor({ at: created_at, uuid }))
}

export type BlockRow = Pick<ProfileRow, 'uuid' | 'username' | 'display_name' | 'created_at'>

/** Whom somebody has blocked, the latest first. */
export async function listBlocks(reader: Reader, user: number, page: Page): Promise<Listed<BlockRow, string>> {
  const rows = await reader.all(blocksBy, { user, ...readMoment(page.before), limit: page.limit + 1 })
  return paged(rows, page.limit, ({ created_at, uuid }) => momentCursor({ at: created_at, uuid }))
}
