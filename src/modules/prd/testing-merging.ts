import assert from 'node:assert/strict'
import type { Random } from '../../testing/random.ts'
import {
  apply,
  fit,
  fitAll,
  isLeftOf,
  Lane,
  transformLists,
  type Collision,
  type Edit,
  type LoggedEdit,
} from './merge.ts'

export const edit = (at: number, removed: number, inserted: string): Edit => ({ at, removed, inserted })
export const applyAll = (text: string, edits: readonly Edit[]): string => edits.reduce(apply, text)
export const show = (...values: readonly unknown[]): string => values.map((value) => JSON.stringify(value)).join(' ')

/** One that cuts no character. */
export function someEdit(random: Random, text: string, letter: string): Edit {
  const at = random.int(text.length + 1)
  const removed = random.pick([0, 0, 1, random.int(6)])
  return fit(edit(at, removed, removed > 0 && random.int(2) === 0 ? '' : letter), text)
}

/** The server of one document, without any transport. */
export class Server {
  text: string
  readonly vector: number[] = [1]
  private readonly edits: LoggedEdit[]
  private readonly lanes = new Map<number, Lane>()
  collisions: readonly Collision[] = []

  constructor(text: string) {
    this.text = text
    this.edits = [{ ...edit(0, 0, text), seq: 1, slot: 0, count: 1, accountId: 0, time: 0 }]
  }

  first = 1
  get last(): number {
    return this.edits.length
  }
  at(seq: number): LoggedEdit {
    return this.edits[seq - 1]!
  }

  join(slot: number): void {
    while (this.vector.length <= slot) this.vector.push(0)
    this.lanes.set(slot, new Lane(slot, this.last))
  }

  /** @returns what has been logged */
  receive(slot: number, sent: Edit, vector: readonly number[]): readonly LoggedEdit[] {
    const lane = this.lanes.get(slot)!
    const rebased = lane.rebase([sent], vector, this)
    this.collisions = rebased.collisions
    lane.accept(rebased)
    const from = this.last
    const fitting = fitAll(rebased.edits, this.text)
    assert.deepEqual(fitting, rebased.edits, 'it fitted the text of its sender, and fits this one')
    for (const each of fitting) {
      this.vector[slot]! += 1
      this.edits.push({ ...each, seq: from + 1, slot, count: this.vector[slot]!, accountId: slot, time: 0 })
      this.text = apply(this.text, each)
    }
    return this.edits.slice(from)
  }

  missing(slot: number, vector: readonly number[]): readonly LoggedEdit[] {
    return this.lanes.get(slot)!.missing(vector, this)
  }
}

export interface Told {
  /** Of others, in the order of the log; none in an acknowledgement. */
  readonly edits: readonly LoggedEdit[]
  readonly isAck?: boolean
  readonly vector: readonly number[]
}

/** A client that knows operations and vectors only: what it gets it brings over what is not acknowledged yet. */
export class Client {
  text: string
  readonly slot: number
  vector: readonly number[]
  pending: (readonly Edit[])[] = []
  /** It waits for what it lacks; what it hears next is that. */
  isSyncing = false
  private readonly raises: boolean
  readonly up: { readonly sent: Edit; readonly vector: readonly number[] }[] = []
  readonly down: Told[] = []

  constructor(server: Server, slot: number, raises: boolean) {
    this.slot = slot
    this.raises = raises
    server.join(slot)
    this.text = server.text
    this.vector = [...server.vector]
  }

  make(sent: Edit): void {
    this.text = apply(this.text, sent)
    this.pending.push([sent])
    const vector = [...this.vector]
    if (this.raises) vector[this.slot] = (vector[this.slot] ?? 0) + this.pending.length
    this.up.push({ sent, vector })
  }

  hear({ edits, isAck, vector }: Told): void {
    this.vector = vector
    this.isSyncing = false
    if (isAck) this.pending.shift()
    for (const logged of edits) {
      let past: readonly Edit[] = [logged]
      this.pending = this.pending.map((own) => {
        const crossing = transformLists(own, past, isLeftOf(this.slot, logged.slot))
        past = crossing.past
        return crossing.edits
      })
      this.text = applyAll(this.text, past)
    }
  }

  /** What was on the way to it is lost; what it sent has all arrived, and it asks for what it lacks. */
  sync(server: Server): void {
    this.pending = []
    this.isSyncing = true
    const edits = server.missing(this.slot, this.vector)
    this.down.splice(0, Infinity, { edits, vector: server.vector.slice() })
  }

  /** Like `sync`, on another connection; until it hears the answer it goes on with the vector it has. */
  reconnect(server: Server): void {
    server.join(this.slot)
    this.sync(server)
  }
}

export function deliver(server: Server, clients: readonly Client[], from: Client): void {
  const { sent, vector } = from.up.shift()!
  for (const logged of server.receive(from.slot, sent, vector)) {
    const after = server.vector.with(logged.slot, logged.count)
    for (const client of clients) if (client !== from) client.down.push({ edits: [logged], vector: after })
  }
  from.down.push({ edits: [], isAck: true, vector: server.vector.slice() })
}
