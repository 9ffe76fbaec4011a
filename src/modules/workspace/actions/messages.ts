import { perform, type Caller } from '../../../kernel/action.ts'
import { invalid } from '../../../kernel/errors.ts'
import { newUuid } from '../../../kernel/ids.ts'
import { jobs } from '../../../kernel/jobs.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { channelSubject, emit, messageSubject } from '../events.ts'
import { checkDeletes, checkTakesPart, checkWrote } from '../policy.ts'
import { ofChannel } from '../rooms.ts'
import { findMessage, type ChannelAccess, type MessageRow } from '../store/access.ts'
import { showAttachment, showMessages, type Message } from '../store/messages.ts'
import {
  attachmentsOf,
  attachUpload,
  deleteAttachmentsOf,
  deleteMentions,
  deleteReactionsOf,
  emptyMessage,
  findParent,
  followThread,
  insertMessage,
  recountThread,
  updateContent,
} from '../store/writing.ts'
import { timestamp, type Attachment } from '../wire.ts'
import { FILE } from './attachments.ts'
import { mention } from './mentioning.ts'
import { reachChannel, reachMessage, type Parts } from './parts.ts'

export interface NewMessage {
  readonly content: string
  /** The message in whose thread it goes. */
  readonly parentId?: string | undefined
  /** Uploads of the author, in the order in which they are shown. */
  readonly attachmentIds: readonly string[]
}

export function sendMessage(parts: Parts, caller: Caller, channelId: string, input: NewMessage): Promise<Message> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const channel = await reachChannel(unit, caller, channelId)
    checkTakesPart(channel)
    const content = checkContent(input.content, input.attachmentIds.length > 0)
    const parent = await findThread(unit, channel, input.parentId)
    const row = (await unit.get(insertMessage, {
      uuid: newUuid(),
      channel_id: channel.id,
      user_id: channel.actor_id,
      parent_id: parent?.id ?? null,
      content,
      created_at: unit.now,
    }))!
    const subject = messageSubject(channel.workspace_id, channel.id, row.id)
    about(subject)
    const attachments = await attach(unit, channel, row, input.attachmentIds)
    const mentioned = await mention(unit, parts, channel, row, content)
    const created = {
      id: row.uuid,
      channel_id: channel.uuid,
      user_id: channel.actor_uuid,
      content,
      attachments,
      reactions: [],
      created_at: timestamp(row.created_at),
    }
    const payload = parent ? { ...created, parent_message_id: parent.uuid } : created
    emit(unit, channel.workspace_uuid, 'message.new', payload, ofChannel(channel.uuid), { subject })
    if (parent) {
      await tellThread(unit, channel, parent.id)
      await follow(unit, parent.id, mentioned)
      await follow(unit, parent.id, [parent.user_id])
      // Who writes has read what is above it.
      await unit.run(followThread, { message_id: parent.id, user_id: channel.actor_id, read: row.id })
    }
    return {
      ...created,
      updated_at: null,
      deleted_at: null,
      parent_message_id: parent?.uuid ?? null,
      reply_count: 0,
      last_reply_at: null,
      participants: [],
      pinned_at: null,
    }
  })
}

export function editMessage(parts: Parts, caller: Caller, id: string, text: string): Promise<Message> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const { channel, message } = await reachMessage(unit, caller, id)
    const subject = messageSubject(channel.workspace_id, channel.id, message.id)
    about(subject)
    checkWrote(message, caller.accountId)
    checkTakesPart(channel)
    const attachments = text.trim() === '' ? await unit.all(attachmentsOf, { message: message.id }) : []
    const content = checkContent(text, attachments.length > 0)
    if (content === message.content) return showOne(unit, message)
    const row = (await unit.get(updateContent, { id: message.id, content, at: unit.now }))!
    await unit.run(deleteMentions, { message: row.id })
    const mentioned = await mention(unit, parts, channel, row, content)
    if (row.parent_id !== null) await follow(unit, row.parent_id, mentioned)
    const payload = { id: row.uuid, content, updated_at: timestamp(unit.now) }
    emit(unit, channel.workspace_uuid, 'message.updated', payload, ofChannel(channel.uuid), { subject })
    return showOne(unit, row)
  })
}

/** Its text, reactions, mentions and files go at once, out of the log too; in an archived channel as well. */
export async function deleteMessage(parts: Parts, caller: Caller, id: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const { channel, message } = await reachMessage(unit, caller, id)
    checkDeletes(channel, message.user_id, caller.accountId)
    await unit.run(emptyMessage, { id: message.id, at: unit.now })
    await unit.run(deleteMentions, { message: message.id })
    await unit.run(deleteReactionsOf, { message: message.id })
    for (const { uuid } of await unit.all(attachmentsOf, { message: message.id })) {
      await jobs.schedule(unit, FILE, uuid, unit.now)
    }
    await unit.run(deleteAttachmentsOf, { message: message.id })
    const payload = { id: message.uuid, deleted_at: timestamp(unit.now) }
    emit(unit, channel.workspace_uuid, 'message.deleted', payload, ofChannel(channel.uuid), {
      subject: channelSubject(channel.workspace_id, channel.id),
      effects: [{ kind: 'forget', subject: messageSubject(channel.workspace_id, channel.id, message.id) }],
    })
    if (message.parent_id !== null) await tellThread(unit, channel, message.parent_id)
    // Its replies are others' words: they stay, and so does the thread.
    else if (message.reply_count > 0) await tellThread(unit, channel, message.id)
  })
}

async function showOne(unit: Unit, row: MessageRow): Promise<Message> {
  return (await showMessages(unit, [row]))[0]!
}

function checkContent(text: string, attached: boolean): string {
  if (text.trim() === '' && !attached) throw invalid({ content: 'must not be blank unless something is attached' })
  // Half a character cannot be stored: it would come back as another text than was sent.
  return text.toWellFormed()
}

async function findThread(unit: Unit, channel: ChannelAccess, uuid: string | undefined): Promise<MessageRow | undefined> {
  if (uuid === undefined) return undefined
  const parent = await unit.get(findMessage, { uuid })
  if (!parent || parent.channel_id !== channel.id) throw invalid({ parent_message_id: 'must be a message of this channel' })
  if (parent.parent_id === null) return parent
  const root = await unit.get(findParent, { id: parent.parent_id })
  throw invalid({ parent_message_id: `must be the message that starts the thread: ${root!.uuid}` })
}

async function follow(unit: Unit, thread: number, people: readonly number[]): Promise<void> {
  for (const user_id of people) await unit.run(followThread, { message_id: thread, user_id, read: 0 })
}

/** The thread as it is now; emitted with every change of its replies. */
async function tellThread(unit: Unit, channel: ChannelAccess, id: number): Promise<void> {
  const thread = (await unit.get(recountThread, { id }))!
  const payload = {
    parent_message_id: thread.uuid,
    reply_count: thread.reply_count,
    last_reply_at: thread.last_reply_at === null ? null : timestamp(thread.last_reply_at),
  }
  emit(unit, channel.workspace_uuid, 'thread.updated', payload, ofChannel(channel.uuid), {
    subject: messageSubject(channel.workspace_id, channel.id, id),
  })
}

async function attach(
  unit: Unit,
  channel: ChannelAccess,
  message: MessageRow,
  uuids: readonly string[],
): Promise<Attachment[]> {
  const attached: Attachment[] = []
  for (const [place, uuid] of uuids.entries()) {
    const upload = { uuid, workspace: channel.workspace_id, by: channel.actor_id, message: message.id, place }
    const row = await unit.get(attachUpload, upload)
    if (!row) throw invalid({ [`attachment_ids.${place}`]: 'must be an upload of yours to this workspace, not sent yet' })
    // It is not to be removed any more.
    await jobs.cancel(unit, FILE, uuid)
    attached.push(showAttachment(row))
  }
  return attached
}
