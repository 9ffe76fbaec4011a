import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import fastifyCors from '@fastify/cors'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Clock } from '../kernel/clock.ts'
import { asCommandError, CommandError, notFound } from '../kernel/errors.ts'
import { parseJson } from '../kernel/gate.ts'
import { SlidingWindow } from '../kernel/limits.ts'
import type { Metrics } from '../kernel/metrics.ts'
import {
  plainCodes, type Answer, type Api, type BytesRule, type Call, type Route, type UploadRule,
} from '../kernel/route.ts'
import { compile } from '../kernel/schema.ts'
import type { Authenticator, Session } from '../kernel/session.ts'
import { documentation } from './documentation.ts'
import { sendDownload } from './download.ts'
import { OVERHEAD_BYTES, readUpload } from './multipart.ts'
import { originAllowed } from './origin.ts'
import type { SocketIo } from './socketio.ts'
import { socketIoRoutes } from './socketio-routes.ts'
import { Transfers } from './transfers.ts'

export interface HttpOptions {
  readonly apis: readonly Api[]
  readonly authenticator: Authenticator
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Logger
  readonly allowedOrigins: readonly string[]
  readonly trustProxy: boolean
  readonly maxBodyBytes: number
  readonly metricsToken: string
  readonly socketIo?: readonly SocketIo[]
  /** Whether requests can be answered: false while draining or when the storage is broken. */
  readonly ready: () => boolean
}

/** On every answer. Ours are data, not pages: nothing may run in them, frame them, sniff them or keep them. */
const headers = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=31536000',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

/**
 * For every server that these routes are served on. How long a body may take is not for node to say (transfers.ts); how
 * long the headers before it may take is.
 */
export const timeouts = { requestTimeout: 0, headersTimeout: 30_000 }

/** Adapter: serves the routes of all modules, their documents, and the operator's pages. */
export async function createHttp(options: HttpOptions): Promise<FastifyInstance> {
  const { metrics, allowedOrigins } = options
  const transfers = new Transfers(options.clock)
  const app = Fastify({
    // Our own log says what is worth saying; fastify's would make a child logger for every request.
    logger: false,
    bodyLimit: options.maxBodyBytes,
    // One hop: the entry our own proxy has appended; what a client wrote before it is not believed.
    trustProxy: options.trustProxy ? (_: string, hop: number) => hop === 0 : false,
    requestTimeout: timeouts.requestTimeout,
    http: timeouts,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    clientErrorHandler: refuseUnread,
    // A path that cannot be decoded has no route and so no hooks: fastify would answer in its own words.
    frameworkErrors: (error, request, reply) => {
      transfers.receive(request.raw, options.maxBodyBytes)
      void answerError(options, plainCodes, error, request, reply.headers(headers))
    },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_, body, done) => {
    try {
      done(null, body === '' ? undefined : parseJson(body as string))
    } catch (error) {
      done(error as Error)
    }
  })
  // Our own compiled schemas validate and rebuild (kernel/schema.ts); fastify's are for the documents only.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  app.setErrorHandler((error, request, reply) => void answerError(options, plainCodes, error, request, reply))
  app.setNotFoundHandler(() => {
    throw notFound('This path')
  })
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers)
    transfers.receive(request.raw, request.routeOptions.bodyLimit)
    done()
  })
  app.addHook('preClose', (done) => {
    transfers.stop()
    done()
  })
  await app.register(fastifyCors, {
    origin: (origin, done) => done(null, originAllowed(origin, undefined, allowedOrigins)),
    exposedHeaders: ['Switchboard-Position', 'Retry-After', 'Content-Disposition'],
    // Ours are never in cookies, but Socket.IO's client of version 2 asks for a leave to send them.
    credentials: true,
  })
  await app.register(documentation)
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    metrics.requests.observe({ route, status: reply.statusCode }, reply.elapsedTime / 1000)
    done()
  })
  for (const api of options.apis) await app.register(apiPlugin(api, options, transfers), { prefix: api.prefix })
  for (const socketIo of options.socketIo ?? []) await app.register(socketIoRoutes(socketIo))
  operatorRoutes(app, options)
  return app
}

function apiPlugin(api: Api, options: HttpOptions, transfers: Transfers) {
  const writes = new SlidingWindow<number>(options.clock, api.writes)
  const admitWrite = (session: Session): void => {
    writes.pass(session.account.id, 'Too many requests')
    api.onWrite?.(session)
  }
  const serve = (app: FastifyInstance, routes: readonly Route[]): void => {
    for (const route of routes) {
      app.route({
        method: route.method,
        url: route.path,
        schema: documented(api, route),
        handler: handlerOf(route, options, admitWrite, transfers),
        ...(route.upload && { bodyLimit: route.upload.maxBytes + OVERHEAD_BYTES }),
        ...(route.bytes && { bodyLimit: route.bytes.maxBytes }),
      })
    }
  }
  return async (app: FastifyInstance): Promise<void> => {
    app.setErrorHandler((error, request, reply) => void answerError(options, api.codes, error, request, reply))
    serve(app, api.routes.filter((route) => !route.upload && !route.bytes))
    const signed = api.routes.filter((route) => route.bytes)
    if (signed.length > 0) {
      await app.register(async (raw) => {
        raw.removeAllContentTypeParsers()
        raw.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body))
        serve(raw, signed)
      })
    }
    const uploads = api.routes.filter((route) => route.upload)
    if (uploads.length > 0) {
      await app.register(async (unread) => {
        unread.removeAllContentTypeParsers()
        // Whatever it is stays unread until the caller is known; `readUpload` refuses what is not multipart.
        unread.addContentTypeParser('*', (_, __, done) => done(null))
        serve(unread, uploads)
      })
    }
  }
}

function handlerOf(
  route: Route,
  options: HttpOptions,
  admitWrite: (session: Session) => void,
  transfers: Transfers,
) {
  const { authenticator, log } = options
  const decodeParams = route.params && compile(route.params, { coerce: true })
  const decodeQuery = route.query && compile(route.query, { coerce: true })
  const decodeBody = route.body && compile(route.body)
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const session = route.auth === 'session' ? await authenticate(request, authenticator) : (undefined as never)
    if (session && route.method !== 'GET') admitWrite(session)
    const call: Call<unknown, unknown, unknown> = {
      session,
      params: decodeParams?.(request.params),
      query: decodeQuery?.(request.query),
      body: decodeBody?.(request.body ?? {}),
      ...(route.bytes && { bytes: request.body ?? Buffer.alloc(0) }),
      clientKey: clientKeyOf(request),
      address: request.ip,
      raw: { request: request.raw, response: reply.raw },
    }
    const answer = await (route.upload
      ? runWithUpload(route, call, route.upload)
      : route.run(call as Call<never, never, never>))
    reply.code(answer.status)
    if (answer.headers) reply.headers(answer.headers)
    if (answer.download) return sendDownload(reply, answer.download, { transfers, log })
    return answer.body === undefined ? reply.send() : answer.body
  }
}

async function runWithUpload(
  route: Route,
  call: Call<unknown, unknown, unknown>,
  { maxBytes }: UploadRule,
): Promise<Answer> {
  const upload = await readUpload(call.raw.request, maxBytes)
  try {
    return await route.run({ ...call, upload } as unknown as Call<never, never, never>)
  } finally {
    upload.close()
  }
}

async function authenticate(request: FastifyRequest, authenticator: Authenticator): Promise<Session> {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (!token) throw new CommandError('unauthenticated', 'Send an access token as "Authorization: Bearer <token>"')
  return authenticator.authenticate(token)
}

/** A key is of its command: used for another it is another key, and not answered with the first one's outcome. */
function clientKeyOf({ headers, method, url }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key === 'string' && /^[\x21-\x7e]{1,200}$/.test(key)) return `${method} ${url.split('?', 1)[0]} ${key}`
  throw new CommandError('invalid', 'Invalid request data', {
    details: { 'idempotency-key': 'must be 1 to 200 visible ASCII characters' },
  })
}

/** What node could not read as a request, in our words; nothing of fastify has seen it. */
function refuseUnread(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  const body = JSON.stringify({ error: { code: plainCodes.invalid, message: UNREAD[status] } })
  const lines = Object.entries({
    ...headers,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
}

const UNREAD = {
  400: 'This is not an HTTP request that can be read',
  408: 'The headers did not come in time',
  431: 'The headers are too long',
} as const

/** Errors of the framework before our code is reached, in our words. */
function translate(error: unknown): CommandError {
  switch ((error as { code?: string }).code ?? '') {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new CommandError('too_large', 'The body is over the size limit')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new CommandError('unsupported', 'Send application/json')
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new CommandError('invalid', 'Invalid request data', { details: { request: 'is malformed' } })
    default:
      return asCommandError(error)
  }
}

async function answerError(
  options: HttpOptions,
  codes: Api['codes'],
  cause: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const error = translate(cause)
  if (error.kind === 'internal') options.log.error({ err: cause, route: request.routeOptions.url }, 'request failed')
  options.metrics.errors.inc({ module: 'http', kind: error.kind })
  if (error.retryAfter !== undefined) reply.header('Retry-After', String(error.retryAfter))
  // A file that could not be read has left its headers.
  reply.removeHeader('Content-Disposition').type('application/json; charset=utf-8')
  await reply.code(error.http).send({
    error: {
      code: error.code ?? codes[error.kind],
      message: error.message,
      ...(error.details && { details: error.details }),
      ...(error.retryAfter !== undefined && { retry_after: error.retryAfter }),
    },
  })
}

function documented(api: Api, route: Route): object {
  return {
    tags: [api.tag],
    summary: route.summary,
    ...(route.auth === 'session' && { security: [{ bearer: [] }] }),
    ...(route.params && { params: route.params }),
    ...(route.query && { querystring: route.query }),
    ...(route.body && { body: route.body }),
    ...(route.upload && { consumes: ['multipart/form-data'], body: uploadBody(route.upload) }),
    ...(route.bytes && { body: bytesBody(route.bytes) }),
    response: { [route.status]: route.download ? downloadBody : (route.reply ?? noBody) },
  }
}

const noBody = { type: 'null', description: 'Done' }
const binary = { type: 'string', format: 'binary' }

const uploadBody = ({ maxBytes }: UploadRule): object => ({
  type: 'object',
  properties: { file: { ...binary, description: `One file of at most ${maxBytes} bytes` } },
  required: ['file'],
})

const bytesBody = ({ maxBytes }: BytesRule): object => ({
  type: 'object',
  description: `At most ${maxBytes} bytes, signed as they are sent`,
})

const downloadBody = { description: 'The file', content: { 'application/octet-stream': { schema: binary } } }

function operatorRoutes(app: FastifyInstance, options: HttpOptions): void {
  const hidden = { schema: { hide: true } }
  app.get('/healthz', hidden, () => ({ status: 'ok' }))
  app.get('/readyz', hidden, (_, reply) => {
    const ready = options.ready()
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'unavailable' })
  })
  app.get('/metrics', hidden, async (request, reply) => {
    if (!mayReadMetrics(request, options.metricsToken)) throw notFound('This path')
    return reply.type(options.metrics.registry.contentType).send(await options.metrics.registry.metrics())
  })
}

function mayReadMetrics(request: FastifyRequest, token: string): boolean {
  if (token !== '') return request.headers.authorization === `Bearer ${token}`
  // What came through a proxy on this machine has come from anywhere.
  const direct = request.headers['x-forwarded-for'] === undefined
  return direct && /^(::1|(::ffff:)?127\.)/.test(request.ip)
}
