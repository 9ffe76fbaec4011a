import { mkdtempSync, rmSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import Type from 'typebox'
import { openDiskFiles } from '../adapters/files-disk.ts'
import { createHttp } from '../adapters/http.ts'
import { sharpMedia } from '../adapters/media.ts'
import { CommandError, forbidden, gone, notFound } from '../kernel/errors.ts'
import { checkFileName } from '../kernel/file-names.ts'
import type { OpenFile } from '../kernel/files.ts'
import { newUuid } from '../kernel/ids.ts'
import { Metrics } from '../kernel/metrics.ts'
import { Download, plainCodes, route, type Api } from '../kernel/route.ts'
import type { Session } from '../kernel/session.ts'
import { FakeClock } from './clock.ts'

export const MAX_BYTES = 3_000_000
export const TOKEN = 'a-token'

/** The doors of a small module that keeps files, on a real port and a real disk. */
export interface FileServer {
  readonly port: number
  readonly url: string
  readonly clock: FakeClock
  readonly log: readonly string[]
  /** What downloads opened, in order. */
  readonly opened: readonly OpenFile[]
  /** Calls of routes that have begun. */
  readonly calls: readonly string[]
  /** Made by clients so far. */
  connections(): number
  /** Names of everything on the disk, whole or in part. */
  kept(): Promise<readonly string[]>
  /** A download of this stream instead of a stored file, once. */
  offer(file: OpenFile): void
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const session = { account: { id: 1 }, id: 'login' } as Session
const ById = Type.Object({ id: Type.String() })
const Note = Type.Object({ text: Type.Optional(Type.String()) })
const Stored = Type.Object({
  id: Type.String(),
  name: Type.String(),
  size: Type.Integer(),
  mimeType: Type.String(),
  width: Type.Optional(Type.Integer()),
  height: Type.Optional(Type.Integer()),
})

export async function fileServer(options: { writes?: number } = {}): Promise<FileServer> {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-uploads-'))
  const files = await openDiskFiles(folder)
  const media = sharpMedia()
  const clock = new FakeClock()
  const stored = new Map<string, { readonly name: string; readonly mimeType: string }>()
  const log: string[] = []
  const opened: OpenFile[] = []
  const calls: string[] = []
  let offered: OpenFile | undefined
  const upload = { maxBytes: MAX_BYTES }
  const api: Api = {
    prefix: '/api/files',
    tag: 'files',
    codes: { ...plainCodes, too_large: 'file_too_large' },
    writes: { limit: options.writes ?? 0, perMs: 60_000 },
    routes: [
      route('POST', '/', { summary: 'Store a file', upload, reply: Stored }, async (call) => {
        calls.push('store')
        const name = checkFileName(call.upload.filename)
        const id = newUuid()
        const { size } = await files.put(id, call.upload.stream, upload.maxBytes)
        const found = await media.inspect((await files.open(id))!)
        stored.set(id, { name, mimeType: found.mimeType })
        return { id, name, size, ...found }
      }),
      route('POST', '/forbidden', { summary: 'Refuse without reading', upload }, async () => {
        throw forbidden('Not you')
      }),
      route('POST', '/late', { summary: 'Refuse after a while', upload }, async (call) => {
        calls.push('late')
        await new Promise((resolve) => call.raw.request.once('close', resolve))
        await files.put(newUuid(), call.upload.stream, upload.maxBytes)
      }),
      route('POST', '/note', { summary: 'Take JSON', body: Note }, async () => {
        calls.push('note')
      }),
      route(
        'GET',
        '/signed/:id',
        { summary: 'Read a file without a token', auth: 'open', params: ById, download: true },
        async ({ params, session: nobody, raw }) => {
          calls.push(`${raw.request.method} ${raw.request.url} ${nobody === undefined ? 'nobody' : 'somebody'}`)
          const of = stored.get(params.id)
          if (!of) throw gone('This file is gone')
          return new Download((await files.open(params.id))!, of.name, of.mimeType)
        },
      ),
      route('GET', '/:id', { summary: 'Read a file', params: ById, download: true }, async ({ params }) => {
        const of = stored.get(params.id)
        const file = offered ?? (of && (await files.open(params.id)))
        offered = undefined
        if (!file) throw notFound('This file')
        opened.push(file)
        return new Download(file, of?.name ?? 'offered', of?.mimeType ?? 'image/png')
      }),
    ],
  }
  const app = await createHttp({
    apis: [api],
    authenticator: {
      async authenticate(token) {
        // As a database would.
        await new Promise(setImmediate)
        if (token !== TOKEN) throw new CommandError('unauthenticated', 'Log in')
        return session
      },
    },
    clock,
    metrics: new Metrics(),
    log: pino({ level: 'debug' }, { write: (line) => void log.push(line) }),
    allowedOrigins: [],
    trustProxy: false,
    maxBodyBytes: 2_000,
    metricsToken: '',
    ready: () => true,
  })
  let connections = 0
  app.server.on('connection', () => (connections += 1))
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const close = async (): Promise<void> => {
    await app.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return {
    port,
    url: `http://127.0.0.1:${port}/api/files`,
    clock,
    log,
    opened,
    calls,
    connections: () => connections,
    kept: async () => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
    },
    offer(file) {
      offered = file
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
