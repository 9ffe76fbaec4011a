import { callerOf } from '../../../kernel/action.ts'
import { Incoming } from '../../../kernel/incoming.ts'
import { Download, route, type Route } from '../../../kernel/route.ts'
import { deleteAttachment, openAttachment, uploadAttachment } from '../actions/attachments.ts'
import type { Parts } from '../actions/parts.ts'
import { Attachment } from '../wire.ts'
import { ById } from './shapes.ts'

export function attachmentRoutes(parts: Parts): readonly Route[] {
  const incoming = new Incoming()
  return [
    route(
      'POST',
      '/workspaces/:id/attachments',
      {
        summary: 'Upload a file, to be sent in a message within a day',
        params: ById,
        upload: { maxBytes: parts.settings.attachmentBytes },
        reply: Attachment,
      },
      (call) => uploadAttachment(parts, incoming, callerOf(call), call.params.id, call.upload),
    ),
    route(
      'GET',
      '/attachments/:id',
      { summary: 'The file itself, for those who see its message', params: ById, download: true },
      async (call) => {
        const { row, file } = await openAttachment(parts, callerOf(call), call.params.id)
        return new Download(file, row.name, row.mime_type)
      },
    ),
    route(
      'DELETE',
      '/attachments/:id',
      { summary: 'Delete an upload of yours that is not sent yet', params: ById },
      (call) => deleteAttachment(parts, callerOf(call), call.params.id),
    ),
  ]
}
