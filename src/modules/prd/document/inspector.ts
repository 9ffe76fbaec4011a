import { Worker } from 'node:worker_threads'
import { systemClock, type Clock } from '../../../kernel/clock.ts'
import { CommandError } from '../../../kernel/errors.ts'
import { invalidUpdate } from '../failures.ts'
import { inspect, type Inspection } from './inspection.ts'
import { outcomeOf, READY, type Batch, type Outcome } from './inspector-protocol.ts'
import type { Limits } from './update-reader.ts'

export interface InspectorOptions extends Partial<Limits> {
  /**
   * Milliseconds after which an update the thread does not get done with is taken from it. An update takes
   * milliseconds at the most; this is what a busy machine may keep the thread waiting.
   */
  readonly deadlineMs?: number
  /** What the thread could not do, and why; never what was in an update. */
  readonly onError: (error: unknown) => void
  /** Must run as the thread does: the system's, also where a test moves its own. */
  readonly clock?: Clock
  /**
   * Updates of up to so many bytes are read at once, where none waits for the thread: reading takes time in proportion
   * to the bytes, and for a keystroke less than the way to another thread.
   */
  readonly inlineBytes?: number
  /** Script of the thread. */
  readonly script?: URL
}

const DEFAULTS = {
  deadlineMs: 1_000,
  inlineBytes: 0,
  /** A document of this much text typed at once, or a long day's editing offline; Socket.IO takes no larger packet. */
  maxBytes: 1_048_576,
  /** A day's editing offline leaves some thousands. */
  maxStructs: 20_000,
} as const

/** Updates given to the thread together: large enough to share the way there, small enough to be lost together. */
const BATCH_UPDATES = 256
const BATCH_BYTES = 4 * 1_048_576
/** A thread that has not started after so many deadlines will not. */
const START_DEADLINES = 30

interface Request {
  readonly update: Uint8Array
  readonly resolve: (inspection: Inspection) => void
  readonly reject: (error: Error) => void
  /** The thread was lost with it once: it gets a second one for itself, for the first may have been starved. */
  suspect: boolean
}

interface Thread {
  readonly worker: Worker
  /** How many updates of the batch are done. */
  readonly progress: Int32Array
  ready: boolean
}

/**
 * Looks through clients' Yjs updates in a thread of its own, so that no update holds up anybody else. The thread starts
 * with the first update; one that hangs or dies is replaced. Updates that come while others are looked through wait and
 * go together.
 */
export class Inspector {
  private readonly options: Required<InspectorOptions>
  private readonly waiting: Request[] = []
  private batch: readonly Request[] = []
  private thread: Thread | undefined
  private scheduled = false
  private closed = false
  private stopWatch: (() => void) | undefined

  constructor({ onError, clock, script, ...limits }: InspectorOptions) {
    this.options = {
      ...DEFAULTS,
      ...limits,
      onError,
      clock: clock ?? systemClock,
      script: script ?? new URL('inspector-worker.ts', import.meta.url),
    }
  }

  /**
   * @param update version 1 of Yjs's format; it is copied
   * @throws PrdError INVALID_UPDATE when it cannot be read or is not of plain text, TOO_LARGE when it is too large
   * @throws CommandError unavailable when the thread cannot be started, or the inspector is closed
   */
  inspect(update: Uint8Array): Promise<Inspection> {
    const { maxBytes } = this.options
    if (this.closed) return Promise.reject(unavailable())
    if (update.length > maxBytes) {
      const message = `This update has ${update.length} bytes; at most ${maxBytes} are taken at once: send fewer changes`
      return Promise.reject(new CommandError('too_large', message))
    }
    return new Promise((resolve, reject) => {
      const isIdle = this.waiting.length === 0 && this.batch.length === 0
      if (isIdle && update.length <= this.options.inlineBytes) {
        return this.settle({ resolve, reject }, outcomeOf(() => inspect(update, this.options)))
      }
      this.waiting.push({ update: new Uint8Array(update), resolve, reject, suspect: false })
      this.schedule()
    })
  }

  /** Refuses what waits. */
  async close(): Promise<void> {
    this.closed = true
    const requests = this.release().concat(this.waiting.splice(0))
    for (const { reject } of requests) reject(unavailable())
    const { thread } = this
    this.thread = undefined
    await thread?.worker.terminate()
  }

  /** What came in one turn goes together. */
  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    queueMicrotask(() => {
      this.scheduled = false
      this.next()
    })
  }

  private next(): void {
    if (this.closed || this.batch.length > 0 || this.waiting.length === 0) return
    const thread = (this.thread ??= this.start())
    this.batch = this.take()
    thread.progress[0] = 0
    // While somebody waits for an answer the process lives.
    thread.worker.ref()
    if (thread.ready) this.post(thread)
    this.watch(thread)
  }

  private post({ worker }: Thread): void {
    const batch = pack(this.batch.map(({ update }) => update))
    worker.postMessage(batch, [batch.bytes.buffer])
  }

  private take(): readonly Request[] {
    if (this.waiting[0]!.suspect) return this.waiting.splice(0, 1)
    let bytes = 0
    let count = 0
    for (const { update, suspect } of this.waiting) {
      bytes += update.length
      if (suspect || count === BATCH_UPDATES || (count > 0 && bytes > BATCH_BYTES)) break
      count += 1
    }
    return this.waiting.splice(0, count)
  }

  private start(): Thread {
    const { script, maxBytes, maxStructs } = this.options
    const progress = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    const worker = new Worker(script, {
      workerData: { limits: { maxBytes, maxStructs }, progress },
      // Nothing of the process is its business: no secrets, no flags.
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 32 },
    })
    worker.unref()
    const thread: Thread = { worker, progress, ready: false }
    worker.on('message', (message: unknown) => this.onMessage(thread, message))
    worker.on('error', (error) => this.lose(thread, error))
    worker.on('exit', (code) => this.lose(thread, new Error(`The thread that reads Yjs updates ended with ${code}`)))
    return thread
  }

  private onMessage(thread: Thread, message: unknown): void {
    if (thread !== this.thread) return
    if (message === READY) {
      thread.ready = true
      if (this.batch.length > 0) this.post(thread)
      return
    }
    const outcomes = message as readonly Outcome[]
    const requests = this.release()
    thread.worker.unref()
    for (const [index, request] of requests.entries()) this.settle(request, outcomes[index]!)
    this.next()
  }

  private settle({ resolve, reject }: Pick<Request, 'resolve' | 'reject'>, outcome: Outcome): void {
    if ('inspection' in outcome) return resolve(outcome.inspection)
    if ('refusal' in outcome) return reject(invalidUpdate(`This update ${outcome.refusal}`))
    this.options.onError(new Error(`A Yjs update could not be read: ${outcome.failure}`))
    reject(invalidUpdate('This update cannot be read'))
  }

  /** The batch, to which no answer is awaited any more. */
  private release(): readonly Request[] {
    const { batch } = this
    this.batch = []
    this.stopWatch?.()
    this.stopWatch = undefined
    return batch
  }

  /** A thread that did nothing from one tick to the next hangs. */
  private watch(thread: Thread): void {
    let seen = -1
    let starting = 0
    this.stopWatch = this.options.clock.every(this.options.deadlineMs, () => {
      if (!thread.ready) {
        starting += 1
        if (starting > START_DEADLINES) this.lose(thread, new Error('The thread that reads Yjs updates does not start'))
        return
      }
      const done = Atomics.load(thread.progress, 0)
      // All done: the answer is on its way.
      if (done === this.batch.length) return
      if (done === seen) this.lose(thread, new Error('The thread that reads Yjs updates hangs'))
      seen = done
    })
  }

  private lose(thread: Thread, error: unknown): void {
    if (thread !== this.thread) return
    this.options.onError(error)
    this.thread = undefined
    void thread.worker.terminate()
    const done = Atomics.load(thread.progress, 0)
    const requests = this.release()
    if (!thread.ready) {
      for (const { reject } of requests.concat(this.waiting.splice(0))) reject(unavailable())
      return
    }
    for (const [index, request] of requests.toReversed().entries()) {
      const isSuspect = requests.length - 1 - index === done
      if (isSuspect && request.suspect) {
        request.reject(invalidUpdate('This update cannot be read in good time'))
        continue
      }
      request.suspect ||= isSuspect
      this.waiting.unshift(request)
    }
    this.next()
  }
}

function pack(updates: readonly Uint8Array[]): Batch {
  const bytes = new Uint8Array(updates.reduce((total, { length }) => total + length, 0))
  const ends: number[] = []
  let end = 0
  for (const update of updates) {
    bytes.set(update, end)
    ends.push((end += update.length))
  }
  return { bytes, ends }
}

const unavailable = (): CommandError =>
  new CommandError('unavailable', 'Yjs updates cannot be taken now; nothing was changed. Try again later.')
