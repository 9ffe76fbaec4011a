import type * as Compatible from '@ai-sdk/openai-compatible'
import type * as Sdk from 'ai'
import { OutgoingError, OutsideFault } from '../../../kernel/outgoing.ts'

/** Where a model is, and what it is called there. */
export interface ModelAddress {
  /** An OpenAI-compatible address, as in `https://api.openai.com/v1`. */
  readonly baseUrl: string
  readonly apiKey?: string | undefined
  readonly model: string
}

export interface ModelMessages {
  readonly system: string
  readonly user: string
}

export type ModelFetch = (url: string | URL, init?: RequestInit) => Promise<Response>

export interface AnswerRequest {
  readonly model: ModelAddress
  /** Through the guard of outgoing calls. Its limits of time and size are those of the whole answer. */
  readonly fetch: ModelFetch
  readonly messages: ModelMessages
  /** A request to the provider, which may not heed it. */
  readonly maxOutputTokens: number
  readonly signal: AbortSignal
}

/** What comes of a model: text as it arrives, then one end. */
export type AnswerPart =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'end'
      /** As the provider counts them, prompt and answer; undefined where it does not say. */
      readonly tokensUsed: number | undefined
    }

export type ProviderFaultCode = 'PROVIDER_ERROR' | 'TIMEOUT' | 'CONTENT_TOO_LARGE'

/** Why a model gave no whole answer. */
export class ProviderFault extends OutsideFault {
  readonly code: ProviderFaultCode
  readonly isPassing: boolean
  /** HTTP status of the answer, where that is what was wrong. */
  readonly status: number | undefined

  constructor(
    message: string,
    options: { code?: ProviderFaultCode; isPassing?: boolean; retryAfterMs?: number | undefined; status?: number } = {},
  ) {
    super(message, options.retryAfterMs)
    this.code = options.code ?? 'PROVIDER_ERROR'
    this.isPassing = options.isPassing ?? false
    this.status = options.status
  }
}

const cutOff = (): ProviderFault => new ProviderFault('The AI broke off its answer. Try again.', { isPassing: true })

export const notUnderstood = (): ProviderFault =>
  new ProviderFault('The AI provider answered with something that is no chat completion. Check its address.')

/** Loads the SDK: 300 ms of this thread, so it is done when the first one asks, or beforehand where there is nothing
 * yet to hold up. */
export async function loadSdk(): Promise<{ readonly sdk: typeof Sdk; readonly compatible: typeof Compatible }> {
  const [sdk, compatible] = await Promise.all([import('ai'), import('@ai-sdk/openai-compatible')])
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false })
  return { sdk, compatible }
}

/**
 * One answer of a model as it is written. Whoever stops reading has closed the connection; whoever may be waiting for
 * the next part at that moment aborts the signal.
 * @throws ProviderFault; the signal's reason, at once, when it is aborted
 */
export async function* streamAnswer(request: AnswerRequest): AsyncGenerator<AnswerPart, void, void> {
  const { signal } = request
  signal.throwIfAborted()
  const call = new AbortController()
  const abort = (): void => call.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  const aborted = rejectedOn(call.signal)
  const wire = new Wire(request, call.signal)
  try {
    const parts = await Promise.race([begin(request, wire, call.signal), aborted])
    const reader = parts.getReader()
    let texts = 0
    for (;;) {
      // The SDK hands an abort through several streams; a person who stops an answer need not wait for them.
      // oxlint-disable-next-line no-await-in-loop
      const { done, value } = await Promise.race([reader.read(), aborted])
      if (done || value.type === 'abort') throw cutOff()
      if (value.type === 'error') {
        if (!wire.endedWithoutReason(value.error)) throw wire.faultOf(value.error)
      } else if (value.type === 'text-delta' && value.text !== '') {
        texts++
        yield { type: 'text', text: value.text }
      } else if (value.type === 'finish') {
        if (texts === 0) throw withoutText(value.finishReason)
        yield { type: 'end', tokensUsed: tokensOf(value.totalUsage) }
        return
      }
    }
  } catch (cause) {
    signal.throwIfAborted()
    throw wire.faultOf(cause)
  } finally {
    signal.removeEventListener('abort', abort)
    call.abort(new Error('The answer is no longer read'))
  }
}

async function begin(request: AnswerRequest, wire: Wire, signal: AbortSignal) {
  const { sdk, compatible } = await loadSdk()
  const { model, messages } = request
  const provider = compatible.createOpenAICompatible({
    name: 'model',
    baseURL: baseOf(model),
    includeUsage: true,
    fetch: wire.fetch,
    ...(model.apiKey !== undefined && { apiKey: model.apiKey }),
    transformRequestBody: (body) => withTokenLimit(model, body),
  })
  const result = sdk.streamText({
    model: provider(model.model),
    instructions: messages.system,
    prompt: messages.user,
    maxOutputTokens: request.maxOutputTokens,
    maxRetries: 0,
    abortSignal: signal,
    telemetry: { isEnabled: false },
    // By default it prints, and what it prints has the provider's text in it.
    onError: () => {},
  })
  return result.stream
}

export const baseOf = ({ baseUrl }: ModelAddress): string => baseUrl.replace(/\/+$/, '')

/** OpenAI's own API deprecates `max_tokens`, and its reasoning models refuse it; others know only that. */
export function withTokenLimit({ baseUrl }: ModelAddress, body: Record<string, unknown>): Record<string, unknown> {
  const wantsOther = /(^|\.)(api\.openai\.com|openai\.azure\.com)$/.test(URL.parse(baseUrl)?.hostname ?? '')
  if (!wantsOther) return body
  const { max_tokens, ...others } = body
  return { ...others, max_completion_tokens: max_tokens }
}

/** What the SDK does not tell of a call: it looks at answers before the SDK reads them. */
class Wire {
  fault: ProviderFault | undefined
  private answered = false
  private done = false
  private readonly request: AnswerRequest
  private readonly signal: AbortSignal

  constructor(request: AnswerRequest, signal: AbortSignal) {
    this.request = request
    this.signal = signal
  }

  readonly fetch = async (input: Parameters<typeof fetch>[0], init?: RequestInit): Promise<Response> => {
    try {
      const url = input instanceof Request ? input.url : input
      const headers = new Headers(init?.headers)
      // It tells versions of libraries, which are nobody's business.
      headers.delete('user-agent')
      const response = await this.request.fetch(url, { ...init, headers, signal: this.signal })
      this.answered = true
      const fault = faultOfStatus(response) ?? faultOfType(response)
      if (!fault && response.body) return this.watched(response, response.body)
      // Nothing of it is read: the SDK would take in whatever is sent with an error.
      void response.body?.cancel().catch(() => {})
      throw fault ?? notUnderstood()
    } catch (cause) {
      this.fault = faultOf(cause)
      throw this.fault
    }
  }

  /** What is told of a failure: the connection broke, or there never was one. */
  faultOf(cause: unknown): ProviderFault {
    const isBroken = causesOf(cause).some((one) => one instanceof OutgoingError && one.reason === 'unreachable')
    return this.answered && isBroken ? cutOff() : (this.fault ?? faultOf(cause))
  }

  /** Whether that is the SDK's complaint about a stream without a finish reason that did say it was done. */
  endedWithoutReason(error: unknown): boolean {
    return this.done && error instanceof Error && error.name === 'AI_InvalidResponseDataError'
  }

  private watched(response: Response, body: ReadableStream<Uint8Array>): Response {
    const decoder = new TextDecoder('latin1')
    let tail = ''
    const watch = new TransformStream<Uint8Array, Uint8Array>({
      transform: (bytes, controller) => {
        tail = (tail + decoder.decode(bytes.subarray(-TAIL_BYTES))).slice(-TAIL_BYTES)
        this.done = /(?:^|[\r\n])data: ?\[DONE\]\s*$/.test(tail)
        controller.enqueue(bytes)
      },
    })
    const { status, headers } = response
    return new Response(body.pipeThrough(watch), { status, headers })
  }
}

/** Room for `data: [DONE]` with the line breaks around it. */
const TAIL_BYTES = 64

/** A page, or an answer in one piece. What has another type, or none, may still be a stream of events. */
function faultOfType({ headers }: Response): ProviderFault | undefined {
  const type = headers.get('content-type') ?? ''
  return /^\s*(?:text\/html|application\/json)\b/i.test(type) ? notUnderstood() : undefined
}

/** @returns what an answer's status says that went wrong, if any */
export function faultOfStatus({ ok, status, headers }: Response): ProviderFault | undefined {
  if (ok) return undefined
  if (status === 401 || status === 403) {
    const message = `The AI provider refused the key (HTTP ${status}). Ask an administrator to check the AI settings.`
    return new ProviderFault(message, { status })
  }
  if (status === 404) {
    const message = 'The AI provider does not know this address or model (HTTP 404). Ask an administrator to check it.'
    return new ProviderFault(message, { status })
  }
  if (status === 429) {
    const message = 'The AI provider has too many requests at the moment (HTTP 429). Try again later.'
    return new ProviderFault(message, { status, isPassing: true, retryAfterMs: retryAfterOf(headers) })
  }
  if (status >= 500 || status === 408 || status === 409 || status === 425) {
    const message = `The AI provider failed (HTTP ${status}). Try again later.`
    return new ProviderFault(message, { status, isPassing: true, retryAfterMs: retryAfterOf(headers) })
  }
  const message = `The AI provider refused the request (HTTP ${status}). Ask an administrator to check the AI settings.`
  return new ProviderFault(message, { status })
}

/** @returns milliseconds. A date is read against the provider's own clock, so that ours need not agree with it. */
function retryAfterOf(headers: Headers): number | undefined {
  const milliseconds = headers.get('retry-after-ms')
  if (milliseconds !== null && /^\d{1,9}(\.\d+)?$/.test(milliseconds)) return Math.ceil(Number(milliseconds))
  const after = headers.get('retry-after')
  if (after === null) return undefined
  if (/^\d{1,9}(\.\d+)?$/.test(after)) return Math.ceil(Number(after) * 1_000)
  const wait = Date.parse(after) - Date.parse(headers.get('date') ?? '')
  return wait >= 0 ? wait : undefined
}

function withoutText(reason: string): ProviderFault {
  if (reason === 'length') {
    const message = 'The AI used up its tokens before it wrote anything. Ask for less, or an administrator for more.'
    return new ProviderFault(message)
  }
  if (reason === 'content-filter') {
    return new ProviderFault("The AI provider's filter kept the answer back. Ask differently.")
  }
  return new ProviderFault('The AI answered without a text. Ask differently.')
}

/** What went wrong, told without a word of the provider's. */
function faultOf(cause: unknown): ProviderFault {
  const chain = causesOf(cause)
  const fault = chain.find((one) => one instanceof ProviderFault)
  if (fault) return fault
  const outgoing = chain.find((one) => one instanceof OutgoingError)
  if (outgoing) return faultOfOutgoing(outgoing)
  // A chunk that is no JSON, or none of the documented shape; the SDK's own names, as its classes are loaded late.
  const named = chain.some((one) => /^AI_(JSONParse|TypeValidation|EmptyResponseBody)Error$/.test(one.name))
  if (!named) return cutOff()
  return new ProviderFault('The AI provider sent something that makes no sense. Try again.', { isPassing: true })
}

function faultOfOutgoing(error: OutgoingError): ProviderFault {
  switch (error.reason) {
    case 'timeout':
      return new ProviderFault('The AI did not finish in time. Try again.', { code: 'TIMEOUT', isPassing: true })
    case 'open':
      return new ProviderFault(`${error.message}.`, { isPassing: true, retryAfterMs: error.retryAfterMs })
    case 'unreachable':
      return new ProviderFault('The AI provider cannot be reached. Try again later.', { isPassing: true })
    case 'too_large':
      return new ProviderFault('The AI answered with more than is taken. Ask for less.', { code: 'CONTENT_TOO_LARGE' })
    case 'refused':
    case 'redirect':
      return new ProviderFault(`${error.message}. Ask an administrator to check the AI settings.`)
  }
}

function causesOf(cause: unknown): readonly Error[] {
  const chain: Error[] = []
  for (let one = cause; one instanceof Error && chain.length < 8; one = one.cause) chain.push(one)
  return chain
}

function tokensOf(usage: Sdk.LanguageModelUsage): number | undefined {
  const counted = usage.raw?.['total_tokens'] ?? usage.totalTokens
  return typeof counted === 'number' && Number.isSafeInteger(counted) && counted > 0 ? counted : undefined
}

/** A promise that only ever is rejected: with the signal's reason. */
function rejectedOn(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  promise.catch(() => {})
  return promise
}
