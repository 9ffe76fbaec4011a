import type { Kysely, Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import { seesChannel, type Person, type Standing } from '../policy.ts'
import type { HelpdeskTables, TicketPriority, TicketStatus } from '../tables.ts'
import { isResolved } from '../ticket-policy.ts'
import { timestamp } from '../wire.ts'

const sql = statements<HelpdeskTables>()

export type TicketRow = Selectable<HelpdeskTables['helpdesk_tickets']>

export const insertTicket = sql<Omit<TicketRow, 'id'>>()((db, p) =>
  db
    .insertInto('helpdesk_tickets')
    .values({
      subject: p.subject,
      description: p.description,
      status: p.status,
      priority: p.priority,
      requester_id: p.requester_id,
      assignee_id: p.assignee_id,
      channel_id: p.channel_id,
      due_at: p.due_at,
      due_by_hand: p.due_by_hand,
      created_by: p.created_by,
      created_at: p.created_at,
      updated_at: p.updated_at,
      resolved_at: p.resolved_at,
    })
    .returning('id'),
)
/** Without its words: writing these writes the search index too, see `rewordTicket`. */
export const updateTicketRow = sql<
  Pick<
    TicketRow,
    'id' | 'status' | 'priority' | 'assignee_id' | 'channel_id' | 'due_at' | 'due_by_hand' | 'updated_at' | 'resolved_at'
  >
>()((db, p) =>
  db
    .updateTable('helpdesk_tickets')
    .set({
      status: p.status,
      priority: p.priority,
      assignee_id: p.assignee_id,
      channel_id: p.channel_id,
      due_at: p.due_at,
      due_by_hand: p.due_by_hand,
      updated_at: p.updated_at,
      resolved_at: p.resolved_at,
    })
    .where('id', '=', p.id),
)
export const rewordTicket = sql<Pick<TicketRow, 'id' | 'subject' | 'description'>>()((db, p) =>
  db.updateTable('helpdesk_tickets').set({ subject: p.subject, description: p.description }).where('id', '=', p.id),
)

/** Tickets with the names in them, and how a person stands to their channels. */
export const selectTickets = (db: Kysely<HelpdeskTables>, actor: number) =>
  db
    .selectFrom('helpdesk_tickets')
    .innerJoin('accounts as r', 'r.id', 'helpdesk_tickets.requester_id')
    .leftJoin('accounts as s', 's.id', 'helpdesk_tickets.assignee_id')
    .leftJoin('helpdesk_channels as c', (j) =>
      j.onRef('c.id', '=', 'helpdesk_tickets.channel_id').on('c.deleted_at', 'is', null),
    )
    .leftJoin('helpdesk_members as m', (j) => j.onRef('m.channel_id', '=', 'c.id').on('m.user_id', '=', actor))
    .selectAll('helpdesk_tickets')
    .select(['r.display_name as requester_name', 's.display_name as assignee_name'])
    .select(['c.visibility', 'm.user_id as member'])

export const findTicket = sql<{ id: number; actor: number }>()((db, p) =>
  selectTickets(db, p.actor).where('helpdesk_tickets.id', '=', p.id),
)

export interface NamedTicket extends TicketRow {
  readonly requester_name: string
  readonly assignee_name: string | null
  /** Of its channel; null without one. */
  readonly visibility: Standing['visibility'] | null
  readonly member: number | null
}

/** As REST shows it. */
export interface Ticket {
  id: number
  subject: string
  description: string
  status: TicketStatus
  priority: TicketPriority
  requesterId: number
  requesterName: string
  assigneeId: number | null
  assigneeName: string | null
  /** Null too for who may not see that channel. */
  channelId: number | null
  dueAt: string | null
  overdue: boolean
  createdAt: string
  updatedAt: string
  resolvedAt: string | null
}

/** @param now wall clock, milliseconds */
export function showTicket(person: Person, row: NamedTicket, now: number): Ticket {
  const { visibility, member } = row
  const showsChannel = visibility !== null && seesChannel({ ...person, visibility, member })
  return {
    id: row.id,
    subject: row.subject,
    description: row.description,
    status: row.status,
    priority: row.priority,
    requesterId: row.requester_id,
    requesterName: row.requester_name,
    assigneeId: row.assignee_id,
    assigneeName: row.assignee_name,
    channelId: showsChannel ? row.channel_id : null,
    dueAt: timeOrNull(row.due_at),
    overdue: row.due_at !== null && row.due_at < now && !isResolved(row.status),
    createdAt: timestamp(row.created_at),
    updatedAt: timestamp(row.updated_at),
    resolvedAt: timeOrNull(row.resolved_at),
  }
}

const timeOrNull = (ms: number | null): string | null => (ms === null ? null : timestamp(ms))
