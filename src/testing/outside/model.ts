import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'

/**
 * A provider of chat completions that does as it is told, also what it must not. Followed, of OpenAI's documentation at
 * platform.openai.com/docs: "Create chat completion" and "The chat completion chunk object" (server-sent events of one
 * `chat.completion.chunk` each, `data: [DONE]` behind them; with `stream_options.include_usage` every chunk has a
 * `usage` that is null, and one more with empty `choices` has the numbers), "List models", "Error codes" (401, 404,
 * 429, 500 with a body `{error: {message, type, param, code}}`) and "Rate limits" (`x-ratelimit-…`, `retry-after`).
 * Left out: everything of a request but its messages, `stream`, `stream_options` and the bounds on tokens.
 */

/** One thing that an answer does. */
export type ModelStep =
  /** a chunk with that text */
  | string
  /** a chunk with that delta, like `{reasoning_content: '…'}` */
  | { readonly delta: Readonly<Record<string, unknown>> }
  /** these bytes, whatever they are */
  | { readonly raw: string | Uint8Array }
  /** waits until this is fulfilled, or the other side has gone */
  | { readonly until: Promise<unknown> }
  | { readonly finish: string }
  | { readonly usage: Readonly<Record<string, unknown>> }
  /** breaks the connection */
  | { readonly cut: true }

export const DONE: ModelStep = { raw: 'data: [DONE]\n\n' }
export const CUT: ModelStep = { cut: true }

export interface ModelAnswer {
  /** Default 200. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sends no headers before this is fulfilled. */
  readonly headersAfter?: Promise<unknown>
  /** Instead of a stream. */
  readonly body?: string
  readonly steps?: Iterable<ModelStep> | AsyncIterable<ModelStep>
  /** Default: as many as there are. */
  readonly bytesPerWrite?: number
}

export interface ModelRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  /** Parsed; undefined where none came. */
  readonly body: Readonly<Record<string, unknown>> | undefined
  /** Texts of its messages by their role. */
  readonly system: string
  readonly user: string
  /** Fulfilled when the answer has ended, however: `true` when it was sent whole. */
  readonly ended: Promise<boolean>
}

export const DEFAULT_USAGE = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 }

/** A whole answer as a provider gives it. */
export const says = (...texts: readonly string[]): ModelAnswer => ({
  steps: [...texts, { finish: 'stop' }, { usage: DEFAULT_USAGE }, DONE],
})

/** An answer that does this, and no more. */
export const does = (...steps: readonly ModelStep[]): ModelAnswer => ({ steps })

/** Never fulfilled: a stall ends when the other side goes, or the double stops. */
export const forever = (): Promise<never> => new Promise(() => {})

const errorTypes: Readonly<Record<number, readonly [type: string, code: string | null]>> = {
  401: ['invalid_request_error', 'invalid_api_key'],
  404: ['invalid_request_error', 'model_not_found'],
  429: ['requests', 'rate_limit_exceeded'],
  500: ['server_error', null],
}

/** An error as a provider tells it. Its message is what must never reach anybody. */
export function fails(status: number, headers: Readonly<Record<string, string>> = {}): ModelAnswer {
  const [type, code] = errorTypes[status] ?? ['api_error', null]
  const message = `${PROVIDERS_WORDS} ${status}`
  return { status, headers, body: JSON.stringify({ error: { message, type, param: null, code } }) }
}

/** Stands in everything that this provider says of its errors. */
export const PROVIDERS_WORDS = 'Words-of-the-provider sk-leaked-key'

export class ModelDouble {
  apiKey: string | undefined
  /** Names that it lists; undefined: it has no list. */
  models: readonly string[] | undefined = ['model-of-tests']
  /** What it does when nothing was scripted. */
  otherwise: ModelAnswer = says('Text of the model.')
  /** Completions that were asked of it, refused ones too. */
  readonly requests: ModelRequest[] = []
  private readonly scripted: ModelAnswer[] = []
  private readonly sockets = new Set<Socket>()
  private readonly waiting: { count: number; resolve: () => void }[] = []
  private readonly server: Server
  private running = 0

  constructor() {
    this.server = createServer((request, response) => {
      this.handle(request, response).catch(() => response.destroy())
    })
    this.server.on('connection', (socket) => {
      this.sockets.add(socket.setNoDelay(true))
      socket.once('close', () => this.sockets.delete(socket))
    })
  }

  /** As in AI_BASE_URL. */
  get baseUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`
  }

  /** Answers that are being written. */
  get open(): number {
    return this.running
  }

  async start(): Promise<this> {
    await once(this.server.listen(0, '127.0.0.1'), 'listening')
    return this
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
    await once(this.server, 'close')
  }

  /** What it does with the next requests, one each. */
  next(...answers: readonly ModelAnswer[]): void {
    this.scripted.push(...answers)
  }

  /** Leaves out what was scripted and not yet asked for. */
  forget(): void {
    this.scripted.length = 0
  }

  /** Waits until that many requests have come since the beginning. @returns the last one of them */
  async requested(count: number): Promise<ModelRequest> {
    if (this.requests.length < count) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.waiting.push({ count, resolve })
      await promise
    }
    return this.requests[count - 1]!
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    const body = parsed(await textOf(request))
    const refused = this.apiKey !== undefined && request.headers.authorization !== `Bearer ${this.apiKey}`
    if (path === '/v1/models' && request.method === 'GET') {
      if (refused) return finish(response, fails(401))
      if (!this.models) return finish(response, fails(404))
      const data = this.models.map((id) => ({ id, object: 'model', created: 1_700_000_000, owned_by: 'tests' }))
      return finish(response, { body: JSON.stringify({ object: 'list', data }) })
    }
    if (path !== '/v1/chat/completions' || request.method !== 'POST') return finish(response, fails(404))
    const ended = Promise.withResolvers<boolean>()
    response.once('close', () => ended.resolve(response.writableFinished))
    const { method, headers } = request
    this.record({ method, path, headers, body, ...textsOf(body), ended: ended.promise })
    if (refused) return finish(response, fails(401))
    if (typeof body?.['model'] !== 'string' || !Array.isArray(body['messages'])) return finish(response, fails(400))
    this.running += 1
    try {
      await this.answer(body, this.scripted.shift() ?? this.otherwise, response)
    } finally {
      this.running -= 1
    }
  }

  private record(request: ModelRequest): void {
    this.requests.push(request)
    for (const each of this.waiting) if (this.requests.length >= each.count) each.resolve()
  }

  private async answer(body: Json, answer: ModelAnswer, response: ServerResponse): Promise<void> {
    const gone = once(response, 'close')
    if (answer.headersAfter) await Promise.race([answer.headersAfter, gone])
    if (answer.body !== undefined) return finish(response, answer)
    if (body['stream'] !== true) return completion(answer, response)
    response.writeHead(answer.status ?? 200, { 'content-type': 'text/event-stream', ...answer.headers })
    response.flushHeaders()
    const wantsUsage = (body['stream_options'] as Json | undefined)?.['include_usage'] === true
    for await (const step of answer.steps ?? []) {
      if (response.destroyed) return
      if (typeof step === 'string') await write(response, text(step, wantsUsage), answer.bytesPerWrite, gone)
      else if ('cut' in step) return void response.destroy()
      else if ('until' in step) await Promise.race([step.until, gone])
      else await write(response, bytesOf(step, wantsUsage), answer.bytesPerWrite, gone)
    }
    response.end()
  }
}

type Json = Readonly<Record<string, unknown>>

/** The same as one object, for who did not ask for a stream. */
async function completion(answer: ModelAnswer, response: ServerResponse): Promise<void> {
  let content = ''
  let usage: Json = DEFAULT_USAGE
  for await (const step of answer.steps ?? []) {
    if (typeof step === 'string') content += step
    else if ('usage' in step) usage = step.usage
  }
  const choices = [{ index: 0, message: { role: 'assistant', content }, logprobs: null, finish_reason: 'stop' }]
  finish(response, { body: JSON.stringify({ ...HEAD, object: 'chat.completion', choices, usage }) })
}

function finish(response: ServerResponse, answer: ModelAnswer): void {
  const status = answer.status ?? 200
  const limits = { 'x-ratelimit-limit-requests': '60', 'x-ratelimit-remaining-requests': status === 429 ? '0' : '59' }
  response.writeHead(status, { 'content-type': 'application/json', ...limits, ...answer.headers })
  response.end(answer.body ?? '')
}

async function write(response: ServerResponse, bytes: Uint8Array, size: number | undefined, gone: Promise<unknown>) {
  for (let at = 0; at < bytes.length; at += size ?? bytes.length) {
    if (response.destroyed) return
    const isTaken = response.write(bytes.subarray(at, size === undefined ? undefined : at + size))
    // A turn each, so that pieces leave as packets of their own.
    if (!isTaken) await Promise.race([once(response, 'drain'), gone])
    else if (size !== undefined) await turn()
  }
}

const HEAD = { id: 'chatcmpl-1', created: 1_700_000_000, model: 'model-of-tests', system_fingerprint: 'fp_1' }

type Sent = Exclude<ModelStep, string | { readonly until: unknown } | { readonly cut: true }>

function bytesOf(step: Sent, wantsUsage: boolean): Uint8Array {
  if ('raw' in step) return Buffer.from(step.raw)
  if ('usage' in step) return wantsUsage ? chunk([], step.usage) : Buffer.alloc(0)
  const made = 'finish' in step ? choice({}, step.finish) : choice(step.delta, null)
  return chunk([made], wantsUsage ? null : undefined)
}

const text = (content: string, wantsUsage: boolean): Uint8Array => bytesOf({ delta: { content } }, wantsUsage)

const choice = (delta: Json, finish_reason: string | null): Json => ({ index: 0, delta, logprobs: null, finish_reason })

const chunk = (choices: readonly Json[], usage: Json | null | undefined): Uint8Array =>
  Buffer.from(`data: ${JSON.stringify({ ...HEAD, object: 'chat.completion.chunk', choices, usage })}\n\n`)

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

function textsOf(body: Json | undefined): { system: string; user: string } {
  const messages = (body?.['messages'] ?? []) as readonly { readonly role: string; readonly content: unknown }[]
  const of = (role: string): string => {
    const content = messages.find((message) => message.role === role)?.content
    return typeof content === 'string' ? content : JSON.stringify(content ?? '')
  }
  return { system: of('system'), user: of('user') }
}
