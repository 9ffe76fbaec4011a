import { perform, type Caller } from '../../../kernel/action.ts'
import type { Reader } from '../../../kernel/database.ts'
import { forbidden, invalid } from '../../../kernel/errors.ts'
import { checkMay, roleOf, seesChannel, worksTickets, type Person } from '../policy.ts'
import type { HelpdeskSettings } from '../settings.ts'
import { accessChannel, accessPerson, type PersonAccess } from '../store/access.ts'
import {
  findTicket,
  insertTicket,
  rewordTicket,
  showTicket,
  updateTicketRow,
  type Ticket,
  type TicketRow,
} from '../store/tickets.ts'
import type { TicketPriority } from '../tables.ts'
import { checkChangesTicket, checkSeesTicket, isResolved, type TicketChanges } from '../ticket-policy.ts'
import { reachPerson, type Parts } from './parts.ts'

type TicketParts = Pick<Parts, 'unitOfWork' | 'settings'>

export interface NewTicket {
  readonly subject: string
  readonly description?: string | undefined
  /** Default: normal. */
  readonly priority?: TicketPriority | undefined
  /** Default: who makes it; for somebody else only agents and admins do. */
  readonly requesterId?: number | undefined
  readonly channelId?: number | undefined
}

/** Somebody who may have to do with tickets at all. @throws forbidden without chat.access */
export async function reachTicketPerson(reader: Reader, caller: Caller): Promise<PersonAccess> {
  const person = await reachPerson(reader, caller)
  checkMay(person, 'chat.access')
  return person
}

/** @throws forbidden, invalid for a requester or channel that cannot be */
export function createTicket({ unitOfWork, settings }: TicketParts, caller: Caller, given: NewTicket): Promise<Ticket> {
  const { priority = 'normal', channelId = null } = given
  // Storage has no place for half a character.
  const subject = given.subject.toWellFormed()
  const description = (given.description ?? '').toWellFormed()
  return perform(unitOfWork, caller, async (unit) => {
    const person = await reachTicketPerson(unit, caller)
    const requester = given.requesterId ?? person.actor_id
    if (requester !== person.actor_id) await checkRequester(unit, person, requester)
    if (channelId !== null) await checkChannel(unit, person, channelId)
    const { id } = (await unit.get(insertTicket, {
      subject,
      description,
      status: 'open',
      priority,
      requester_id: requester,
      assignee_id: null,
      channel_id: channelId,
      due_at: promised(settings, priority, unit.now),
      due_by_hand: 0,
      created_by: person.actor_id,
      created_at: unit.now,
      updated_at: unit.now,
      resolved_at: null,
    }))!
    return showTicket(person, (await unit.get(findTicket, { id, actor: person.actor_id }))!, unit.now)
  })
}

/** @throws not_found when absent or hidden; forbidden, conflict, invalid by what is changed */
export function updateTicket(
  { unitOfWork, settings }: TicketParts,
  caller: Caller,
  id: number,
  changes: TicketChanges,
): Promise<Ticket> {
  return perform(unitOfWork, caller, async (unit) => {
    const person = await reachTicketPerson(unit, caller)
    const ticket = checkSeesTicket(person, await unit.get(findTicket, { id, actor: person.actor_id }))
    checkChangesTicket(person, ticket, changes)
    const subject = changes.subject?.toWellFormed() ?? ticket.subject
    const description = changes.description?.toWellFormed() ?? ticket.description
    const { assigneeId = ticket.assignee_id, channelId = ticket.channel_id } = changes
    if (assigneeId !== null && assigneeId !== ticket.assignee_id) await checkAssignee(unit, assigneeId)
    if (channelId !== null && changes.channelId !== undefined) await checkChannel(unit, person, channelId)
    const { status = ticket.status, priority = ticket.priority } = changes
    await unit.run(updateTicketRow, {
      id,
      status,
      priority,
      assignee_id: assigneeId,
      channel_id: channelId,
      ...due(settings, ticket, priority, changes.dueAt),
      updated_at: unit.now,
      resolved_at: isResolved(status) ? (ticket.resolved_at ?? unit.now) : null,
    })
    if (subject !== ticket.subject || description !== ticket.description) {
      await unit.run(rewordTicket, { id, subject, description })
    }
    return showTicket(person, (await unit.get(findTicket, { id, actor: person.actor_id }))!, unit.now)
  })
}

/** When a ticket of this priority is to be resolved by; null: nothing is promised. */
function promised({ ticketDueMs }: HelpdeskSettings, priority: TicketPriority, createdAt: number): number | null {
  const ms = ticketDueMs[priority]
  return ms === 0 ? null : createdAt + ms
}

/** What is promised moves with the priority; what somebody has set by hand stays. */
function due(
  settings: HelpdeskSettings,
  ticket: TicketRow,
  priority: TicketPriority,
  set: number | null | undefined,
): Pick<TicketRow, 'due_at' | 'due_by_hand'> {
  if (set !== undefined) return { due_at: set, due_by_hand: 1 }
  const moves = priority !== ticket.priority && ticket.due_by_hand === 0
  return { due_at: moves ? promised(settings, priority, ticket.created_at) : ticket.due_at, due_by_hand: ticket.due_by_hand }
}

async function checkRequester(reader: Reader, person: Person, id: number): Promise<void> {
  if (!worksTickets(person)) throw forbidden('Only agents and admins make tickets for somebody else')
  if (!(await reader.get(accessPerson, { actor: id }))) throw invalid({ requesterId: 'must be an active account' })
}

async function checkAssignee(reader: Reader, id: number): Promise<void> {
  const assignee = await reader.get(accessPerson, { actor: id })
  if (!assignee || roleOf(assignee) === 'customer') throw invalid({ assigneeId: 'must be an agent or an admin' })
}

async function checkChannel(reader: Reader, { actor_id: actor }: Person, id: number): Promise<void> {
  const channel = await reader.get(accessChannel, { id, actor })
  if (!channel || !seesChannel(channel)) throw invalid({ channelId: 'must be a channel that you see' })
}
