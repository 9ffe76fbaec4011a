import { perform, type Caller } from '../../../kernel/action.ts'
import type { Reader } from '../../../kernel/database.ts'
import { newUuid } from '../../../kernel/ids.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { conversationSubject, effect } from '../events.ts'
import type { Person } from '../live.ts'
import { checkLikes, checkOther, checkTakesBack, isMatch, type Actor } from '../people-policy.ts'
import { homeRoom, joinedRoom } from '../rooms.ts'
import {
  deleteLike,
  endConversationRow,
  insertConversation,
  insertLike,
  insertParticipant,
  setShares,
} from '../store/matching.ts'
import { findPerson } from '../store/profiles.ts'
import { endEphemerals } from './ephemeral.ts'
import { sendSystem } from './messages.ts'
import { reachConversation, type Parts } from './parts.ts'
import { reachDater } from './profiles.ts'
import { personSubject } from './status.ts'
import { takeUse } from './uses.ts'

/** What both are told, so one text for the two. */
const MATCHED = "It's a match! Say hello."
const SHARED = 'You both agreed to share contact details.'

export interface Liked {
  readonly matched: boolean
  readonly conversation_id: string | null
}

/**
 * Somebody else with an account.
 * @param deed what nobody can do to themself
 * @throws not_found, invalid for oneself
 */
export const reachOther = async (reader: Reader, actor: Actor, uuid: string, deed: string) =>
  checkOther(actor, await reader.get(findPerson, { uuid, actor: actor.id }), deed)

/**
 * One like; the second of two makes the conversation, in the same transaction, and both are told. Again it changes
 * nothing. Of a like that cannot come to anything the answer is that of any other that has not yet.
 * @param uuid of the account
 * @throws rate_limited for a like, or a match, too many: then nothing is changed
 */
export function like(parts: Parts, caller: Caller, uuid: string): Promise<Liked> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const actor = await reachDater(unit, caller)
    about(personSubject(actor.id))
    const other = await reachOther(unit, actor, uuid, 'likes')
    checkLikes(other)
    const known = other.conversation_id
    if (known !== null) {
      about(conversationSubject(known))
      return { matched: true, conversation_id: other.conversation }
    }
    if (other.likes_them === null) {
      await takeUse(unit, actor.id, 'like', [parts.settings.likes])
      await unit.run(insertLike, { user: actor.id, other: other.id, now: unit.now })
    }
    if (!isMatch(other)) return { matched: false, conversation_id: null }
    await takeUse(unit, actor.id, 'conversation', [parts.settings.conversations])
    const conversation = await match(unit, parts, actor, other)
    about(conversationSubject(conversation.id))
    return { matched: true, conversation_id: conversation.uuid }
  })
}

async function match(unit: Unit, parts: Parts, a: Person, b: Person): Promise<{ id: number; uuid: string }> {
  const uuid = newUuid()
  const { id } = (await unit.get(insertConversation, { uuid, now: unit.now }))!
  await unit.run(insertParticipant, { conversation: id, user: a.id, other: b.id })
  await unit.run(insertParticipant, { conversation: id, user: b.id, other: a.id })
  const conversation = { id, uuid }
  await sendSystem(unit, parts, conversation, [a.id, b.id], MATCHED)
  unit.after(() => parts.live.matched(personOf(a), personOf(b)))
  return conversation
}

/** No match comes of it any more; of one that has been made, `unmatch` is the end. */
export async function takeLikeBack(parts: Parts, caller: Caller, uuid: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const actor = await reachDater(unit, caller)
    const other = await reachOther(unit, actor, uuid, 'likes')
    checkTakesBack(other)
    await unit.run(deleteLike, { user: actor.id, other: other.id })
  })
}

/** The conversation ends for both, at once and for good. @param uuid of the conversation */
export async function unmatch(parts: Parts, caller: Caller, uuid: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const reached = await reachConversation(unit, caller, uuid)
    const { id, actor_id, actor_uuid, actor_username, partner_id, partner_uuid, partner_username } = reached
    const me = { id: actor_id, uuid: actor_uuid, username: actor_username }
    const partner = { id: partner_id, uuid: partner_uuid, username: partner_username }
    await endConversation(unit, parts, { id, uuid: reached.uuid }, me, partner)
  })
}

/**
 * Nobody is told. Every connection of both leaves the room, what is waiting for them in the log is forgotten, and each
 * sees the other go. What was written stays for a report to name, but not the photos that were to be seen once.
 */
export async function endConversation(
  unit: Unit,
  { live }: Pick<Parts, 'live'>,
  { id, uuid }: { readonly id: number; readonly uuid: string },
  a: Person,
  b: Person,
): Promise<void> {
  await unit.run(endConversationRow, { id, now: unit.now })
  await unlike(unit, a, b)
  await endEphemerals(unit, id)
  const rooms = [joinedRoom(uuid)]
  effect(unit, 'conversation.ended', [
    { kind: 'leave', of: homeRoom(a.id), rooms },
    { kind: 'leave', of: homeRoom(b.id), rooms },
    { kind: 'forget', subject: conversationSubject(id) },
  ])
  unit.after(() => live.parted(uuid, personOf(a), personOf(b)))
}

/** Neither likes the other any more. */
export async function unlike(unit: Unit, a: Pick<Person, 'id'>, b: Pick<Person, 'id'>): Promise<void> {
  await unit.run(deleteLike, { user: a.id, other: b.id })
  await unit.run(deleteLike, { user: b.id, other: a.id })
}

export interface Sharing {
  readonly me: boolean
  readonly partner: boolean
}

/**
 * Personal data in messages from now on is shown while both agree. Both are told when it comes to that, which counts as
 * a message of who has agreed last: nobody can be written to by agreeing and not agreeing in turns.
 */
export function setSharing(parts: Parts, caller: Caller, uuid: string, shares: boolean): Promise<Sharing> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const reached = await reachConversation(unit, caller, uuid)
    about(conversationSubject(reached.id))
    const sharing = { me: shares, partner: reached.partner_shares === 1 }
    if ((reached.shares === 1) === shares) return sharing
    await unit.run(setShares, { conversation: reached.id, user: reached.actor_id, shares: shares ? 1 : 0 })
    if (shares && sharing.partner) {
      await takeUse(unit, reached.actor_id, 'message', parts.settings.messages)
      await sendSystem(unit, parts, reached, [reached.actor_id, reached.partner_id], SHARED)
    }
    return sharing
  })
}

/** A row says more of them than others are told. */
const personOf = ({ id, uuid, username }: Person): Person => ({ id, uuid, username })
