import {
  fit,
  apply,
  hasEffect,
  isLeftOf,
  normalize,
  operationOf,
  transformPosition,
  type Edit,
  type Operation,
} from '../modules/prd/merge.ts'
import {
  applyAll,
  areSame,
  compose,
  differences,
  invert,
  isSameVector,
  meet,
  numberOf,
  type Met,
} from './prd-edits.ts'
import {
  catchUp,
  logOf,
  slotOf,
  type Applied,
  type Flight,
  type Log,
  type Missing,
  type Update,
} from './prd-rejoin.ts'

/** Why the text changed: one's own edit; another's; joining, with what was missed; one's own edit was refused. */
export type Origin = 'local' | 'remote' | 'joined' | 'refused'

/** An edit that the server will not have, and that is not in the text any more. */
export interface Refusal {
  readonly code: string
  readonly message: string
  /** What was taken back, as it was made: what one would have to type again. */
  readonly edits: readonly Edit[]
}

export interface PlainDocumentOptions {
  /** Names the next operation: 1 to 64 visible ASCII characters that this account never uses again. */
  readonly nextId: () => string
  /** The text has changed: each edit stands on the text after the one before it. */
  readonly onChange?: ((edits: readonly Edit[], origin: Origin) => void) | undefined
  readonly onRefused?: ((refusal: Refusal) => void) | undefined
}

/** What to send as `content-update`. */
export interface Outgoing {
  readonly clientId: string
  readonly operation: Operation
  readonly stateVector: readonly number[]
}

/** The acknowledgement of a `content-update`. */
export interface Acknowledgement {
  readonly operations: readonly unknown[]
  readonly stateVector: readonly number[]
}

/** `apart`: not joined, or not in step any more; `returning`: joined again, and what was missed is not known yet. */
export type Phase = 'apart' | 'returning' | 'joined'

interface Return {
  readonly content: string
  readonly vector: readonly number[]
  /** Undefined: not answered; 'unknown': the server cannot say. */
  missing: Log | 'unknown' | undefined
  outcome: Applied | Pick<Refusal, 'code' | 'message'> | undefined
}

/** Longest text one operation is composed to: what is pasted whole may be longer, and is refused by itself. */
const COMPOSED = 10_000

/**
 * The document of a PRD as a client that edits it by operations has it: specs/prd.md, sections 2.1 to 2.4. It does no
 * input or output: it is told what came, in the order in which it came, and asked what to send.
 *
 * What one types is in the text at once. One operation is on its way at a time; what is typed meanwhile waits, composed
 * where it can be. What others do is brought over both. So the text is always that of the server at `vector`, with the
 * operation on its way, with what waits.
 */
export class PlainDocument {
  private readonly options: PlainDocumentOptions
  /** The text of the server at the vector. */
  private base = ''
  private shown = ''
  private counts: readonly number[] = []
  private replica: number | null = null
  private flight: Flight | undefined
  private queue: readonly Edit[] = []
  private state: Phase = 'apart'
  private back: Return | undefined
  /** What came before it can be told where it belongs. */
  private early: Update[] = []

  constructor(options: PlainDocumentOptions) {
    this.options = options
  }

  /** With everything that was typed here. */
  get text(): string {
    return this.shown
  }

  /** The vector of the last operation of the server that is in the text. Empty before the first `joined`. */
  get vector(): readonly number[] {
    return this.counts
  }

  get phase(): Phase {
    return this.state
  }

  /** Nothing is on its way, nothing waits. */
  get isSaved(): boolean {
    return !this.flight && this.queue.length === 0
  }

  /** False before the first `joined`, and for who has joined to view. */
  get mayEdit(): boolean {
    return this.replica !== null
  }

  /**
   * An edit of the text as it is. Surrogate pairs are edited whole, what is past the end is brought to the end.
   * @returns the edit as it was made; undefined when it changes nothing
   * @throws InvalidOperation; Error for who may not edit
   */
  edit(edit: Edit): Edit | undefined {
    if (!this.mayEdit) throw new Error('This PRD is not joined for editing: join it with mode edit first')
    const made = fit(normalize(operationOf(edit)), this.shown)
    if (!hasEffect(made)) return undefined
    const last = this.queue.at(-1)
    const composed = last && compose(last, made)
    if (composed && composed.inserted.length <= COMPOSED) {
      this.queue = [...this.queue.slice(0, -1), composed].filter(hasEffect)
    } else this.queue = [...this.queue, made]
    this.shown = apply(this.shown, made)
    this.options.onChange?.([made], 'local')
    return made
  }

  /** What to send now, if anything; it is then on its way. */
  next(): Outgoing | undefined {
    if (this.state === 'apart') return undefined
    if (!this.flight && this.state === 'joined' && this.replica !== null && this.queue.length > 0) {
      const [sent, ...queue] = this.queue as [Edit, ...Edit[]]
      const { counts: vector, replica: slot, base: text } = this
      const clientId = this.options.nextId()
      this.flight = { clientId, sent, vector, slot, text, past: [], edits: [sent], isSent: false }
      this.queue = queue
    }
    if (!this.flight || this.flight.isSent) return undefined
    this.flight = { ...this.flight, isSent: true }
    const { clientId, sent, vector } = this.flight
    return { clientId, operation: operationOf(sent), stateVector: vector }
  }

  /** It has not reached the server, or not been let in: `next` gives it again, the same. */
  unsend(clientId: string): void {
    if (this.flight?.clientId === clientId) this.flight = { ...this.flight, isSent: false }
  }

  /** The connection is lost, or is about to join again: what comes now is kept until it is known where it belongs. */
  lose(): void {
    this.state = 'apart'
    this.back = undefined
    this.early = []
    if (this.flight) this.unsend(this.flight.clientId)
  }

  /**
   * @param initialState of `joined-prd`
   * @param replica of its acknowledgement
   * @returns false when it is not in step: join again
   */
  joined(
    { content, stateVector }: { readonly content: string; readonly stateVector: readonly number[] },
    replica: number | null,
  ): boolean {
    this.replica = replica
    if (this.counts.length > 0) {
      const isCurrent = isSameVector(this.counts, stateVector) && isSameVector(this.since, stateVector)
      const missing = isCurrent ? { edits: [], vector: stateVector } : undefined
      this.back = { content, vector: stateVector, missing, outcome: undefined }
      this.state = 'returning'
      return this.settle()
    }
    this.state = 'joined'
    this.adopt(content, stateVector, { lists: [], past: differences('', content) }, 'joined')
    return this.early.splice(0).every((update) => this.receive(update))
  }

  /** What to send in `sync-request`, before anything else; undefined when nothing was missed. */
  get asks(): readonly number[] | undefined {
    return this.back && this.back.missing === undefined ? this.since : undefined
  }

  /**
   * @param answer `sync-response`; undefined when the request was refused
   * @returns false when it is not in step: join again
   */
  synced(answer: Missing | undefined): boolean {
    if (!this.back || this.back.missing !== undefined) return true
    this.back.missing = (answer && logOf(answer, this.since)) ?? 'unknown'
    return this.settle()
  }

  /**
   * `content-update`, of somebody else.
   * @returns false when one before it is missing: join again
   */
  receive(update: Update): boolean {
    if (this.state !== 'joined') {
      this.early.push({ operation: update.operation, stateVector: update.stateVector })
      return true
    }
    const { stateVector } = update
    const ahead = numberOf(stateVector) - numberOf(this.counts)
    if (ahead <= 0) return true
    const past = { ...normalize(update.operation), ...slotOf(this.counts, stateVector) }
    if (ahead > 1 || past.slot === undefined) return this.fall()
    const { slot } = past
    if (this.flight) this.flight = { ...this.flight, past: [...this.flight.past, past] }
    const met = meet(this.lists, [past], () => this.replica !== null && isLeftOf(this.replica, slot))
    this.adopt(apply(this.base, past), stateVector, met, 'remote')
    return true
  }

  /**
   * The operation was applied, as it tells. In its place between the operations of others, unless it was sent again.
   * @returns false when one before it is missing: join again
   */
  acknowledge(clientId: string, { operations, stateVector }: Acknowledgement): boolean {
    if (this.flight?.clientId !== clientId || this.state === 'apart') return true
    const edits = operations.map(normalize)
    if (this.back) {
      this.back.outcome = { edits, vector: stateVector }
      return this.settle()
    }
    if (numberOf(stateVector) !== numberOf(this.counts) + edits.length) return this.fall()
    const [known, text] = [applyAll(this.base, this.flight.edits), applyAll(this.base, edits)]
    const past = areSame(this.flight.edits, edits) ? [] : differences(known, text)
    const { lists, past: shown } = meet([this.queue], past, () => true)
    this.flight = undefined
    this.adopt(text, stateVector, { lists: [[], ...lists], past: shown }, 'remote')
    return true
  }

  /**
   * The operation was not applied, and is not going to be: it is taken out of the text. Not to be told of refusals that
   * say to try again later: `unsend`, or `lose`.
   * @returns false when it may yet be, on what was missed: join again
   */
  refuse(clientId: string, { code, message }: Pick<Refusal, 'code' | 'message'>): boolean {
    if (this.flight?.clientId !== clientId || this.state === 'apart') return true
    if (this.back) {
      this.back.outcome = { code, message }
      return this.settle()
    }
    if (code === 'STALE_STATE') return this.fall()
    const { edits, sent } = this.flight
    const { lists, past } = meet([this.queue], invert(this.base, edits), () => true)
    this.flight = undefined
    this.adopt(this.base, this.counts, { lists: [[], ...lists], past }, 'refused')
    this.options.onRefused?.({ code, message, edits: [sent] })
    return true
  }

  /** Where a place in the text of the server, as it is told of others' cursors, is in this text. */
  inside(position: number): number {
    return this.lists.flat().reduce((at, edit) => transformPosition(at, edit, 'left'), position)
  }

  /** Where a place in this text is in the text of the server, once that has what was sent. */
  outside(position: number): number {
    const sent = this.flight?.isSent ? this.flight.edits : []
    const unsent = this.flight?.isSent ? this.queue : this.lists.flat()
    return invert(applyAll(this.base, sent), unsent).reduce((at, edit) => transformPosition(at, edit, 'left'), position)
  }

  private get lists(): readonly (readonly Edit[])[] {
    return [this.flight?.edits ?? [], this.queue]
  }

  /** The server is asked from where the operation on its way was made: from there it is rebased. */
  private get since(): readonly number[] {
    return this.flight?.vector ?? this.counts
  }

  private fall(): false {
    this.lose()
    return false
  }

  /** Once everything is known. */
  private settle(): boolean {
    const { back, flight, queue, replica } = this
    if (!back || back.missing === undefined || (flight && !back.outcome)) return true
    const { content, vector, outcome } = back
    const applied = outcome && 'edits' in outcome ? outcome : undefined
    const missing = back.missing === 'unknown' ? undefined : back.missing
    const standing = { text: this.base, vector: this.counts, flight, queue, replica }
    const caught = catchUp(standing, { content, vector, missing, updates: this.early, applied })
    if (!caught) return this.fall()
    this.state = 'joined'
    this.back = undefined
    this.early = []
    if (applied) this.flight = undefined
    this.adopt(caught.text, caught.vector, caught, 'joined')
    this.dispose(outcome && 'code' in outcome ? outcome : undefined)
    return true
  }

  /** What was not applied is sent anew, on the text as it is now, or given up. */
  private dispose(refusal: Pick<Refusal, 'code' | 'message'> | undefined): void {
    if (this.flight && refusal && refusal.code !== 'STALE_STATE') this.refuse(this.flight.clientId, refusal)
    else if (this.flight) {
      this.queue = [...this.flight.edits, ...this.queue]
      this.flight = undefined
    }
    if (this.replica !== null || this.queue.length === 0) return
    const edits = this.queue
    this.adopt(this.base, this.counts, { lists: [[], []], past: invert(this.base, edits) }, 'refused')
    this.options.onRefused?.({ code: 'FORBIDDEN', message: 'You may not edit this PRD any more', edits })
  }

  /**
   * @param met what is on its way and what waits, on the new text; and what brings what is shown there
   */
  private adopt(text: string, vector: readonly number[], { lists, past }: Met, origin: Origin): void {
    const [flying = [], queue = []] = lists
    this.base = text
    this.counts = vector
    const edits = fitted(text, flying)
    const flown = applyAll(text, edits)
    if (this.flight) this.flight = { ...this.flight, edits }
    this.queue = fitted(flown, queue)
    const before = this.shown
    this.shown = applyAll(flown, this.queue)
    // Where not all is told of what was missed, the same text may have come about in another way.
    const changes = applyAll(before, past) === this.shown ? past : differences(before, this.shown)
    if (changes.length > 0) this.options.onChange?.(changes, origin)
  }
}

/** They do fit, unless what was missed is not known one by one. */
function fitted(text: string, edits: readonly Edit[]): readonly Edit[] {
  let now = text
  const fitting: Edit[] = []
  for (const edit of edits) {
    const each = fit(edit, now)
    if (!hasEffect(each)) continue
    fitting.push(each)
    now = apply(now, each)
  }
  return fitting
}
