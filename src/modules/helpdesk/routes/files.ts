import Type, { type Static } from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { Incoming } from '../../../kernel/incoming.ts'
import { readCamelPage } from '../../../kernel/page.ts'
import { Download, route, type Route } from '../../../kernel/route.ts'
import { deleteFile, openFile, uploadFile } from '../actions/files.ts'
import { reachChannel, type Parts } from '../actions/parts.ts'
import { listFiles } from '../lists/files.ts'
import type { FileRow } from '../store/files.ts'
import { exact, Id, Nullable, TextId, Timestamp, timestamp } from '../wire.ts'
import { PageOf, PageQuery, Ref } from './shapes.ts'

/** One that is not ours is simply not there. */
const ByUuid = Type.Object({ id: Type.String({ pattern: '^[\\w-]{1,64}$', description: 'an id' }) })

const File = Type.Object(
  {
    id: TextId,
    channelId: Id,
    name: Type.String(),
    /** Found from the bytes; of a file that is kept elsewhere, what its sender says. */
    mimeType: Type.String(),
    size: Type.Integer({ minimum: 0, description: 'bytes' }),
    /** Null when the file is kept elsewhere. */
    url: Nullable(Type.String()),
    uploadedBy: Id,
    createdAt: Timestamp,
    /** Null: not sent yet. */
    messageId: Nullable(Id),
  },
  exact,
)

const showFile = (row: FileRow): Static<typeof File> => ({
  id: row.uuid,
  channelId: row.channel_id,
  name: row.name,
  mimeType: row.mime_type,
  size: row.size,
  url: row.stored === 1 ? `/api/helpdesk/files/${row.uuid}` : null,
  uploadedBy: row.uploaded_by,
  createdAt: timestamp(row.created_at),
  messageId: row.message_id,
})

export function fileRoutes(parts: Parts): readonly Route[] {
  const incoming = new Incoming()
  return [
    route(
      'POST',
      '/files',
      {
        summary: 'Upload a file to a channel, to be announced with a message of yours within a day',
        query: Type.Object({ channelId: Ref }),
        upload: { maxBytes: parts.settings.fileBytes },
        reply: File,
      },
      async (call) => showFile(await uploadFile(parts, incoming, callerOf(call), call.query.channelId, call.upload)),
    ),
    route(
      'GET',
      '/files',
      {
        summary: 'Files of a channel that are in messages, and what you have not sent yet, newest first',
        query: Type.Object({ ...PageQuery, channelId: Ref }),
        reply: PageOf(File),
      },
      (call) =>
        readCamelPage(
          parts.database,
          async (reader) => {
            const channel = await reachChannel(reader, callerOf(call), call.query.channelId)
            return listFiles(reader, channel.actor_id, channel.id, call.query)
          },
          showFile,
        ),
    ),
    route(
      'GET',
      '/files/:id',
      {
        summary: 'The file itself, for who sees its channel; before it is sent, for who uploaded it',
        params: ByUuid,
        download: true,
      },
      async (call) => {
        const { row, file } = await openFile(parts, callerOf(call), call.params.id)
        return new Download(file, row.name, row.mime_type)
      },
    ),
    route(
      'DELETE',
      '/files/:id',
      { summary: 'Delete an upload of yours that is in no message', params: ByUuid },
      (call) => deleteFile(parts, callerOf(call), call.params.id),
    ),
  ]
}
