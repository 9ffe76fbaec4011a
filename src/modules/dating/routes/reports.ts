import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { Text } from '../../../kernel/fields.ts'
import { readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import type { Parts } from '../actions/parts.ts'
import { reachActor } from '../actions/profiles.ts'
import {
  evidenceOf,
  liftSuspension,
  lockConversation,
  readReport,
  reasons,
  report,
  resolutions,
  resolveReport,
  unlockConversation,
  type Evidence,
  type ReportRecord,
} from '../actions/reports.ts'
import { listReports, type ReportRow } from '../lists/reports.ts'
import { checkModerates } from '../policy.ts'
import { exact, Id, MessageType, Nullable, Timestamp, timestamp, timestampOrNull } from '../wire.ts'
import { ById, ByUser, PageOf, PageQuery, Ref } from './shapes.ts'

const MAX_MESSAGES = 50
const NOTE = 1_000

const Person = Type.Object({ id: Id, username: Type.String(), display_name: Type.String() }, exact)
const Reported = Type.Object({ ...Person.properties, suspended: Type.Boolean() }, exact)
const Status = Type.Enum(['open', 'dismissed', 'acted'])

/** Of whom and why; nothing of what was written. */
const Queued = Type.Object(
  {
    id: Id,
    status: Status,
    reason: Type.Enum([...reasons]),
    reported: Nullable(Reported),
    message_count: Type.Integer({ minimum: 0 }),
    reports_of_person: Type.Integer({ minimum: 1, description: 'This one and all others of the person' }),
    age_seconds: Type.Integer({ minimum: 0 }),
    created_at: Timestamp,
    resolved_at: Nullable(Timestamp),
  },
  exact,
)

const Photo = Type.Object(
  { mime_type: Type.String(), size: Type.Integer(), width: Type.Integer(), height: Type.Integer() },
  exact,
)
/** A message as it was when it was reported. */
const Reportable = Type.Object(
  {
    message_id: Id,
    type: MessageType,
    content: Type.String(),
    encrypted: Type.Boolean(),
    disclosed: Type.Union([Type.String(), Type.Null()], { description: 'What the reporter says it said; not proven' }),
    photo: Nullable(Photo),
    created_at: Timestamp,
    delivered_at: Nullable(Timestamp),
    viewed_at: Nullable(Timestamp),
  },
  exact,
)
const Report = Type.Object(
  {
    ...Queued.properties,
    bio: Nullable(Type.String()),
    reporter: Nullable(Person),
    note: Type.String(),
    conversation: Nullable(Type.Object({ id: Id, locked: Type.Boolean(), ended: Type.Boolean() }, exact)),
    evidence: Type.Array(Reportable),
    resolution: Nullable(Type.Enum([...resolutions])),
    resolved_by: Nullable(Id),
  },
  exact,
)

const QueueQuery = Type.Object({ ...PageQuery, status: Type.Optional(Status) })

export function reportRoutes(parts: Parts): readonly Route[] {
  const { clock, database, settings } = parts
  const Plaintext = Type.Object({ message_id: Ref, content: Text(0, settings.maxFrameBytes) })
  const NewReport = Type.Object({
    user_id: Ref,
    conversation_id: Type.Optional(Ref),
    message_ids: Type.Optional(Type.Array(Ref, { maxItems: MAX_MESSAGES })),
    reason: Type.Enum([...reasons]),
    note: Type.Optional(Text(0, NOTE)),
    block: Type.Optional(Type.Boolean()),
    plaintexts: Type.Optional(Type.Array(Plaintext, { maxItems: MAX_MESSAGES })),
  })
  return [
    route(
      'POST',
      '/reports',
      {
        summary: 'Report somebody, with messages of theirs and, of encrypted ones, what they said',
        body: NewReport,
        reply: Type.Object({ id: Id, status: Status }, exact),
      },
      (call) => {
        const { body } = call
        return report(parts, callerOf(call), {
          person: body.user_id,
          conversation: body.conversation_id,
          messages: body.message_ids ?? [],
          reason: body.reason,
          note: body.note ?? '',
          block: body.block ?? false,
          plaintexts: body.plaintexts ?? [],
        })
      },
    ),
    route(
      'GET',
      '/moderation/reports',
      { summary: 'Reports, the latest first (moderators)', query: QueueQuery, reply: PageOf(Queued) },
      (call) =>
        readPage(
          database,
          async (reader) => {
            const actor = await reachActor(reader, callerOf(call))
            checkModerates(actor.role)
            return listReports(reader, actor.id, call.query)
          },
          (row) => showQueued(row, clock.now()),
        ),
    ),
    route(
      'GET',
      '/moderation/reports/:id',
      { summary: 'The evidence of a report; that you have read it is kept (moderators)', params: ById, reply: Report },
      async (call) => showReport(await readReport(parts, callerOf(call), call.params.id), clock.now()),
    ),
    route(
      'POST',
      '/moderation/reports/:id/lock',
      { summary: 'Nobody joins or writes in its conversation for now (moderators)', params: ById },
      (call) => lockConversation(parts, callerOf(call), call.params.id),
    ),
    route(
      'POST',
      '/moderation/reports/:id/unlock',
      { summary: 'Its conversation goes on (moderators)', params: ById },
      (call) => unlockConversation(parts, callerOf(call), call.params.id),
    ),
    route(
      'POST',
      '/moderation/reports/:id/resolve',
      {
        summary: 'Close it: nothing was wrong, its messages go, or the person is suspended (moderators)',
        params: ById,
        body: Type.Object({ action: Type.Enum([...resolutions]) }),
      },
      (call) => resolveReport(parts, callerOf(call), call.params.id, call.body.action),
    ),
    route(
      'DELETE',
      '/moderation/suspensions/:user_id',
      { summary: 'Let a suspended person back (moderators)', params: ByUser },
      (call) => liftSuspension(parts, callerOf(call), call.params.user_id),
    ),
  ]
}

/** Null when the account has been erased since. */
const person = (id: string | null, username: string | null, display_name: string | null) =>
  id === null ? null : { id, username, display_name }

function showQueued(row: ReportRow, now: number) {
  const reported = person(row.reported_uuid, row.reported_username, row.reported_name)
  return {
    id: row.uuid,
    status: row.status,
    reason: row.reason,
    reported: reported && { ...reported, suspended: row.reported_suspended_at !== null },
    message_count: evidenceOf(row).length,
    reports_of_person: Number(row.reports),
    age_seconds: Math.max(0, Math.floor((now - row.created_at) / 1000)),
    created_at: timestamp(row.created_at),
    resolved_at: timestampOrNull(row.resolved_at),
  }
}

function showReport(row: ReportRecord, now: number): object {
  const { conversation, evidence } = { ...row, evidence: evidenceOf(row) }
  return {
    ...showQueued(row, now),
    bio: row.reported_bio,
    reporter: person(row.reporter_uuid, row.reporter_username, row.reporter_name),
    note: row.note,
    conversation:
      conversation === null ? null : { id: conversation, locked: row.locked_at !== null, ended: row.ended_at !== null },
    evidence: evidence.map(showEvidence),
    resolution: row.resolution === '' ? null : row.resolution,
    resolved_by: row.resolver_uuid,
  }
}

const showEvidence = (one: Evidence): object => ({
  ...one,
  created_at: timestamp(one.created_at),
  delivered_at: timestampOrNull(one.delivered_at),
  viewed_at: timestampOrNull(one.viewed_at),
})
