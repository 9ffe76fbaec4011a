import { perform, type Caller } from '../../../kernel/action.ts'
import { conflict, invalid, notFound } from '../../../kernel/errors.ts'
import { newUuid } from '../../../kernel/ids.ts'
import { jobs, type Job } from '../../../kernel/jobs.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { effect } from '../events.ts'
import { checkJudges, checkOpen, type Actor } from '../people-policy.ts'
import { checkModerates, notYours } from '../policy.ts'
import { homeRoom } from '../rooms.ts'
import { accessConversation, findMessage, type ConversationAccess } from '../store/access.ts'
import { setLocked } from '../store/matching.ts'
import { endSuspension, findPerson, suspend } from '../store/profiles.ts'
import {
  closeReport,
  deleteReads,
  deleteReport,
  findReport,
  insertRead,
  insertReport,
  otherOpenReport,
  participantsOf,
  reportable,
  reportId,
} from '../store/reports.ts'
import type { MessageType } from '../wire.ts'
import { block } from './blocks.ts'
import { reachOther } from './matching.ts'
import { removeMessage } from './messages.ts'
import type { Parts } from './parts.ts'
import { reachActor } from './profiles.ts'
import { personSubject } from './status.ts'
import { takeUse } from './uses.ts'

/** Removes a closed report after its time; the key is its uuid. */
export const REPORT = 'dating.report'

export const reasons = ['spam', 'harassment', 'fake', 'underage', 'other'] as const
export const resolutions = ['dismiss', 'remove_messages', 'suspend'] as const
export type Resolution = (typeof resolutions)[number]

export interface ReportDraft {
  /** Uuids. */
  readonly person: string
  readonly conversation: string | undefined
  readonly messages: readonly string[]
  readonly reason: (typeof reasons)[number]
  readonly note: string
  readonly block: boolean
  /** What encrypted messages said, in the words of who reports them. */
  readonly plaintexts: readonly { readonly message_id: string; readonly content: string }[]
}

/** Bytes and pixels. */
type PhotoFacts = Readonly<Record<'size' | 'width' | 'height', number>> & { readonly mime_type: string }

/** A reported message as it was at that moment, whatever becomes of it. Times are wall-clock milliseconds. */
export interface Evidence {
  readonly message_id: string
  readonly type: MessageType
  /** As it was shown; of an encrypted one what the server has, which it cannot read. */
  readonly content: string
  readonly encrypted: boolean
  /** What the reporter says that the encrypted content is: their word, not proven. */
  readonly disclosed: string | null
  /** Of an upload only what is known of it: the photo itself is not kept for a report. */
  readonly photo: PhotoFacts | null
  readonly created_at: number
  readonly delivered_at: number | null
  readonly viewed_at: number | null
}

/**
 * Somebody is reported, also after the conversation has ended. They are told nothing, now or ever.
 * @throws not_found, forbidden for a conversation that was never of the two, invalid for messages that are not the
 * reported person's there, rate_limited
 */
export function report(parts: Parts, caller: Caller, draft: ReportDraft): Promise<{ id: string; status: 'open' }> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const actor = await reachActor(unit, caller)
    about(personSubject(actor.id))
    const other = await reachOther(unit, actor, draft.person, 'reports')
    const conversation = await pastConversation(unit, actor, other.id, draft.conversation)
    const evidence = await collect(unit, draft, other.id, conversation)
    await takeUse(unit, actor.id, 'report', [parts.settings.reports])
    const uuid = newUuid()
    await unit.run(insertReport, {
      uuid,
      reporter: actor.id,
      reported: other.id,
      conversation: conversation?.id ?? null,
      reason: draft.reason,
      note: draft.note.toWellFormed(),
      evidence: JSON.stringify(evidence),
      now: unit.now,
    })
    if (draft.block) await block(unit, parts, actor, other)
    return { id: uuid, status: 'open' as const }
  })
}

/** One that the two have or had. */
async function pastConversation(
  unit: Unit,
  actor: Actor,
  other: number,
  uuid: string | undefined,
): Promise<ConversationAccess | undefined> {
  if (uuid === undefined) return undefined
  const conversation = await unit.get(accessConversation, { uuid, actor: actor.id })
  if (!conversation) throw notFound('This conversation')
  if (conversation.member === null || conversation.partner_id !== other) throw notYours()
  return conversation
}

async function collect(
  unit: Unit,
  { messages, plaintexts }: ReportDraft,
  sender: number,
  conversation: ConversationAccess | undefined,
): Promise<readonly Evidence[]> {
  if (messages.length > 0 && !conversation) {
    throw invalid({ conversation_id: 'is required with message_ids: the conversation the messages are in' })
  }
  const disclosed = new Map(plaintexts.map(({ message_id, content }) => [message_id, content.toWellFormed()]))
  const evidence: Evidence[] = []
  for (const uuid of new Set(messages)) {
    const row = await unit.get(reportable, { uuid, conversation: conversation!.id, sender })
    if (!row) throw invalid({ message_ids: 'must be ids of messages of this person in this conversation, not deleted' })
    const { mime_type, size, width, height } = row
    evidence.push({
      message_id: row.uuid,
      type: row.type,
      content: row.content,
      encrypted: row.encrypted === 1,
      disclosed: row.encrypted === 1 ? (disclosed.get(uuid) ?? null) : null,
      photo: mime_type === null ? null : { mime_type, size: size!, width: width!, height: height! },
      created_at: row.created_at,
      delivered_at: row.delivered_at,
      viewed_at: row.viewed_at,
    })
  }
  const readable = new Set(evidence.filter(({ encrypted }) => encrypted).map(({ message_id }) => message_id))
  if ([...disclosed.keys()].some((uuid) => !readable.has(uuid))) {
    throw invalid({ plaintexts: 'must be of encrypted messages that are in message_ids' })
  }
  return evidence
}

export type ReportRecord = NonNullable<Awaited<ReturnType<typeof reachReport>>['report']>

/** @throws forbidden for who is no moderator, not_found also for a report of oneself */
async function reachReport(unit: Unit, caller: Caller, uuid: string) {
  const actor = await reachActor(unit, caller)
  return { actor, report: checkJudges(actor, await unit.get(findReport, { uuid })) }
}

/** The evidence of a report; who has read it is kept. */
export function readReport(parts: Parts, caller: Caller, uuid: string): Promise<ReportRecord> {
  return perform(parts.unitOfWork, { accountId: caller.accountId }, async (unit) => {
    const { actor, report } = await reachReport(unit, caller, uuid)
    await unit.run(insertRead, { report: report.id, moderator: actor.id, now: unit.now })
    return report
  })
}

/** While a report is looked into, nobody joins its conversation or writes there. Who is in it stays there. */
export async function lockConversation(parts: Parts, caller: Caller, uuid: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const { report } = await reachReport(unit, caller, uuid)
    checkOpen(report)
    if (report.locked_at === null) await unit.run(setLocked, { id: conversationOf(report), at: unit.now })
  })
}

export async function unlockConversation(parts: Parts, caller: Caller, uuid: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const { report } = await reachReport(unit, caller, uuid)
    await unit.run(setLocked, { id: conversationOf(report), at: null })
  })
}

function conversationOf({ conversation_id }: ReportRecord): number {
  if (conversation_id === null) throw conflict('This report names no conversation; there is nothing to lock')
  return conversation_id
}

/** Closes it. Its evidence is kept for a while, its conversation is open again unless another report is about it. */
export async function resolveReport(parts: Parts, caller: Caller, uuid: string, action: Resolution): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const { actor, report } = await reachReport(unit, caller, uuid)
    checkOpen(report)
    const { id, conversation_id: conversation } = report
    const status = action === 'dismiss' ? ('dismissed' as const) : ('acted' as const)
    await unit.run(closeReport, { id, status, resolution: action, by: actor.id, now: unit.now })
    if (conversation !== null && !(await unit.get(otherOpenReport, { id, conversation }))) {
      await unit.run(setLocked, { id: conversation, at: null })
    }
    if (action === 'remove_messages') await removeReported(unit, report)
    if (action === 'suspend') await suspendPerson(unit, report.reported_id)
    await jobs.schedule(unit, REPORT, uuid, unit.now + parts.settings.reportRetentionMs)
  })
}

/** As if their sender had deleted them; but where the conversation has ended, nobody hears of it any more. */
async function removeReported(unit: Unit, report: ReportRecord): Promise<void> {
  const { conversation_id: id, conversation: uuid, reported_uuid: by } = report
  if (id === null || uuid === null || by === null) return
  const people = report.ended_at === null ? await unit.all(participantsOf, { conversation: id }) : []
  for (const { message_id } of evidenceOf(report)) {
    const message = await unit.get(findMessage, { uuid: message_id })
    if (message)
      await removeMessage(
        unit,
        { id, uuid },
        people.map(({ user_id }) => user_id),
        message,
        by,
      )
  }
}

async function suspendPerson(unit: Unit, user: number): Promise<void> {
  await unit.run(suspend, { user, now: unit.now })
  effect(unit, 'person.suspended', [
    { kind: 'close', of: homeRoom(user), close: 'right', reason: 'Your profile is suspended' },
  ])
}

/** @param uuid of the account @throws not_found when there is none */
export async function liftSuspension(parts: Parts, caller: Caller, uuid: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const actor = await reachActor(unit, caller)
    checkModerates(actor.role)
    const person = await unit.get(findPerson, { uuid, actor: actor.id })
    if (!person) throw notFound('This person')
    await unit.run(endSuspension, { user: person.id })
  })
}

export const evidenceOf = ({ evidence }: Pick<ReportRecord, 'evidence'>): readonly Evidence[] =>
  JSON.parse(evidence) as Evidence[]

/** Job: its time is over, and with it that of everything that was kept for it. */
export async function expireReport({ key }: Job, unit: Unit): Promise<void> {
  const known = await unit.get(reportId, { uuid: key })
  if (!known || known.status === 'open') return
  await unit.run(deleteReads, { report: known.id })
  await unit.run(deleteReport, { id: known.id })
}
