import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { invalid } from '../../../kernel/errors.ts'
import { Line, Text } from '../../../kernel/fields.ts'
import { readCamelPage, readOne } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import type { Parts } from '../actions/parts.ts'
import { createTicket, reachTicketPerson, updateTicket } from '../actions/tickets.ts'
import { listTickets } from '../lists/tickets.ts'
import { findTicket, showTicket } from '../store/tickets.ts'
import { ticketPriorities, ticketStatuses } from '../tables.ts'
import { checkSeesTicket } from '../ticket-policy.ts'
import { exact, Id, Nullable, Timestamp, timestamp } from '../wire.ts'
import { ById, PageOf, PageQuery, Ref } from './shapes.ts'

const Status = Type.Enum([...ticketStatuses])
const Priority = Type.Enum([...ticketPriorities])
/** A subject is one line of a list; a description holds a pasted log, not a file. */
const Subject = Line(200)
const Description = Text(0, 10_000)
const A_TIME = 'a time in UTC, like 2026-01-31T12:00:00.000Z'
const Due = Type.String({
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,3})?Z$',
  description: A_TIME,
})

const Ticket = Type.Object(
  {
    id: Id,
    subject: Type.String(),
    description: Type.String(),
    status: Status,
    priority: Priority,
    requesterId: Id,
    requesterName: Type.String(),
    assigneeId: Nullable(Id),
    assigneeName: Nullable(Type.String()),
    /** Null too for who may not see that channel. */
    channelId: Nullable(Id),
    /** When it is to be resolved by: by its priority, or as an agent has set it. */
    dueAt: Nullable(Timestamp),
    overdue: Type.Boolean(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
    resolvedAt: Nullable(Timestamp),
  },
  exact,
)

export function ticketRoutes(parts: Parts): readonly Route[] {
  const { database, clock } = parts
  return [
    route(
      'POST',
      '/tickets',
      {
        summary: 'Make a ticket; agents and admins also for somebody else',
        body: Type.Object({
          subject: Subject,
          description: Type.Optional(Description),
          priority: Type.Optional(Priority),
          requesterId: Type.Optional(Ref),
          channelId: Type.Optional(Ref),
        }),
        reply: Ticket,
      },
      (call) => createTicket(parts, callerOf(call), call.body),
    ),
    route(
      'GET',
      '/tickets',
      {
        summary: 'Your tickets, newest first; agents and admins have all',
        query: Type.Object({
          ...PageQuery,
          status: Type.Optional(Status),
          priority: Type.Optional(Priority),
          assigneeId: Type.Optional(
            Type.String({ pattern: '^(none|[1-9]\\d{0,8})$', description: 'the id of an account, or none' }),
          ),
          requesterId: Type.Optional(Ref),
          channelId: Type.Optional(Ref),
          overdue: Type.Optional(Type.Boolean()),
          q: Type.Optional(Text(1, 500)),
        }),
        reply: PageOf(Ticket),
      },
      async (call) => {
        const { assigneeId: assignee, ...filter } = call.query
        const assigneeId = assignee === undefined ? undefined : assignee === 'none' ? null : Number(assignee)
        const now = clock.now()
        return readCamelPage(
          database,
          async (reader) => {
            const person = await reachTicketPerson(reader, callerOf(call))
            const { rows, next } = await listTickets(reader, person, { ...filter, assigneeId }, now)
            return { rows: rows.map((row) => showTicket(person, row, now)), next }
          },
          (ticket) => ticket,
        )
      },
    ),
    route(
      'GET',
      '/tickets/:id',
      { summary: 'One ticket', params: ById, reply: Ticket },
      (call) =>
        readOne(database, async (reader) => {
          const person = await reachTicketPerson(reader, callerOf(call))
          const row = await reader.get(findTicket, { id: call.params.id, actor: person.actor_id })
          return showTicket(person, checkSeesTicket(person, row), clock.now())
        }),
    ),
    route(
      'PATCH',
      '/tickets/:id',
      {
        summary: 'Change a ticket: agents and admins all of it; whose it is, its words, and whether it is closed',
        params: ById,
        body: Type.Object({
          subject: Type.Optional(Subject),
          description: Type.Optional(Description),
          status: Type.Optional(Status),
          priority: Type.Optional(Priority),
          assigneeId: Type.Optional(Nullable(Ref)),
          channelId: Type.Optional(Nullable(Ref)),
          dueAt: Type.Optional(Nullable(Due)),
        }),
        reply: Ticket,
      },
      async (call) => {
        if (Object.keys(call.body).length === 0) throw invalid({ body: 'must have at least one field to change' })
        const { dueAt, ...changes } = call.body
        return updateTicket(parts, callerOf(call), call.params.id, {
          ...changes,
          ...(dueAt !== undefined && { dueAt: dueAt === null ? null : timeOf(dueAt) }),
        })
      },
    ),
  ]
}

/** @throws invalid for a day or an hour that is in no calendar */
function timeOf(text: string): number {
  const ms = Date.parse(text)
  // The parser takes the 31st of February for the 3rd of March.
  if (Number.isNaN(ms) || timestamp(ms).slice(0, 19) !== text.slice(0, 19)) {
    throw invalid({ dueAt: `must be ${A_TIME}` })
  }
  return ms
}
