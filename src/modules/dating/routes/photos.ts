import type { IncomingMessage } from 'node:http'
import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { forbidden, gone } from '../../../kernel/errors.ts'
import { Incoming } from '../../../kernel/incoming.ts'
import { Download, route, type Route } from '../../../kernel/route.ts'
import { fetchEphemeral, openEphemeral } from '../actions/ephemeral.ts'
import type { Parts } from '../actions/parts.ts'
import { deletePhoto, openPhoto, showPhotoTo, uploadPhoto, type OpenPhoto } from '../actions/photos.ts'
import { Opened, Photo } from '../photo-wire.ts'
import { ById } from './shapes.ts'

const Kind = Type.Object({ ephemeral: Type.Optional(Type.Boolean({ description: 'to be opened once' })) })

export function photoRoutes(parts: Parts): readonly Route[] {
  const incoming = new Incoming()
  return [
    route(
      'POST',
      '/photos',
      {
        summary: 'Upload a photo, to be sent in a message or shown in a profile within a day',
        query: Kind,
        upload: { maxBytes: parts.settings.photoBytes },
        reply: Photo,
      },
      (call) =>
        uploadPhoto(parts, incoming, callerOf(call), call.query.ephemeral ? 'photo_ephemeral' : 'photo', call.upload),
    ),
    route(
      'GET',
      '/photos/:id',
      { summary: 'Addresses of a photo that work for a while, for those who may see it', params: ById, reply: Photo },
      (call) => showPhotoTo(parts, callerOf(call), call.params.id),
    ),
    route(
      'DELETE',
      '/photos/:id',
      { summary: 'Delete an upload of yours that is in no message and no profile', params: ById },
      (call) => deletePhoto(parts, callerOf(call), call.params.id),
    ),
    route(
      'GET',
      '/photos/:id/file',
      { summary: 'The photo, by its signed address', auth: 'open', params: ById, download: true },
      async ({ params, raw }) => asDownload(await openFile(parts, params.id, raw.request)),
    ),
    route(
      'GET',
      '/photos/:id/thumbnail',
      { summary: 'The photo made small, by its signed address', auth: 'open', params: ById, download: true },
      async ({ params, raw }) => {
        checkSigned(parts, params.id, 'thumbnail', raw.request)
        return asDownload(await openPhoto(parts, params.id, 'thumbnail'))
      },
    ),
    route(
      'POST',
      '/messages/:id/open',
      { summary: 'Open an ephemeral photo that was sent to you, once', params: ById, reply: Opened, status: 200 },
      (call) => openEphemeral(parts, callerOf(call), call.params.id),
    ),
  ]
}

async function openFile(parts: Parts, id: string, request: IncomingMessage): Promise<OpenPhoto> {
  const { once } = checkSigned(parts, id, 'file', request)
  if (!once) return openPhoto(parts, id, 'file')
  // Previews and players ask like this: it would be used up before a person has seen anything.
  if (request.method !== 'GET' || request.headers.range !== undefined) {
    throw gone('This address works once, and for the whole photo: GET it without a Range')
  }
  return fetchEphemeral(parts, id)
}

/** @throws forbidden */
function checkSigned(
  { photoUrls, clock }: Parts,
  id: string,
  part: 'file' | 'thumbnail',
  { url = '' }: IncomingMessage,
): { readonly once: boolean } {
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : ''
  const signed = photoUrls.verify(id, part, query, clock.now())
  if (!signed) throw forbidden('This address is not valid, or not any more; GET /api/dating/photos/:id gives another')
  return signed
}

const asDownload = ({ file, mimeType }: OpenPhoto): Download =>
  new Download(file, `photo.${mimeType === 'image/webp' ? 'webp' : 'jpg'}`, mimeType)
