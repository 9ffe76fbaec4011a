import { conflict, forbidden, notFound } from '../../kernel/errors.ts'
import { worksTickets, type Person } from './policy.ts'
import type { TicketPriority, TicketStatus } from './tables.ts'

/** What somebody wants to be different; what is absent stays. Times are wall-clock milliseconds. */
export interface TicketChanges {
  readonly subject?: string | undefined
  readonly description?: string | undefined
  readonly status?: TicketStatus | undefined
  readonly priority?: TicketPriority | undefined
  readonly assigneeId?: number | null | undefined
  readonly channelId?: number | null | undefined
  readonly dueAt?: number | null | undefined
}

/** Nothing more is to be done about it. */
export const isResolved = (status: TicketStatus): boolean => status === 'resolved' || status === 'closed'

/** H-P6: agents and admins see all tickets, a customer their own. @throws not_found */
export function checkSeesTicket<T extends { readonly requester_id: number }>(person: Person, ticket: T | undefined): T {
  if (ticket && (worksTickets(person) || ticket.requester_id === person.actor_id)) return ticket
  throw notFound('This ticket')
}

const agentsOnly = ['priority', 'assigneeId', 'channelId', 'dueAt'] as const

/**
 * H-P6: a customer words their own ticket while it is worked on, closes it and reopens it; the rest is for agents and
 * admins.
 *
 * @throws forbidden, conflict for words in a ticket that is and stays closed
 */
export function checkChangesTicket(
  person: Person,
  ticket: { readonly status: TicketStatus },
  changes: TicketChanges,
): void {
  if (worksTickets(person)) return
  const field = agentsOnly.find((one) => changes[one] !== undefined)
  if (field !== undefined) throw forbidden(`Only agents and admins can change the ${field} of a ticket`)
  const { status = ticket.status } = changes
  const reopens = status === 'open' && isResolved(ticket.status)
  if (status !== ticket.status && status !== 'closed' && !reopens) {
    throw forbidden('You can close your ticket, and reopen it when it is resolved or closed; agents set the rest')
  }
  const words = changes.subject !== undefined || changes.description !== undefined
  if (words && isResolved(ticket.status) && !reopens) {
    throw conflict('This ticket is resolved or closed; set its status to open to change what it says')
  }
}
