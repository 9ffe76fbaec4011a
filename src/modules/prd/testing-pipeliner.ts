import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { apply, fit, hasEffect, isLeftOf, normalize, operationOf, transformLists, type Edit } from './merge.ts'
import { Line, numberOf, type Editing, type Site } from './testing-lines.ts'
import { applyAll } from './testing-merging.ts'
import type { Data } from './testing.ts'

interface Pending {
  readonly id: string
  /** On the text of the server as known here, and what is pending before it. */
  readonly edits: readonly Edit[]
}

/**
 * A client that knows operations and vectors, shows at once what is typed, and sends it without waiting for what it has
 * sent before.
 */
export class Pipeliner implements Editing {
  readonly name: string
  readonly line: Line
  private readonly site: Site
  private base = ''
  private vector: readonly number[] = []
  private replica = -1
  private pending: readonly Pending[] = []
  private shown = ''
  private early: Data[] | undefined
  private last: Record<string, Data> = {}

  constructor(site: Site, name: string) {
    this.site = site
    this.name = name
    this.line = new Line(site, (event, data) => this.heard(event, data))
  }

  get text(): string {
    return this.shown
  }

  get isSettled(): boolean {
    return this.line.isOn && this.pending.length === 0
  }

  get mayType(): boolean {
    return this.vector.length > 0
  }

  type(edit: Edit): void {
    const made = fit(edit, this.shown)
    if (!hasEffect(made)) return
    this.site.ledger.record(this.name, this.shown, made)
    this.shown = apply(this.shown, made)
    const pending = { id: this.site.nextId(), edits: [made] }
    this.pending = [...this.pending, pending]
    if (this.line.isOn) this.line.emit('content-update', this.message(pending.id, made), this.answered(pending.id))
  }

  nudge(): void {
    // Everything is sent as soon as it may be.
  }

  cut(): void {
    this.line.cut()
  }

  async comeBack(url: string, token: string): Promise<void> {
    const { line, site } = this
    this.early = []
    await line.connect(url, token)
    const { ok, replica } = await line.ask('join-prd', { prdId: site.prdId, mode: 'edit' })
    assert.ok(ok)
    const { content, stateVector } = this.last['joined-prd'].initialState
    if (this.vector.length === 0) {
      this.base = this.shown = content
      this.vector = stateVector
    } else await this.recover(replica)
    this.replica = replica
    line.hold()
    for (const data of this.early.splice(0)) this.receive(data)
    this.early = undefined
    this.pending = this.pending.flatMap((each) => this.halves(each))
    for (const { id, edits } of this.pending) line.emit('content-update', this.message(id, edits[0]), this.answered(id))
  }

  private message(clientId: string, edit: Edit | undefined): object {
    const operation = { ...operationOf(edit ?? { at: 0, removed: 0, inserted: '' }), timestamp: 1 }
    return { prdId: this.site.prdId, operation, stateVector: this.vector, clientId }
  }

  private heard(event: string, data: Data): void {
    this.last[event] = data
    if (event !== 'content-update') assert.notEqual(event, 'error', JSON.stringify(data))
    else if (this.early) this.early.push(data)
    else this.receive(data)
  }

  private receive({ operation, stateVector }: Data): void {
    const ahead = numberOf(stateVector) - numberOf(this.vector)
    if (ahead <= 0) return
    assert.equal(ahead, 1, 'edits come one by one')
    const author = (stateVector as number[]).findIndex((count, slot) => count > (this.vector[slot] ?? 0))
    const edit = normalize(operation)
    this.pending = cross(this.pending, edit, isLeftOf(this.replica, author))
    this.base = apply(this.base, edit)
    this.vector = stateVector
    this.shown = applyAll(this.base, this.pending.flatMap(({ edits }) => edits))
  }

  private answered(id: string) {
    return (answer: Data): void => {
      const [own, ...pending] = this.pending
      assert.ok(answer.ok, JSON.stringify(answer))
      assert.equal(own?.id, id)
      assert.deepEqual(answer.operations, own.edits.map(operationOf), 'both have brought it over the same edits')
      assert.equal(numberOf(answer.stateVector), numberOf(this.vector) + own.edits.length)
      this.pending = pending
      this.base = applyAll(this.base, own.edits)
      this.vector = answer.stateVector
      assert.equal(applyAll(this.base, pending.flatMap(({ edits }) => edits)), this.shown)
    }
  }

  /** What was missed, and which of its own edits are in that. */
  private async recover(replica: number): Promise<void> {
    const { line, site } = this
    const start = { text: this.base, pending: this.pending, number: numberOf(this.vector) + 1 }
    assert.ok((await line.ask('sync-request', { prdId: site.prdId, stateVector: this.vector })).ok)
    const { missingUpdates, stateVector } = this.last['sync-response']
    const missed: Edit[] = missingUpdates.map(({ operation }: Data) => normalize(operation))
    const made = new Map<string, Made>()
    this.vector = stateVector
    for (;;) {
      assert.equal(numberOf(this.vector), start.number + missed.length - 1)
      const pending = catchUp(start.pending, missed, start.number, made)
      assert.ok(pending, 'the server has brought it over what it met in a way that no order of replicas explains')
      this.base = applyAll(start.text, missed)
      this.pending = pending
      this.shown = applyAll(this.base, pending.flatMap(({ edits }) => edits))
      const next = pending[0]
      if (!next) return
      // Should it have been applied before, this is the first outcome; if not, it is applied now.
      const answer = await line.ask('content-update', this.message(next.id, next.edits[0]))
      assert.ok(answer.ok, JSON.stringify(answer))
      const count = answer.operations.length as number
      const last = numberOf(answer.stateVector)
      if ((answer.stateVector[replica] ?? 0) > (this.vector[replica] ?? 0)) {
        this.replica = replica
        this.pending = pending.flatMap((each) => this.halves(each))
        const early = this.early!
        while (early.length > 0 && numberOf(early[0].stateVector) <= last - count) this.receive(early.shift())
        return this.answered(next.id)(answer)
      }
      made.set(next.id, { count, last })
      for (const data of this.early!.splice(0)) {
        if (numberOf(data.stateVector) <= numberOf(this.vector)) continue
        missed.push(normalize(data.operation))
        this.vector = data.stateVector
      }
    }
  }

  /** An operation holds one edit: a deletion that somebody typed within is sent as two. */
  private halves({ id, edits }: Pending): readonly Pending[] {
    if (edits.length < 2) return [{ id, edits }]
    return edits.map((edit, i) => ({ id: i === 0 ? id : this.site.nextId(), edits: [edit] }))
  }
}

/** Where in the log an own edit is: so many entries, up to this one. */
interface Made {
  readonly count: number
  readonly last: number
}

/** Brought over an edit of somebody else. */
function cross(pending: readonly Pending[], edit: Edit, isLeft: boolean): readonly Pending[] {
  let past: readonly Edit[] = [edit]
  return pending.map(({ id, edits }) => {
    const crossing = transformLists(edits, past, isLeft)
    past = crossing.past
    return { id, edits: crossing.edits }
  })
}

/**
 * Of what was missed it is not told who made it, so that of two insertions in one place either may be the left one: the
 * one that is shows in what became of the own edits that are among it.
 * @returns what is still pending; undefined when it cannot have been so
 */
function catchUp(
  pending: readonly Pending[],
  missed: readonly Edit[],
  number: number,
  made: ReadonlyMap<string, Made>,
): readonly Pending[] | undefined {
  const [head, ...rest] = pending
  const own = head && made.get(head.id)
  if (own?.count === 0 && own.last < number) {
    return head!.edits.length === 0 ? catchUp(rest, missed, number, made) : undefined
  }
  if (own && own.count > 0 && own.last - own.count + 1 === number) {
    const isSame = isDeepStrictEqual(head.edits.map(operationOf), missed.slice(0, own.count).map(operationOf))
    return isSame ? catchUp(rest, missed.slice(own.count), number + own.count, made) : undefined
  }
  const [edit, ...later] = missed
  if (!edit) return own ? undefined : pending
  const [left, right] = [cross(pending, edit, true), cross(pending, edit, false)]
  const found = catchUp(left, later, number + 1, made)
  return found || isDeepStrictEqual(left, right) ? found : catchUp(right, later, number + 1, made)
}
