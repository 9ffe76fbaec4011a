import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { matches, searchWords } from '../../../kernel/search.ts'
import { builder } from '../../../kernel/statement.ts'
import { seesChannel, worksTickets, type Person } from '../policy.ts'
import { accessChannel } from '../store/access.ts'
import { selectTickets, type NamedTicket } from '../store/tickets.ts'
import type { HelpdeskTables, TicketPriority, TicketStatus } from '../tables.ts'

export interface TicketFilter extends Page<number> {
  readonly status?: TicketStatus | undefined
  readonly priority?: TicketPriority | undefined
  /** Null: nobody works on it. */
  readonly assigneeId?: number | null | undefined
  readonly requesterId?: number | undefined
  readonly channelId?: number | undefined
  readonly overdue?: boolean | undefined
  /** Words of subject and description, each as the beginning of one. */
  readonly q?: string | undefined
}

const TABLE = 'helpdesk_tickets'
const nothing: Listed<never, number> = { rows: [], next: undefined }

/**
 * Tickets that a person may see, newest first. What they may not see is not there for the filters either.
 * @param now wall clock, milliseconds
 */
export async function listTickets(
  reader: Reader,
  person: Person,
  filter: TicketFilter,
  now: number,
): Promise<Listed<NamedTicket, number>> {
  const { limit, before, status, priority, assigneeId, requesterId, channelId, overdue, q } = filter
  let query = selectTickets(builder<HelpdeskTables>(reader.dialect), person.actor_id)
    .orderBy(`${TABLE}.id`, 'desc')
    .limit(limit + 1)
  if (!worksTickets(person)) query = query.where(`${TABLE}.requester_id`, '=', person.actor_id)
  if (before !== undefined) query = query.where(`${TABLE}.id`, '<', before)
  if (status !== undefined) query = query.where(`${TABLE}.status`, '=', status)
  if (priority !== undefined) query = query.where(`${TABLE}.priority`, '=', priority)
  if (requesterId !== undefined) query = query.where(`${TABLE}.requester_id`, '=', requesterId)
  if (assigneeId === null) query = query.where(`${TABLE}.assignee_id`, 'is', null)
  else if (assigneeId !== undefined) query = query.where(`${TABLE}.assignee_id`, '=', assigneeId)
  if (channelId !== undefined) {
    const channel = await reader.get(accessChannel, { id: channelId, actor: person.actor_id })
    if (!channel || !seesChannel(channel)) return nothing
    query = query.where(`${TABLE}.channel_id`, '=', channelId)
  }
  if (overdue === true) query = query.where(`${TABLE}.due_at`, '<', now).where(`${TABLE}.resolved_at`, 'is', null)
  if (overdue === false) {
    query = query.where((e) =>
      e.or([
        e(`${TABLE}.due_at`, 'is', null),
        e(`${TABLE}.due_at`, '>=', now),
        e(`${TABLE}.resolved_at`, 'is not', null),
      ]),
    )
  }
  if (q !== undefined) {
    const words = searchWords(q)
    if (words.length === 0) return nothing
    query = query.where(matches(reader.dialect, TABLE, words))
  }
  return paged(await reader.query(query.compile()), limit, ({ id }) => id)
}
