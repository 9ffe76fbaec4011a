import { perform, type Caller } from '../../../kernel/action.ts'
import { invalid, notFound } from '../../../kernel/errors.ts'
import type { Effect } from '../../../kernel/event.ts'
import { newUuid } from '../../../kernel/ids.ts'
import { jobs, type Job } from '../../../kernel/jobs.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { conversationSubject, effect } from '../events.ts'
import type { Person } from '../live.ts'
import { homeRoom, joinedRoom } from '../rooms.ts'
import {
  anonymiseReports,
  blankProfile,
  clearClosedReports,
  conversationsWith,
  deleteBlocksMade,
  deleteConversation,
  deleteLikesGiven,
  deleteMessagesUpTo,
  deleteParticipants,
  deleteProfile,
  deleteSomeLikesOf,
  deleteUses,
  detachReports,
  hideConversations,
  loosePhotos,
  messageAfter,
  newestReportAbout,
  photoMessagesUpTo,
  someConversation,
  someReportsAbout,
} from '../store/erasure.ts'
import { ownAccount } from '../store/export.ts'
import { deleteReads, deleteReport } from '../store/reports.ts'
import type { Parts } from './parts.ts'
import { DESTROY, releasePhoto } from './photo-files.ts'
import { personSubject } from './status.ts'

/** Job: goes on removing what a person had; the key is the account. */
export const ERASE = 'dating.erase'
/** Job: the time of the reports about a person who has erased their data is over. */
export const ERASED_REPORTS = 'dating.erased-reports'

/** Rows removed in one go: everybody waits for the transaction. */
const PORTION = 400
/** A conversation, or a photo with its two files and their jobs, costs about as much as this many messages. */
const COST = 4
/** Conversations that one event of the log tells of. */
const TOLD_AT_ONCE = 200
const ALL = 2_147_483_647

interface Left {
  /** The newest conversation; what comes later belongs to a new beginning. */
  readonly conversations: number
  /** Wall clock, milliseconds. */
  readonly at: number
}

/**
 * Erases what the dating service holds of a person; their account stays. From the moment this is committed none of it
 * is found through any door or replayed; a small history is gone with it, the rest goes in portions. Whoever they
 * talked to sees a conversation that is not there, as if it had never been.
 *
 * What is kept, and why:
 * - blocks that others have made of them, until those lift them: the account stays, and so does who fears it;
 * - that they are suspended, so that erasing is no way around it: the time, and nothing else of the profile;
 * - reports about them with their evidence, for `reportRetentionMs` at most from now: claims of the people they harmed;
 * - reports of theirs about others, for as long as any report, but without their name, and without their note where it
 *   has been decided: the safety of others;
 * - which reports they have read or decided as a moderator: accountability of the office;
 * - client ids of commands, emptied, for a day: a retry must not make again what was erased;
 * - numbers of their rooms in the log, without any content, until the log is pruned: the order of events.
 *
 * @param username typed again, so that nobody erases by a slip
 * @throws invalid when it is another
 */
export async function eraseAccount(parts: Parts, caller: Caller, username: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const user = caller.accountId
    const account = await unit.get(ownAccount, { user })
    if (!account) throw notFound('This account')
    if (account.username !== username) throw invalid({ username: 'must be your own user name, as a confirmation' })
    const me = { id: account.id, uuid: account.uuid, username: account.username }
    const newest = await leaveConversations(unit, parts, me)
    await removeProfile(unit, user)
    await settleReports(unit, parts, user)
    effect(unit, 'account.erased', [
      { kind: 'forget', subject: personSubject(user) },
      { kind: 'close', of: homeRoom(user), close: 'right', reason: 'Your dating data has been erased' },
    ])
    await remove(unit, user, { conversations: newest, at: unit.now })
  })
}

/** @returns id of the newest one, 0 without any */
async function leaveConversations(unit: Unit, { live }: Pick<Parts, 'live'>, me: Person): Promise<number> {
  const conversations = await unit.all(conversationsWith, { user: me.id })
  await unit.run(hideConversations, { user: me.id, prefix: newUuid(), now: unit.now })
  for (let from = 0; from < conversations.length; from += TOLD_AT_ONCE) {
    const effects = conversations.slice(from, from + TOLD_AT_ONCE).flatMap(({ id, uuid, partner_id }): Effect[] => [
      { kind: 'leave', of: homeRoom(partner_id), rooms: [joinedRoom(uuid)] },
      { kind: 'forget', subject: conversationSubject(id) },
    ])
    effect(unit, 'account.erased', effects)
  }
  unit.after(() => {
    for (const { uuid, ended_at, partner_id: id, partner, username } of conversations) {
      if (ended_at === null) live.parted(uuid, me, { id, uuid: partner, username })
    }
  })
  return conversations.at(-1)?.id ?? 0
}

async function removeProfile(unit: Unit, user: number): Promise<void> {
  await unit.run(deleteProfile, { user })
  await unit.run(blankProfile, { user })
  await unit.run(deleteLikesGiven, { user })
  await unit.run(deleteBlocksMade, { user })
  await unit.run(deleteUses, { user })
  for (const { uuid } of await unit.all(loosePhotos, { user })) await releasePhoto(unit, uuid)
}

async function settleReports(unit: Unit, { settings }: Pick<Parts, 'settings'>, user: number): Promise<void> {
  await unit.run(clearClosedReports, { user })
  await unit.run(anonymiseReports, { user })
  await unit.run(detachReports, { user })
  const newest = await unit.get(newestReportAbout, { user })
  if (!newest) return
  // A job of its own each time, so that to erase once more does not prolong it.
  const payload = { user, until: newest.id }
  await jobs.schedule(unit, ERASED_REPORTS, `${user}/${unit.now}`, unit.now + settings.reportRetentionMs, payload)
}

async function remove(unit: Unit, user: number, left: Left): Promise<void> {
  if (!(await removePortion(unit, user, left))) await jobs.schedule(unit, ERASE, String(user), unit.now, left)
}

export async function continueErasure({ key, payload }: Job, unit: Unit): Promise<void> {
  const user = Number(key)
  await remove(unit, user, payload as Left)
  // Nothing is under this name; it makes the database drop the deleted text from its files now.
  effect(unit, 'account.erased', [{ kind: 'forget', subject: `${personSubject(user)}/erased` }])
}

/** @returns whether nothing is left */
async function removePortion(unit: Unit, user: number, { conversations, at }: Left): Promise<boolean> {
  let budget = PORTION - (await unit.run(deleteSomeLikesOf, { user, until: at, limit: PORTION }))
  while (budget > 0) {
    const conversation = (await unit.get(someConversation, { user, until: conversations }))?.id
    if (conversation === undefined) return true
    const last = await unit.get(messageAfter, { conversation, skip: budget - 1 })
    const upTo = { conversation, until: last?.id ?? ALL }
    for (const { uuid, photo } of await unit.all(photoMessagesUpTo, upTo)) {
      await jobs.cancel(unit, DESTROY, uuid)
      if (photo !== null) await releasePhoto(unit, photo)
      budget -= COST
    }
    budget -= COST + (await unit.run(deleteMessagesUpTo, upTo))
    if (last) return false
    await unit.run(deleteParticipants, { conversation })
    await unit.run(deleteConversation, { conversation })
  }
  return false
}

/** What was kept for the people they harmed goes too. */
export async function expireErasedReports({ key, payload }: Job, unit: Unit): Promise<void> {
  const { user, until } = payload as { user: number; until: number }
  const reports = await unit.all(someReportsAbout, { user, until, limit: PORTION })
  for (const { id } of reports) {
    await unit.run(deleteReads, { report: id })
    await unit.run(deleteReport, { id })
  }
  if (reports.length === PORTION) await jobs.schedule(unit, ERASED_REPORTS, key, unit.now, payload)
}
