import { perform, type Caller } from '../../../kernel/action.ts'
import type { Reader } from '../../../kernel/database.ts'
import { conflict, notFound } from '../../../kernel/errors.ts'
import { checkFileName } from '../../../kernel/file-names.ts'
import type { OpenFile } from '../../../kernel/files.ts'
import { newUuid } from '../../../kernel/ids.ts'
import type { Incoming } from '../../../kernel/incoming.ts'
import { jobs, type OutsideHandler } from '../../../kernel/jobs.ts'
import type { Upload } from '../../../kernel/route.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { checkSees } from '../policy.ts'
import { accessChannelOf, accessWorkspace } from '../store/access.ts'
import {
  countUnsent,
  deleteUnsent,
  findAttachment,
  insertAttachment,
  storedBytes,
  type AttachmentRow,
} from '../store/attachments.ts'
import { showAttachment } from '../store/messages.ts'
import type { Attachment } from '../wire.ts'
import { reachWorkspace, type Parts } from './parts.ts'

/** Removes a file, named by the job's key: of an upload nobody sent, of a message that is gone. */
export const FILE = 'workspace.file'
const WHAT = 'This attachment'

/**
 * Takes a file for a message to come. Its removal is scheduled before the first byte is written and cancelled when it
 * is sent, so that no crash leaves a file that nobody knows of.
 */
export function uploadAttachment(
  parts: Parts,
  incoming: Incoming,
  caller: Caller,
  workspaceId: string,
  upload: Upload,
): Promise<Attachment> {
  return incoming.during(caller.accountId, (coming) => take(parts, coming, caller, workspaceId, upload))
}

/** @param coming uploads of theirs that are on their way, this one among them */
async function take(
  parts: Parts,
  coming: number,
  caller: Caller,
  workspaceId: string,
  upload: Upload,
): Promise<Attachment> {
  const { unitOfWork, settings, files, media } = parts
  const name = checkFileName(upload.filename)
  const uuid = newUuid()
  const actor = { accountId: caller.accountId }
  await perform(unitOfWork, actor, async (unit) => {
    const { id } = await reachWorkspace(unit, caller, workspaceId)
    await checkRoom(unit, parts, id, 1)
    const unsent = Number((await unit.get(countUnsent, { by: caller.accountId }))!.count)
    if (unsent + coming > settings.unsentUploads) {
      throw conflict(`You may have ${settings.unsentUploads} uploads that are in no message; send or delete some first`)
    }
    await jobs.schedule(unit, FILE, uuid, unit.now + settings.unsentUploadMs)
  })
  try {
    const { size } = await files.put(uuid, upload.stream, settings.attachmentBytes)
    const { mimeType, width = null, height = null } = await media.inspect((await files.open(uuid))!)
    return await perform(unitOfWork, actor, async (unit) => {
      // They may have been removed while the bytes came.
      const workspace = await reachWorkspace(unit, caller, workspaceId)
      await checkRoom(unit, parts, workspace.id, size)
      const row = (await unit.get(insertAttachment, {
        uuid,
        workspace_id: workspace.id,
        uploaded_by: workspace.actor_id,
        name,
        mime_type: mimeType,
        size,
        width,
        height,
        created_at: unit.now,
      }))!
      return showAttachment(row)
    })
  } catch (error) {
    // Nothing waits for what nobody can send; if this fails too, the scheduled removal is still there.
    await perform(unitOfWork, actor, (unit) => jobs.schedule(unit, FILE, uuid, unit.now)).catch(() => undefined)
    throw error
  }
}

/** @param bytes that are to come in addition */
async function checkRoom(unit: Unit, { settings }: Parts, workspace: number, bytes: number): Promise<void> {
  const stored = Number((await unit.get(storedBytes, { workspace }))!.bytes ?? 0)
  if (stored + bytes <= settings.storageBytes) return
  throw conflict(`The files of this workspace may have ${settings.storageBytes} bytes; delete some messages with files`)
}

/** An upload that has not been sent, by who made it. */
export async function deleteAttachment(parts: Parts, caller: Caller, uuid: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const row = await unit.get(findAttachment, { uuid })
    if (!row || row.message_id !== null || !(await uploaded(unit, caller, row))) throw notFound(WHAT)
    await unit.run(deleteUnsent, { uuid })
    await jobs.schedule(unit, FILE, uuid, unit.now)
  })
}

/**
 * The file, for those who see its message; of what is not sent yet, for who uploaded it.
 * @throws not_found when absent, hidden or gone
 */
export async function openAttachment(
  { database, files }: Parts,
  caller: Caller,
  uuid: string,
): Promise<{ readonly row: AttachmentRow; readonly file: OpenFile }> {
  const row = await database.read(async (reader) => {
    const found = await reader.get(findAttachment, { uuid })
    if (!found) throw notFound(WHAT)
    if (found.message !== null) {
      checkSees(await reader.get(accessChannelOf, { message: found.message, actor: caller.accountId }), WHAT)
    } else if (!(await uploaded(reader, caller, found))) throw notFound(WHAT)
    return found
  })
  const file = await files.open(uuid)
  if (!file) throw notFound(WHAT)
  return { row, file }
}

/** Whether it is theirs, and they are still where it is for. */
async function uploaded(
  reader: Reader,
  { accountId: actor }: Caller,
  { uploaded_by, workspace }: { readonly uploaded_by: number; readonly workspace: string },
): Promise<boolean> {
  return uploaded_by === actor && (await reader.get(accessWorkspace, { uuid: workspace, actor })) !== undefined
}

/** Whatever is in a message by now stays; everything else goes, the row first: what has no row cannot be sent. */
export function removeFile({ unitOfWork, files }: Pick<Parts, 'unitOfWork' | 'files'>): OutsideHandler {
  return {
    async outside({ key: uuid }) {
      const sent = await unitOfWork.run(async (unit) => {
        await unit.run(deleteUnsent, { uuid })
        return (await unit.get(findAttachment, { uuid })) !== undefined
      })
      if (!sent) await files.remove(uuid)
    },
  }
}
