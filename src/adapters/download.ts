import { pipeline, Transform } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import { contentDisposition } from '../kernel/file-names.ts'
import type { OpenFile } from '../kernel/files.ts'
import { isInline } from '../kernel/media.ts'
import type { Download } from '../kernel/route.ts'
import type { Transfers } from './transfers.ts'

/** Even what is shown inline may run nothing, load nothing and be kept nowhere but with this one reader. */
const headers = {
  'Cache-Control': 'private, no-store',
  'Content-Security-Policy': "default-src 'none'; sandbox",
  'X-Content-Type-Options': 'nosniff',
}

/** Sends a file; it is closed when it has been sent, and when the reader goes away before. */
export function sendDownload(
  reply: FastifyReply,
  { file, filename, mimeType }: Download,
  { transfers, log }: { readonly transfers: Transfers; readonly log: Logger },
): FastifyReply {
  const kind = isInline(mimeType) ? 'inline' : 'attachment'
  reply
    .headers(headers)
    .header('Content-Disposition', contentDisposition(kind, filename))
    .header('Content-Length', file.size)
    .type(mimeType === 'text/plain' ? 'text/plain; charset=utf-8' : mimeType)
  // Fastify reads it to its end for nobody, unless it has none.
  if (reply.request.method === 'HEAD') return reply.send(file.stream.destroy())
  transfers.send(reply.raw)
  const checked = exactly(file)
  checked.once('error', (error) => {
    // Before that, an error is answered, and logged there.
    if (reply.raw.headersSent) log.error({ err: error }, 'a download was broken off')
  })
  // Closes the file whatever happens.
  pipeline(file.stream, checked, () => undefined)
  return reply.send(checked)
}

/** A file that is not as long as was said would leave the reader waiting, or be read into the next answer. */
function exactly({ size }: OpenFile): Transform {
  let left = size
  return new Transform({
    transform(chunk: Buffer, _, done) {
      left -= chunk.length
      done(left < 0 ? new Error('A file is longer than it was') : null, chunk)
    },
    flush(done) {
      done(left > 0 ? new Error('A file is shorter than it was') : null)
    },
  })
}
