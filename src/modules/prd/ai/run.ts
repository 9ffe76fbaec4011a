import type { Unit } from '../../../kernel/unit-of-work.ts'
import type { Ticket } from '../../../kernel/timing-wheel.ts'
import { startOf, type Begun, type Failure } from '../actions/ai-jobs.ts'
import type { Parts } from '../actions/parts.ts'
import type { Connection } from '../../../kernel/connection.ts'
import type { LiveDocument } from '../document/document.ts'
import { toId } from '../ids.ts'
import { frameOf } from '../wire.ts'

const timeout = (message: string): Failure => ({ code: 'TIMEOUT', message })
const NO_START = timeout('The AI did not begin to answer in time; try again')
const STALLED = timeout('The AI fell silent within its answer; try again')
const TOO_SLOW = timeout('The AI took too long for its answer; ask for less at once')
const NOT_TOLD: Failure = { code: 'PROVIDER_ERROR', message: 'The server failed to pass the answer on; try again' }

/**
 * One answer that is being written: what the model says is gathered, put in its place in the text as it is then, and
 * told to everybody who has joined (section 4.2). Its places are found within units of work: between edits that
 * everybody was told of, and those that nobody was.
 */
export class Run {
  readonly begun: Begun
  /** People have been told that it has begun. */
  hasStarted = false
  /** Why it was broken off from here. */
  fault: Failure | undefined
  private readonly parts: Parts
  private readonly aborting = new AbortController()
  private readonly began: number
  /** What people have been told. */
  private told = ''
  private gathered = ''
  /** Monotonic milliseconds of the last text; undefined: there was none. */
  private heardAt: number | undefined
  /** Monotonic milliseconds before which nothing more is told. */
  private restUntil = 0
  private telling: Promise<void> | undefined
  private resting: Ticket | undefined
  private watching: Ticket | undefined
  private isOver = false

  constructor(parts: Parts, begun: Begun) {
    this.parts = parts
    this.begun = begun
    this.began = parts.clock.monotonic()
    this.watch()
  }

  get signal(): AbortSignal {
    return this.aborting.signal
  }

  get prd(): number {
    return this.begun.row.prd_id
  }

  /** It has brought no text yet. */
  get isSilent(): boolean {
    return this.heardAt === undefined
  }

  /** It has ended, and its end was told. */
  get hasEnded(): boolean {
    return this.isOver
  }

  /** The answer so far, UTF-16 units. */
  get length(): number {
    return this.told.length + this.gathered.length
  }

  /** The answer, what is gathered included. */
  get whole(): string {
    return this.told + this.gathered
  }

  /** A sign of life of the model. */
  heard(): void {
    const isFirst = this.heardAt === undefined
    this.heardAt = this.parts.clock.monotonic()
    // From here silence counts, and not when it began, which may be further off.
    if (isFirst) this.rewatch()
  }

  write(text: string): void {
    if (this.isOver) return
    this.gathered += text
    this.tellSoon()
  }

  /** Resolves when nothing is being told any more. What is gathered by then waits for `last`. */
  async settled(): Promise<void> {
    this.resting?.cancel()
    this.restUntil = Infinity
    while (this.telling) await this.telling
  }

  /** The rest of the answer, in the unit in which it ends. @returns what tells it after the commit */
  async last(unit: Unit): Promise<() => void> {
    const tell = await this.place(unit, this.gathered, true)
    return () => {
      this.gathered = ''
      tell()
    }
  }

  /** It is broken off, and told nothing more of. */
  end(): void {
    this.isOver = true
    this.resting?.cancel()
    this.watching?.cancel()
    this.aborting.abort()
  }

  /** For who joins while it is written, from what is read in the unit in which they do. */
  welcome(document: LiveDocument): (connection: Connection) => void {
    const position = this.begun.placement.begin(document)
    return (connection) => {
      if (this.isOver || !this.hasStarted) return
      connection.send(frameOf('ai-stream-start', startOf(this.begun.row)))
      if (this.told === '') return
      connection.send(frameOf('ai-stream-chunk', { ...this.head, chunk: this.told, position, isComplete: false }))
    }
  }

  private get head() {
    return { jobId: toId('job', this.begun.row.id) }
  }

  private tellSoon(): void {
    const { clock, hub } = this.parts
    if (this.isOver || this.telling || this.gathered === '') return
    const wait = this.restUntil - clock.monotonic()
    if (wait === Infinity) return
    if (wait <= 0) this.tellNow()
    else {
      this.resting ??= hub.wheel.schedule(wait, () => {
        this.resting = undefined
        this.tellSoon()
      })
    }
  }

  private tellNow(): void {
    const { clock, hub, settings, unitOfWork } = this.parts
    const piece = this.gathered
    this.gathered = ''
    this.restUntil = Math.max(this.restUntil, clock.monotonic() + settings.aiChunkMs)
    this.telling = unitOfWork
      .run(async (unit) => unit.after(await this.place(unit, piece, false)))
      .catch((error: unknown) => {
        hub.onError(error)
        this.breakOff(NOT_TOLD)
      })
      .finally(() => {
        this.telling = undefined
        this.tellSoon()
      })
  }

  /** @returns what tells it after the commit */
  private async place(unit: Unit, piece: string, isComplete: boolean): Promise<() => void> {
    const { live, documents } = this.parts
    const { prd, begun } = this
    const { placement } = begun
    // Of a document that nobody has open no place is looked for: nobody is told it.
    const isOpen = live.connections(prd).size > 0 || documents.peek(prd) !== undefined
    const position = isOpen ? placement.next(await documents.open(unit, prd)) : 0
    return () => {
      if (this.isOver) return
      if (!this.hasStarted) live.tell(prd, 'ai-stream-start', startOf(begun.row))
      this.hasStarted = true
      live.tell(prd, 'ai-stream-chunk', { ...this.head, chunk: piece, position, isComplete })
      placement.tell(piece)
      this.told += piece
    }
  }

  private rewatch(): void {
    this.watching?.cancel()
    if (!this.isOver && !this.fault) this.watch()
  }

  private watch(): void {
    const { clock, hub, settings } = this.parts
    this.watching?.cancel()
    const now = clock.monotonic()
    const [silentUntil, silent] =
      this.heardAt === undefined
        ? [this.began + settings.aiFirstChunkMs, NO_START]
        : [this.heardAt + settings.aiStallMs, STALLED]
    const until = this.began + settings.aiJobMs
    if (until <= now) return this.breakOff(TOO_SLOW)
    if (silentUntil <= now) return this.breakOff(silent)
    this.watching = hub.wheel.schedule(Math.min(until, silentUntil) - now, () => this.watch())
  }

  private breakOff(fault: Failure): void {
    this.fault ??= fault
    this.aborting.abort()
  }
}
