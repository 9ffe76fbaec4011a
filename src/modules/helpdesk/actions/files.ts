import { perform, type Caller } from '../../../kernel/action.ts'
import type { Reader } from '../../../kernel/database.ts'
import { conflict, forbidden, notFound } from '../../../kernel/errors.ts'
import { checkFileName } from '../../../kernel/file-names.ts'
import type { OpenFile } from '../../../kernel/files.ts'
import { newUuid } from '../../../kernel/ids.ts'
import type { Incoming } from '../../../kernel/incoming.ts'
import { jobs, type OutsideHandler } from '../../../kernel/jobs.ts'
import type { Upload } from '../../../kernel/route.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { emit, messageSubject } from '../events.ts'
import { checkMay, checkSees } from '../policy.ts'
import { homeRoom, joinedRoom } from '../rooms.ts'
import { accessChannel, type MessageRow } from '../store/access.ts'
import {
  attachFile,
  countUnsent,
  deleteFileRow,
  deleteUnsent,
  fileOfMessage,
  findFile,
  insertFile,
  newestUnsent,
  type FileRow,
} from '../store/files.ts'
import { timestamp, type MessageType, type Payload } from '../wire.ts'
import { checkAnnouncedName, checkAnnouncedSize, checkAnnouncedType, type Announced } from './announced.ts'
import { reachMessage, reachPerson, reachToSend, TOO_FAST, type Parts } from './parts.ts'

/** Job: removes a file, named by the job's key: of an upload nobody sent, of a channel that is gone. */
export const FILE = 'helpdesk.file'
const WHAT = 'This file'

/**
 * Takes a file for a message to come. Its removal is scheduled before the first byte is written and cancelled when it
 * is announced, so that no crash leaves a file that nobody knows of (ADR 0007).
 */
export function uploadFile(
  parts: Parts,
  incoming: Incoming,
  caller: Caller,
  channelId: number,
  upload: Upload,
): Promise<FileRow> {
  return incoming.during(caller.accountId, (coming) => take(parts, coming, caller, channelId, upload))
}

/** @param coming uploads of theirs that are on their way, this one among them */
async function take(parts: Parts, coming: number, caller: Caller, channelId: number, upload: Upload): Promise<FileRow> {
  const { unitOfWork, settings, files, media } = parts
  const name = checkFileName(upload.filename)
  const uuid = newUuid()
  const actor = { accountId: caller.accountId }
  await perform(unitOfWork, actor, async (unit) => {
    await reachToSend(unit, caller, channelId)
    const unsent = (await unit.get(countUnsent, { by: caller.accountId }))!.count
    if (unsent + coming > settings.unsentFiles) {
      throw conflict(`You may have ${settings.unsentFiles} files that are in no message; send or delete some first`)
    }
    await jobs.schedule(unit, FILE, uuid, unit.now + settings.unsentFileMs)
  })
  try {
    const { size } = await files.put(uuid, upload.stream, settings.fileBytes)
    const { mimeType } = await media.inspect((await files.open(uuid))!)
    return await perform(unitOfWork, actor, async (unit) => {
      // They may have lost the channel, or the right to write in it, while the bytes came.
      const channel = await reachToSend(unit, caller, channelId)
      return (await unit.get(insertFile, {
        uuid,
        channel_id: channel.id,
        uploaded_by: channel.actor_id,
        message_id: null,
        name,
        mime_type: mimeType,
        size,
        stored: 1,
        created_at: unit.now,
        announced_at: null,
      }))!
    })
  } catch (error) {
    // Nothing waits for what nobody can send; if this fails too, the scheduled removal is still there.
    await perform(unitOfWork, actor, (unit) => jobs.schedule(unit, FILE, uuid, unit.now)).catch(() => undefined)
    throw error
  }
}

const carriesFile: ReadonlySet<MessageType> = new Set(['file', 'image', 'gif'])

/**
 * Tells who has joined the channel of the file of a message (specs/helpdesk.md, "File & System Events"): an upload of
 * this name where there is one, with what we found out of it ourselves; else a file elsewhere, as the client describes
 * it. Said again of the same message, it is told again, and nothing else changes.
 *
 * @throws not_found for a channel or message that is absent or hidden, forbidden for a message of somebody else,
 *   conflict for one that carries no file or has another, invalid for a description that cannot be
 */
export async function announceFile(
  { unitOfWork, windows }: Pick<Parts, 'unitOfWork' | 'windows'>,
  caller: Caller,
  said: Announced,
): Promise<Payload<'file_upload_notification'>> {
  // It reaches as many as a message does.
  windows.messages.pass(caller.accountId, TOO_FAST)
  const name = checkAnnouncedName(said.fileName)
  return perform(unitOfWork, caller, async (unit, about) => {
    const channel = await reachToSend(unit, caller, said.channelId)
    const message = await reachMessage(unit, channel, said.messageId)
    if (message.user_id !== channel.actor_id) throw forbidden('Only who sent a message can say what file it carries')
    if (!carriesFile.has(message.type)) {
      throw conflict('This message carries no file; send one whose messageType is file, image or gif')
    }
    const file = await fileFor(unit, message, name, said)
    const payload: Payload<'file_upload_notification'> = {
      messageId: message.id,
      channelId: channel.id,
      uploadedBy: channel.actor_id,
      uploaderName: channel.actor_name,
      fileName: file.name,
      fileSize: file.size,
      fileType: file.mime_type,
      uploadedAt: timestamp(file.created_at),
    }
    const subject = messageSubject(channel.id, message.id)
    about(subject)
    const audience = { to: [joinedRoom(channel.id), homeRoom(channel.actor_id)] }
    emit(unit, 'file_upload_notification', payload, audience, { subject })
    return payload
  })
}

/** The file of the message: the one it has, an upload that becomes it, or the client's word for one elsewhere. */
async function fileFor(unit: Unit, message: MessageRow, name: string, said: Announced): Promise<FileRow> {
  const own = await unit.get(fileOfMessage, { message: message.id })
  if (own && own.name !== name) throw conflict('This message carries another file; send a message for each')
  if (own?.stored === 1) return own
  const upload = await unit.get(newestUnsent, { by: message.user_id, channel: message.channel_id, name })
  if (upload) {
    // It was announced before it had been uploaded.
    if (own) await unit.run(deleteFileRow, { id: own.id })
    await unit.run(attachFile, { id: upload.id, message: message.id, at: unit.now })
    await jobs.cancel(unit, FILE, upload.uuid)
    return upload
  }
  if (own) return own
  return (await unit.get(insertFile, {
    uuid: newUuid(),
    channel_id: message.channel_id,
    uploaded_by: message.user_id,
    message_id: message.id,
    name,
    mime_type: checkAnnouncedType(said.fileType),
    size: checkAnnouncedSize(said.fileSize),
    stored: 0,
    created_at: unit.now,
    announced_at: unit.now,
  }))!
}

/** An upload that is in no message, by who made it. @throws not_found, conflict when it is in one */
export async function deleteFile(parts: Parts, caller: Caller, uuid: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    checkMay(await reachPerson(unit, caller), 'chat.access')
    const row = await unit.get(findFile, { uuid })
    if (row?.uploaded_by !== caller.accountId) throw notFound(WHAT)
    if (row.message_id !== null) throw conflict('This file is in a message; it goes only together with its channel')
    await unit.run(deleteUnsent, { uuid })
    await jobs.schedule(unit, FILE, uuid, unit.now)
  })
}

/**
 * The bytes, for those who see its channel; of what is not sent yet, for who uploaded it.
 * @throws not_found when absent, hidden, gone, or kept elsewhere
 */
export async function openFile(
  { database, files }: Pick<Parts, 'database' | 'files'>,
  caller: Caller,
  uuid: string,
): Promise<{ readonly row: FileRow; readonly file: OpenFile }> {
  const row = await database.read((reader) => reachFile(reader, caller, uuid))
  const file = row.stored === 1 ? await files.open(uuid) : undefined
  if (!file) throw notFound(WHAT)
  return { row, file }
}

async function reachFile(reader: Reader, caller: Caller, uuid: string): Promise<FileRow> {
  checkMay(await reachPerson(reader, caller), 'chat.access')
  const row = await reader.get(findFile, { uuid })
  if (!row || (row.message_id === null && row.uploaded_by !== caller.accountId)) throw notFound(WHAT)
  checkSees(await reader.get(accessChannel, { id: row.channel_id, actor: caller.accountId }), WHAT)
  return row
}

/** Whatever is in a message by now stays; everything else goes, the row first: what has no row cannot be sent. */
export function removeFile({ unitOfWork, files }: Pick<Parts, 'unitOfWork' | 'files'>): OutsideHandler {
  return {
    async outside({ key: uuid }) {
      const sent = await unitOfWork.run(async (unit) => {
        await unit.run(deleteUnsent, { uuid })
        return (await unit.get(findFile, { uuid })) !== undefined
      })
      if (!sent) await files.remove(uuid)
    },
  }
}
