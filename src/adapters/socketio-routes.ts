import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { notFound } from '../kernel/errors.ts'
import { OWN_PATH, type SocketIo } from './socketio.ts'

/** The stock browser client, as its package brings it. */
const clientFolder = new URL('client-dist/', import.meta.resolve('socket.io/package.json'))
const clientFiles: ReadonlyMap<string, string> = new Map(
  ['socket.io.js', 'socket.io.min.js', 'socket.io.esm.min.js'].flatMap((name) => [
    [name, 'text/javascript; charset=utf-8'],
    [`${name}.map`, 'application/json; charset=utf-8'],
  ]),
)

interface ClientFile {
  readonly plain: Buffer
  readonly gzip: Buffer
  readonly etag: string
}

/**
 * Fastify plugin: Engine.IO's requests, and the stock client for pages that load it from here, at the addresses of the
 * official server. Limits of bodies, headers of security, CORS and metrics are those of all routes.
 */
export function socketIoRoutes(socketIo: SocketIo) {
  const { path, maxBytes } = socketIo
  const hidden = { schema: { hide: true } }
  return async (app: FastifyInstance): Promise<void> => {
    app.removeAllContentTypeParsers()
    // Payloads stay unread: the engine reads them.
    app.addContentTypeParser('*', (_, __, done) => done(null))
    const handler = (request: FastifyRequest, reply: FastifyReply): void => {
      if (!socketIo.serves(request.url)) throw notFound('This path')
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value)
      }
      reply.hijack()
      socketIo.request(request.raw, reply.raw)
    }
    for (const url of [path, path.slice(0, -1)]) {
      app.route({ ...hidden, method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], url, bodyLimit: maxBytes, handler })
    }
    if (path !== OWN_PATH) return
    const cache = new Map<string, Promise<ClientFile>>()
    app.get(`${path}:file`, hidden, async (request, reply) => {
      const { file: name } = request.params as { file: string }
      const type = clientFiles.get(name)
      if (type === undefined) throw notFound('This path')
      let reading = cache.get(name)
      if (!reading) cache.set(name, (reading = readClient(name)))
      return sendClient(await reading, type, request, reply)
    })
  }
}

async function readClient(name: string): Promise<ClientFile> {
  const plain = await readFile(new URL(name, clientFolder))
  return { plain, gzip: gzipSync(plain), etag: createHash('sha256').update(plain).digest('base64url').slice(0, 22) }
}

function sendClient(file: ClientFile, type: string, { headers }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const isGzip = /\bgzip\b/.test(headers['accept-encoding'] ?? '')
  // One of each encoding: they are different bytes.
  const etag = `"${file.etag}${isGzip ? '-gzip' : ''}"`
  // Kept, but asked after: the address stays the same when the client is updated.
  reply.headers({ 'Cache-Control': 'public, max-age=0', ETag: etag, Vary: 'Accept-Encoding' })
  if (headers['if-none-match']?.split(/, */).some((known) => known.replace(/^W\//, '') === etag)) {
    return reply.code(304).send()
  }
  if (isGzip) reply.header('Content-Encoding', 'gzip')
  return reply.type(type).send(isGzip ? file.gzip : file.plain)
}
