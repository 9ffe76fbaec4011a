import type * as Undici from 'undici'
import { systemClock, type Clock } from '../kernel/clock.ts'
import { OutgoingError, type CallLimits, type Outgoing, type OutgoingReason } from '../kernel/outgoing.ts'
import { Guard, type GuardOptions } from './outgoing-guard.ts'
import { Sockets } from './outgoing-socket.ts'

export type { Resolve } from './outgoing-guard.ts'

export interface OutgoingOptions extends GuardOptions {
  readonly clock?: Clock
}

const TIMEOUT_MS = 10_000
const MAX_BYTES = 1_000_000
/** Git servers answer a client that names itself with its protocol; what calls with a name of its own keeps it. */
const USER_AGENT = 'Switchboard'
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Statuses whose answers have no body by the Fetch standard. */
const EMPTY = new Set([204, 205, 304])

/** Calls to the outside on undici and ws. @throws Error naming an entry of the options that cannot be read */
export function createOutgoing(options: OutgoingOptions): Outgoing & { close(): Promise<void> } {
  const clock = options.clock ?? systemClock
  const guard = new Guard(options)
  const sockets = new Sockets(guard, clock)
  // A connection that may go to a private address is nobody else's.
  const agents = new Map<string, Undici.Agent>()
  const agentFor = (library: typeof Undici, trusted: boolean, maxBytes: number): Undici.Agent => {
    const key = `${trusted} ${maxBytes}`
    const agent = agents.get(key) ?? newAgent(library, guard, trusted, maxBytes)
    agents.set(key, agent)
    return agent
  }
  return {
    check: (url, field) => guard.check(url, field),
    socket: (url, protocols) => sockets.open(url, protocols),
    fetch: async (address, init = {}, { timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES, trusted = false } = {}) => {
      const url = guard.read(address, trusted)
      const headers = headersOf(init)
      const call = new Call(clock, init.signal ?? undefined, { timeoutMs, maxBytes })
      try {
        // 100 ms of this thread: a server that calls nobody need not load it.
        const library = await import('undici')
        const answer = await library.fetch(url, {
          ...init,
          headers,
          signal: call.signal,
          redirect: 'manual',
          dispatcher: agentFor(library, trusted, maxBytes),
        })
        if (REDIRECTS.has(answer.status)) throw new OutgoingError('redirect')
        return call.bound(answer, url)
      } catch (error) {
        throw call.fail(error)
      }
    },
    close: async () => {
      sockets.close()
      await Promise.all([...agents.values()].map((agent) => agent.destroy()))
    },
  }
}

/** Its message would quote the header, which may be a token. */
function headersOf(init: RequestInit): Record<string, string> {
  try {
    return { 'user-agent': USER_AGENT, ...Object.fromEntries(new Headers(init.headers)) }
  } catch {
    throw new OutgoingError('refused', 'A header has characters that cannot be sent; enter the token again')
  }
}

function newAgent(library: typeof Undici, guard: Guard, trusted: boolean, maxBytes: number): Undici.Agent {
  return new library.Agent({
    connect: connectorOf(library, guard, trusted),
    maxResponseSize: maxBytes,
    // The whole call is timed, whatever it spends its time on.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}

/** Looks at the address again, literals here and names when they are looked up. */
function connectorOf(library: typeof Undici, guard: Guard, trusted: boolean): Undici.buildConnector.connector {
  return (options, callback) => {
    const { protocol, hostname, port } = options
    const host = hostname.includes(':') ? `[${hostname}]` : hostname
    const lookup = guard.lookup(guard.read(`${protocol}//${host}${port === '' ? '' : `:${port}`}`, trusted), trusted)
    library.buildConnector({ allowH2: false, maxCachedSessions: 0, lookup })(options, callback)
  }
}

/** One call: its time runs until its body has been read. */
class Call {
  readonly signal: AbortSignal
  private readonly given: AbortSignal | undefined
  private readonly own = new AbortController()
  private readonly limits: Required<Omit<CallLimits, 'trusted'>>
  private readonly stopTimer: () => void

  constructor(clock: Clock, given: AbortSignal | undefined, limits: Required<Omit<CallLimits, 'trusted'>>) {
    this.given = given
    this.limits = limits
    this.signal = given ? AbortSignal.any([this.own.signal, given]) : this.own.signal
    this.stopTimer = clock.every(limits.timeoutMs, () => this.end(new OutgoingError('timeout')))
  }

  /** The answer, whose body fails when it is too long or too late. */
  bound(answer: Awaited<ReturnType<typeof Undici.fetch>>, url: URL): Response {
    const { status, statusText } = answer
    const headers = new Headers([...answer.headers].filter(([name]) => name !== 'set-cookie'))
    const body = answer.body && !EMPTY.has(status) ? this.boundBody(answer.body) : null
    if (!body) this.stopTimer()
    const response = new Response(body, { status, statusText, headers })
    return Object.defineProperty(response, 'url', { value: url.href })
  }

  /** Why it failed, in our words; ends it. */
  fail(error: unknown): unknown {
    const reason = this.own.signal.aborted
      ? (this.own.signal.reason as unknown)
      : this.given?.aborted
        ? (this.given.reason as unknown)
        : asOutgoingError(error)
    this.end(reason)
    return reason
  }

  private end(reason: unknown): void {
    this.stopTimer()
    this.own.abort(reason)
  }

  private boundBody(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = body.getReader()
    let bytes = 0
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read()
          if (done) {
            this.stopTimer()
            controller.close()
            return
          }
          bytes += value.byteLength
          if (bytes > this.limits.maxBytes) throw new OutgoingError('too_large')
          controller.enqueue(value)
        } catch (error) {
          controller.error(this.fail(error))
        }
      },
      cancel: async (reason) => {
        this.stopTimer()
        await reader.cancel(reason)
      },
    })
  }
}

const reasonByCode: Readonly<Record<string, OutgoingReason>> = {
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  ETIMEDOUT: 'timeout',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'too_large',
  UND_ERR_HEADERS_OVERFLOW: 'too_large',
}

/** What undici throws says addresses; its causes say why. */
function asOutgoingError(error: unknown): OutgoingError {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof OutgoingError) return cause
    const reason = reasonByCode[String((cause as NodeJS.ErrnoException).code)]
    if (reason) return new OutgoingError(reason)
  }
  return new OutgoingError('unreachable')
}
