import type { Reader } from '../../../kernel/database.ts'
import { builder, statements } from '../../../kernel/statement.ts'
import { worksTickets, type Person } from '../policy.ts'
import type { HelpdeskTables, TicketPriority, TicketStatus } from '../tables.ts'
import { timestamp, type MessageType } from '../wire.ts'
import type { MessageRow } from './access.ts'

const sql = statements<HelpdeskTables>()

/** Whether it may be seen is for its channel to say. */
export const findMessageById = sql<{ id: number }>()((db, p) =>
  db.selectFrom('helpdesk_messages').selectAll().where('id', '=', p.id),
)

/** What routes/shapes.ts describes. */
export interface Message {
  id: number
  channelId: number
  userId: number
  userDisplayName: string
  message: string
  messageType: MessageType
  replyToId: number | null
  timestamp: string
  file: { id: string; name: string; mimeType: string; size: number; url: string | null } | null
  ticket: { id: number; subject: string; status: TicketStatus; priority: TicketPriority } | null
}

/** Messages of channels that the reader sees, in the order given: one query for each kind of thing around them. */
export async function showMessages(reader: Reader, person: Person, rows: readonly MessageRow[]): Promise<Message[]> {
  if (rows.length === 0) return []
  const names = await namesOf(reader, rows)
  const files = await filesOf(reader, rows)
  const tickets = await ticketsOf(reader, person, rows)
  return rows.map((row) => ({
    id: row.id,
    channelId: row.channel_id,
    userId: row.user_id,
    userDisplayName: names.get(row.user_id) ?? '',
    message: row.content,
    messageType: row.type,
    replyToId: row.reply_to_id,
    timestamp: timestamp(row.created_at),
    file: files.get(row.id) ?? null,
    ticket: tickets.get(ticketIn(row) ?? 0) ?? null,
  }))
}

const HIGHEST_ID = 2_147_483_647

/**
 * The ticket that a message links to, in the forms people write: `12`, `#12`, or an address that ends in `/tickets/12`.
 */
export function ticketIn({ type, content }: Pick<MessageRow, 'type' | 'content'>): number | undefined {
  if (type !== 'ticket_link') return undefined
  const text = content.trim()
  const digits = /^#?(\d{1,10})$/.exec(text)?.[1] ?? /\/tickets\/(\d{1,10})$/.exec(text)?.[1]
  const id = Number(digits)
  return id >= 1 && id <= HIGHEST_ID ? id : undefined
}

async function namesOf(reader: Reader, rows: readonly MessageRow[]): Promise<ReadonlyMap<number, string>> {
  const authors = [...new Set(rows.map((row) => row.user_id))]
  const query = builder<HelpdeskTables>(reader.dialect)
    .selectFrom('accounts')
    .select(['id', 'display_name'])
    .where('id', 'in', authors)
  return new Map((await reader.query(query.compile())).map(({ id, display_name }) => [id, display_name]))
}

async function filesOf(reader: Reader, rows: readonly MessageRow[]): Promise<ReadonlyMap<number, Message['file']>> {
  const query = builder<HelpdeskTables>(reader.dialect)
    .selectFrom('helpdesk_files')
    .select(['message_id', 'uuid', 'name', 'mime_type', 'size', 'stored'])
    .where('message_id', 'in', rows.map((row) => row.id))
    .orderBy('id')
  const files = await reader.query(query.compile())
  return new Map(
    files.map(({ message_id, uuid, name, mime_type, size, stored }) => {
      const url = stored === 1 ? `/api/helpdesk/files/${uuid}` : null
      return [message_id!, { id: uuid, name, mimeType: mime_type, size, url }]
    }),
  )
}

/** Of the tickets that are linked to, those the person may see (H-P6). */
async function ticketsOf(
  reader: Reader,
  person: Person,
  rows: readonly MessageRow[],
): Promise<ReadonlyMap<number, Message['ticket']>> {
  const ids = [...new Set(rows.map(ticketIn))].filter((id) => id !== undefined)
  if (ids.length === 0) return new Map()
  let query = builder<HelpdeskTables>(reader.dialect)
    .selectFrom('helpdesk_tickets')
    .select(['id', 'subject', 'status', 'priority'])
    .where('id', 'in', ids)
  if (!worksTickets(person)) query = query.where('requester_id', '=', person.actor_id)
  return new Map((await reader.query(query.compile())).map((ticket) => [ticket.id, ticket]))
}
