import type { Reader } from '../../../kernel/database.ts'
import { momentCursor, readMoment } from '../../../kernel/moment.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { readHistory, type History, type HistoryPage } from '../../../kernel/history.ts'
import { builder, statements } from '../../../kernel/statement.ts'
import type { Parts } from '../actions/parts.ts'
import { excerptOf } from '../actions/messages.ts'
import type { MessageRow } from '../store/access.ts'
import type { DatingTables } from '../tables.ts'
import { SYSTEM_ID, timestamp } from '../wire.ts'

const sql = statements<DatingTables>()

/** A conversation as one of the two has it in their list. */
export interface ConversationRow {
  readonly id: number
  readonly uuid: string
  readonly created_at: number
  readonly active_at: number
  readonly shares: number
  readonly read_id: number
  readonly user_id: number
  readonly user_uuid: string
  readonly partner_id: number
  readonly partner_uuid: string
  readonly partner_username: string
  readonly partner_name: string
  readonly partner_avatar: string | null
  readonly partner_shares: number
  readonly unread: number
  readonly last: MessageRow | undefined
}

/** What lasts, by its last message. */
export async function listConversations(
  reader: Reader,
  user: number,
  { limit, before }: Page,
): Promise<Listed<ConversationRow, string>> {
  const rows = await read(reader, user, { ...readMoment(before), limit: limit + 1 })
  const listed = paged(rows, limit, ({ active_at, uuid }) => momentCursor({ at: active_at, uuid }))
  return { ...listed, rows: await withLast(reader, listed.rows) }
}

/** One that is known to be theirs. */
export async function findConversation(reader: Reader, user: number, uuid: string): Promise<ConversationRow> {
  return (await withLast(reader, await read(reader, user, { only: uuid })))[0]!
}

type Which = { readonly at: number; readonly uuid: string; readonly limit: number } | { readonly only: string }

/** The page first, then what belongs to it: a planner that knows nothing of the tables yet would look for it in all. */
function read(reader: Reader, user: number, which: Which): Promise<Omit<ConversationRow, 'last'>[]> {
  const db = builder<DatingTables>(reader.dialect)
  const mine = db
    .selectFrom('dating_participants as m')
    .innerJoin('dating_conversations as c', (j) =>
      j.onRef('c.id', '=', 'm.conversation_id').on('c.ended_at', 'is', null),
    )
    .select(['c.id', 'c.uuid', 'c.created_at', 'c.active_at', 'm.partner_id', 'm.shares', 'm.read_id', 'm.user_id'])
    .where('m.user_id', '=', user)
  const page =
    'only' in which
      ? mine.where('c.uuid', '=', which.only)
      : mine
          .where((e) => e(e.refTuple('c.active_at', 'c.uuid'), '<', e.tuple(which.at, which.uuid)))
          .orderBy('c.active_at', 'desc')
          .orderBy('c.uuid', 'desc')
          .limit(which.limit)
  const query = db
    .selectFrom(page.as('p'))
    .innerJoin('accounts as u', 'u.id', 'p.user_id')
    .innerJoin('accounts as a', 'a.id', 'p.partner_id')
    .innerJoin('dating_participants as o', (j) =>
      j.onRef('o.conversation_id', '=', 'p.id').onRef('o.user_id', '=', 'p.partner_id'),
    )
    .leftJoin('dating_profiles as f', 'f.user_id', 'p.partner_id')
    .selectAll('p')
    .select(['u.uuid as user_uuid', 'a.uuid as partner_uuid', 'a.username as partner_username'])
    .select(['a.display_name as partner_name', 'f.avatar as partner_avatar', 'o.shares as partner_shares'])
    .select((e) =>
      e
        .selectFrom('dating_messages as t')
        .select((t) => t.fn.countAll<number>().as('count'))
        .whereRef('t.conversation_id', '=', 'p.id')
        .whereRef('t.id', '>', 'p.read_id')
        .where((t) => t.or([t('t.sender_id', 'is', null), t('t.sender_id', '!=', user)]))
        .$asScalar()
        .$notNull()
        .as('unread'),
    )
    .orderBy('p.active_at', 'desc')
    .orderBy('p.uuid', 'desc')
  return reader.query(query.compile())
}

async function withLast(
  reader: Reader,
  rows: readonly Omit<ConversationRow, 'last'>[],
): Promise<readonly ConversationRow[]> {
  if (rows.length === 0) return []
  const db = builder<DatingTables>(reader.dialect)
  const ids = rows.map(({ id }) => id)
  const newest = db
    .selectFrom('dating_messages')
    .select((e) => e.fn.max('id').as('id'))
    .where('conversation_id', 'in', ids)
    .groupBy('conversation_id')
  const messages = await reader.query(db.selectFrom('dating_messages').selectAll().where('id', 'in', newest).compile())
  const last = new Map(messages.map((message) => [message.conversation_id, message]))
  return rows.map((row) => ({ ...row, last: last.get(row.id) }))
}

/** @param now wall clock, milliseconds: photos have addresses that end */
export function showConversation(parts: Parts, row: ConversationRow, now: number): object {
  const { last, partner_avatar: avatar, partner_id, user_id } = row
  const senders = new Map([
    [user_id, row.user_uuid],
    [partner_id, row.partner_uuid],
  ])
  return {
    id: row.uuid,
    partner: {
      id: row.partner_uuid,
      username: row.partner_username,
      display_name: row.partner_name,
      avatar_url: avatar === null ? null : parts.photoUrls.file(avatar, now),
      online: parts.live.isOnline(partner_id),
    },
    last_message:
      last === undefined ? null : excerptOf(now, parts, last, senders.get(last.sender_id ?? 0) ?? SYSTEM_ID),
    unread_count: row.unread,
    shares_personal_data: { me: row.shares === 1, partner: row.partner_shares === 1 },
    created_at: timestamp(row.created_at),
  }
}

const idOf = sql<{ uuid: string }>()((db, p) =>
  db.selectFrom('dating_messages').select(['id', 'conversation_id']).where('uuid', '=', p.uuid),
)

interface Range {
  of: number
  from: number
  limit: number
}

const older = sql<Range>()((db, p) =>
  db
    .selectFrom('dating_messages')
    .selectAll()
    .where('conversation_id', '=', p.of)
    .where('id', '<', p.from)
    .orderBy('id', 'desc')
    .limit(p.limit),
)
const newer = sql<Range>()((db, p) =>
  db
    .selectFrom('dating_messages')
    .selectAll()
    .where('conversation_id', '=', p.of)
    .where('id', '>', p.from)
    .orderBy('id')
    .limit(p.limit),
)

/** Messages of a conversation, in pages to either side. @throws invalid for a message that is not in it, or deleted */
export const history = (reader: Reader, of: number, page: History): Promise<HistoryPage<MessageRow>> =>
  readHistory(page, {
    async place(uuid) {
      const at = await reader.get(idOf, { uuid })
      return at?.conversation_id === of ? at.id : undefined
    },
    older: (from, limit) => reader.all(older, { of, from, limit }),
    newer: (from, limit) => reader.all(newer, { of, from, limit }),
  })
