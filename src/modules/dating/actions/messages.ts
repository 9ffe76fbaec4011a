import { perform, type Caller } from '../../../kernel/action.ts'
import { invalid } from '../../../kernel/errors.ts'
import { newUuid } from '../../../kernel/ids.ts'
import { jobs } from '../../../kernel/jobs.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { conversationSubject, emit, messageSubject } from '../events.ts'
import { checkWritable } from '../policy.ts'
import { homeRoom, joinedRoom } from '../rooms.ts'
import { findMessage, type MessageRow } from '../store/access.ts'
import {
  attachPhoto,
  contentOf,
  countUnread,
  deleteMessageRow,
  findUnsentPhoto,
  insertMessage,
  lastWords,
  photoIn,
  showMessage,
  systemSender,
  touchConversation,
} from '../store/messages.ts'
import { SYSTEM_ID, timestamp, type Message, type Payload, type Sender } from '../wire.ts'
import { checkDraft, checkPhotoAddress, moderate, type Checked, type Draft } from './content.ts'
import { reachConversation, reachMessage, type Parts, type Reached } from './parts.ts'
import { DESTROY, releasePhoto } from './photo-files.ts'
import { madeBy, takeUse } from './uses.ts'

/** Short messages before this one in which a phone number may have begun. */
const LAST_WORDS = 4

/** What an answer to message:send is: already on its way to everybody, or, for a repeated one, only for who asked. */
export interface Sent {
  readonly payload: Payload<'message:new'>
  /** The same client id had made it before: nothing was written now. */
  readonly repeated: boolean
}

/**
 * A message from one of the two. Told to the joined connections of both and to all of the sender's; the recipient's
 * others are told that there is something unread.
 * @param id uuid of the conversation
 */
export function sendMessage(parts: Parts, caller: Caller, id: string, draft: Draft): Promise<Sent> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const { settings } = parts
    const conversation = await reachConversation(unit, caller, id)
    checkWritable(conversation)
    const checked = checkDraft(draft, settings)
    const known = checked.clientId === null ? undefined : await madeBefore(unit, parts, conversation, checked.clientId)
    if (known) return { payload: known, repeated: true }
    const uuid = newUuid()
    // Before anything that costs: what is one too many is not looked into.
    await takeUse(unit, conversation.actor_id, 'message', settings.messages, {
      clientId: checked.clientId,
      message: uuid,
    })
    const photo = await photoOf(unit, caller, checked)
    const previous = await unit.all(lastWords, {
      conversation: conversation.id,
      sender: conversation.actor_id,
      limit: LAST_WORDS,
    })
    const context = {
      previous: previous.map(({ content }) => content).reverse(),
      sharesPersonal: conversation.shares === 1 && conversation.partner_shares === 1,
    }
    const shown = moderate(parts.moderation, checked, context, settings)
    const row = (await unit.get(insertMessage, {
      uuid,
      conversation_id: conversation.id,
      sender_id: conversation.actor_id,
      recipient_id: conversation.partner_id,
      type: checked.type,
      content: photo === null ? shown.content : '',
      metadata: JSON.stringify(photo === null ? shown.metadata : withoutAddress(shown.metadata)),
      encrypted: checked.encrypted ? 1 : 0,
      photo,
      created_at: unit.now,
    }))!
    about(messageSubject(conversation.id, row.id))
    if (photo !== null) await unit.run(attachPhoto, { uuid: photo, message: row.id })
    if (checked.type === 'photo_ephemeral')
      await jobs.schedule(unit, DESTROY, uuid, unit.now + settings.ephemeralUnopenedMs)
    await unit.run(touchConversation, { id: conversation.id, at: unit.now })
    const payload = {
      message: show(unit, parts, conversation.uuid, row, conversation.actor_uuid),
      sender: senderOf(unit, parts, conversation),
    }
    emit(
      unit,
      'message:new',
      payload,
      { to: [joinedRoom(conversation.uuid), homeRoom(conversation.actor_id)] },
      {
        subject: messageSubject(conversation.id, row.id),
      },
    )
    await tellUnread(unit, parts, conversation.uuid, row, conversation.partner_id, conversation.actor_uuid)
    return { payload, repeated: false }
  })
}

/** A word of the server, to both. */
export async function sendSystem(
  unit: Unit,
  parts: Parts,
  conversation: { readonly id: number; readonly uuid: string },
  people: readonly [number, number],
  content: string,
): Promise<void> {
  const row = (await unit.get(insertMessage, {
    uuid: newUuid(),
    conversation_id: conversation.id,
    sender_id: null,
    recipient_id: null,
    type: 'system',
    content,
    metadata: '{}',
    encrypted: 0,
    photo: null,
    created_at: unit.now,
  }))!
  await unit.run(touchConversation, { id: conversation.id, at: unit.now })
  const message = show(unit, parts, conversation.uuid, row, null)
  const subject = messageSubject(conversation.id, row.id)
  emit(unit, 'message:new', { message, sender: systemSender }, { to: [joinedRoom(conversation.uuid)] }, { subject })
  for (const person of people) await tellUnread(unit, parts, conversation.uuid, row, person, SYSTEM_ID)
}

/** Either of the two may: it vanishes for both. @throws not_found also the second time */
export function deleteMessage(
  parts: Parts,
  caller: Caller,
  uuid: string,
  conversation?: string,
): Promise<Payload<'message:deleted'>> {
  return perform(parts.unitOfWork, caller, async (unit) => {
    const reached = await reachMessage(unit, caller, uuid, conversation)
    const { id, partner_id, actor_id, actor_uuid } = reached.conversation
    return removeMessage(
      unit,
      { id, uuid: reached.conversation.uuid },
      [actor_id, partner_id],
      reached.message,
      actor_uuid,
    )
  })
}

/**
 * The message and everything that repeats it is gone: its row, its photo, its events and outcomes; what stays in the log
 * is that it went.
 * @param by uuid of who deleted it
 */
export async function removeMessage(
  unit: Unit,
  conversation: { readonly id: number; readonly uuid: string },
  people: readonly number[],
  message: MessageRow,
  by: string,
): Promise<Payload<'message:deleted'>> {
  await unit.run(deleteMessageRow, { id: message.id })
  if (message.photo !== null) await releasePhoto(unit, message.photo)
  const payload = {
    message_id: message.uuid,
    conversation_id: conversation.uuid,
    deleted_by: by,
    deleted_at: timestamp(unit.now),
  }
  emit(
    unit,
    'message:deleted',
    payload,
    { to: people.map(homeRoom) },
    {
      subject: conversationSubject(conversation.id),
      effects: [{ kind: 'forget', subject: messageSubject(conversation.id, message.id) }],
    },
  )
  return payload
}

/** What the recipient's connections that have not joined are told. */
async function tellUnread(
  unit: Unit,
  parts: Parts,
  conversation: string,
  row: MessageRow,
  recipient: number,
  sender: string,
): Promise<void> {
  const { count } = (await unit.get(countUnread, { conversation: row.conversation_id, user: recipient }))!
  const payload = {
    conversation_id: conversation,
    unread_count: count,
    last_message: excerptOf(unit.now, parts, row, sender),
  }
  emit(
    unit,
    'conversation:unread',
    payload,
    { to: [homeRoom(recipient)], except: [joinedRoom(conversation)] },
    {
      subject: messageSubject(row.conversation_id, row.id),
    },
  )
}

/** @param sender uuid */
export const excerptOf = (
  now: number,
  parts: Parts,
  row: MessageRow,
  sender: string,
): Payload<'conversation:unread'>['last_message'] => ({
  id: row.uuid,
  content: contentOf(row, parts.photoUrls, now),
  type: row.type,
  sender_id: sender,
  created_at: timestamp(row.created_at),
})

const show = (unit: Unit, parts: Parts, conversation: string, row: MessageRow, sender: string | null): Message =>
  showMessage(row, conversation, sender, parts.photoUrls, unit.now)

function senderOf(
  unit: Unit,
  parts: Parts,
  { actor_uuid: id, actor_username: username, actor_avatar }: Reached,
): Sender {
  return { id, username, avatar_url: actor_avatar === null ? null : parts.photoUrls.file(actor_avatar, unit.now) }
}

/** A retry after a lost answer: the message it made here. @throws not_found when that is deleted since */
async function madeBefore(
  unit: Unit,
  parts: Parts,
  conversation: Reached,
  clientId: string,
): Promise<Payload<'message:new'> | undefined> {
  const uuid = await madeBy(unit, conversation.actor_id, clientId, conversation.id)
  const row = uuid === undefined ? undefined : await unit.get(findMessage, { uuid })
  if (row === undefined) return undefined
  return {
    message: show(unit, parts, conversation.uuid, row, conversation.actor_uuid),
    sender: senderOf(unit, parts, conversation),
  }
}

/** An upload of ours is shown by addresses of its own: one that was sent along would end, or tell of the file. */
function withoutAddress({ url, ...metadata }: Checked['metadata']): Checked['metadata'] {
  return typeof url === 'string' && photoIn(url) === undefined ? { url, ...metadata } : metadata
}

/** The upload a photo message is made of. @throws invalid when it is not theirs to send, or no address of a photo */
async function photoOf(unit: Unit, caller: Caller, { type, content, metadata }: Checked): Promise<string | null> {
  if (type !== 'photo' && type !== 'photo_ephemeral') return null
  const address = content === '' && typeof metadata['url'] === 'string' ? metadata['url'] : content
  const uuid = photoIn(address)
  if (uuid === undefined) {
    checkPhotoAddress(address)
    return null
  }
  const photo = await unit.get(findUnsentPhoto, { uuid, owner: caller.accountId })
  if (photo?.kind !== type) {
    throw invalid({ content: `must be the url of an upload of yours of kind ${type} that is in no message yet` })
  }
  return uuid
}
