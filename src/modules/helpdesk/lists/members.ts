import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { statements } from '../../../kernel/statement.ts'
import { roleOf } from '../policy.ts'
import type { HelpdeskTables } from '../tables.ts'
import { timestamp, type Role } from '../wire.ts'
import { timestampOrNull } from './channels.ts'

const sql = statements<HelpdeskTables>()

/** Above every number a row can have. */
const ALL = 2_147_483_647

/** What routes/shapes.ts describes. */
export interface Member {
  userId: number
  displayName: string
  role: Role
  addedBy: number
  addedAt: string
  joinedAt: string | null
  leftAt: string | null
}

const membersPage = sql<{ channel: number; from: number; limit: number }>()((db, p) =>
  db
    .selectFrom('helpdesk_members as m')
    .innerJoin('accounts as a', 'a.id', 'm.user_id')
    .leftJoin('helpdesk_people as f', 'f.user_id', 'm.user_id')
    .select(['m.user_id', 'a.display_name', 'a.role as account_role', 'f.role'])
    .select(['m.added_by', 'm.added_at', 'm.joined_at', 'm.left_at'])
    .where('m.channel_id', '=', p.channel)
    .where('m.user_id', '<=', p.from)
    .orderBy('m.user_id', 'desc')
    .limit(p.limit),
)

/** Members of a channel, the newest account first: an order that nobody's coming or going changes. */
export async function listMembers(
  reader: Reader,
  channel: number,
  { limit, before = ALL + 1 }: Page<number>,
): Promise<Listed<Member, number>> {
  const members = await read(reader, channel, before - 1, limit + 1)
  return paged(members, limit, ({ userId }) => userId)
}

export async function findMember(reader: Reader, channel: number, user: number): Promise<Member | undefined> {
  const [member] = await read(reader, channel, user, 1)
  return member?.userId === user ? member : undefined
}

async function read(reader: Reader, channel: number, from: number, limit: number): Promise<Member[]> {
  const rows = await reader.all(membersPage, { channel, from, limit })
  return rows.map((row) => ({
    userId: row.user_id,
    displayName: row.display_name,
    role: roleOf(row),
    addedBy: row.added_by,
    addedAt: timestamp(row.added_at),
    joinedAt: timestampOrNull(row.joined_at),
    leftAt: timestampOrNull(row.left_at),
  }))
}
