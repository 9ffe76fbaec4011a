import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fit, hasEffect, operationOf, StaleState, type Edit, type LoggedEdit } from '../modules/prd/merge.ts'
import { edit, Server } from '../modules/prd/testing-merging.ts'
import { seeded, type Random } from '../testing/random.ts'
import { PlainDocument, type Acknowledgement, type Outgoing } from './prd-document.ts'
import { applyAll, compose, difference } from './prd-edits.ts'

/** Refused by the server, like a document that is too long. */
const FORBIDDEN = '#'

/** One connection of a client: what is on its way in either direction, in order. */
class Line {
  readonly up: (() => void)[] = []
  readonly down: (() => void)[] = []
  isCut = false
  slot = 0
}

/** The server with connections, and the outcomes it keeps. */
class Network {
  readonly server: Server
  readonly lines: Line[] = []
  private readonly outcomes = new Map<string, Acknowledgement>()

  constructor(server: Server) {
    this.server = server
  }

  /** @returns what `joined-prd` and its acknowledgement tell */
  join(line: Line) {
    const taken = new Set(this.lines.filter(({ isCut, up }) => !isCut || up.length > 0).map(({ slot }) => slot))
    line.slot = 1
    while (taken.has(line.slot)) line.slot += 1
    this.server.join(line.slot)
    this.lines.push(line)
    return { content: this.server.text, stateVector: this.server.vector.slice() }
  }

  missing(line: Line, vector: readonly number[]) {
    const missingUpdates = this.server.missing(line.slot, vector).map((each) => ({ operation: operationOf(each) }))
    return { missingUpdates, stateVector: this.server.vector.slice() }
  }

  edit(line: Line, { clientId, operation, stateVector }: Outgoing, hear: (logged: LoggedEdit, to: Line) => void) {
    const first = this.outcomes.get(clientId)
    if (first) return first
    const { position, length, content } = operation as { position: number; length?: number; content?: string }
    const logged = this.server.receive(line.slot, edit(position, length ?? 0, content ?? ''), stateVector)
    for (const each of logged) for (const other of this.lines) if (other !== line && !other.isCut) hear(each, other)
    const outcome = { operations: logged.map(operationOf), stateVector: this.server.vector.slice() }
    this.outcomes.set(clientId, outcome)
    return outcome
  }
}

class Person {
  readonly document: PlainDocument
  readonly refused: string[] = []
  readonly deleted = new Set<string>()
  /** The text as somebody sees it who follows the changes. */
  mirror = ''
  line = new Line()
  readonly heard: (update: { operation: unknown; stateVector: readonly number[] }) => void
  private readonly network: Network
  private readonly everyone: readonly Person[]

  constructor(network: Network, everyone: readonly Person[], name: string) {
    this.network = network
    this.everyone = everyone
    let count = 0
    this.document = new PlainDocument({
      nextId: () => `${name}-${(count += 1)}`,
      onChange: (edits: readonly Edit[]) => void (this.mirror = applyAll(this.mirror, edits)),
      onRefused: ({ edits }) => void this.refused.push(...edits.map(({ inserted }) => inserted)),
    })
    this.heard = (update) => this.step(this.document.receive(update))
    this.connect()
  }

  make(made: Edit): void {
    for (const letter of this.document.text.slice(made.at, made.at + made.removed)) this.deleted.add(letter)
    this.document.edit(made)
    this.pump()
  }

  /** What was sent may still arrive, now or later; what was on its way to here is lost. */
  cut(random: Random): void {
    this.line.isCut = true
    this.line.down.splice(0)
    if (random.int(2) === 0) this.line.up.splice(random.int(this.line.up.length + 1))
    this.document.lose()
  }

  connect(): void {
    const line = (this.line = new Line())
    this.document.lose()
    line.up.push(() => {
      const initialState = this.network.join(line)
      this.answer(line, () => this.joined(initialState, line.slot))
    })
  }

  private joined(initialState: { content: string; stateVector: number[] }, slot: number): void {
    const isInStep = this.document.joined(initialState, slot)
    const { line } = this
    const vector = this.document.asks
    if (vector) {
      line.up.push(() => {
        const missing = orStale(() => this.network.missing(line, vector))
        this.answer(line, () => this.step(this.document.synced(missing)))
      })
    }
    this.step(isInStep)
  }

  private step(isInStep: boolean): void {
    assert.ok(isInStep || !this.line.isCut)
    if (isInStep) this.pump()
    else {
      this.line.isCut = true
      this.connect()
    }
  }

  private pump(): void {
    const outgoing = this.document.next()
    const { line } = this
    if (!outgoing) return
    line.up.push(() => {
      if ('content' in outgoing.operation && outgoing.operation.content.includes(FORBIDDEN)) {
        return this.answer(line, () => this.refuse(outgoing, 'TOO_LARGE'))
      }
      const outcome = orStale(() => this.network.edit(line, outgoing, (logged, to) => this.tell(logged, to)))
      this.answer(line, () => {
        if (outcome) this.step(this.document.acknowledge(outgoing.clientId, outcome))
        else this.refuse(outgoing, 'STALE_STATE')
      })
    })
  }

  private refuse({ clientId }: Outgoing, code: string): void {
    this.step(this.document.refuse(clientId, { code, message: '' }))
  }

  private tell(logged: LoggedEdit, to: Line): void {
    const stateVector = this.network.server.vector.with(logged.slot, logged.count)
    // Several of one operation: the slot is ahead already.
    const update = { operation: operationOf(logged), stateVector }
    const person = this.everyone.find(({ line }) => line === to)
    if (person) to.down.push(() => person.heard(update))
  }

  private answer(line: Line, then: () => void): void {
    if (!line.isCut) line.down.push(then)
  }
}

function orStale<T>(ask: () => T): T | undefined {
  try {
    return ask()
  } catch (error) {
    if (error instanceof StaleState) return undefined
    throw error
  }
}

/** @returns the people, when everything has arrived, and whether anybody was told STALE_STATE */
function simulate(random: Random) {
  const network = new Network(new Server(random.pick(['', 'ab', 'a😀bcdefgh😀'])))
  const people: Person[] = []
  for (const name of ['a', 'b', 'c'].slice(0, 2 + random.int(2))) people.push(new Person(network, people, name))
  const letters: string[] = []
  const horizon = random.int(5) === 0
  const old: Line[] = []
  const isSettled = (): boolean =>
    people.every(({ document: { isSaved, phase }, line: { up, down } }) => {
      return isSaved && phase === 'joined' && up.length + down.length === 0
    })
  for (let step = 0; step < 60 || !isSettled(); step += 1) {
    assert.ok(step < 5_000, 'it comes to an end')
    const person = random.pick(people)
    const { line, document } = person
    const luck = random.int(24)
    if (luck < 8 && step < 60 && document.mayEdit) {
      const unique = String.fromCodePoint((random.int(2) === 0 ? 0x4e00 : 0x1f600) + step)
      const letter = random.int(12) === 0 ? FORBIDDEN : unique
      const made = somewhere(random, document.text, letter)
      if (made.inserted !== '') letters.push(letter)
      if (hasEffect(made)) person.make(made)
    } else if (luck === 8 && step < 60 && !line.isCut) {
      person.cut(random)
      old.push(line)
    } else if (line.isCut && luck < 16) person.connect()
    else if (luck === 9 && old.length > 0) random.pick(old).up.shift()?.()
    else if (luck < 16 && !line.isCut) line.up.shift()?.()
    else line.down.shift()?.()
    if (horizon && luck === 20) network.server.first = Math.max(1, network.server.last - 2)
    for (const { document: each, mirror } of people) assert.equal(mirror, each.text, 'the changes tell of everything')
  }
  for (const { up } of old) while (up.length > 0) up.shift()!()
  while (!isSettled()) for (const { line } of people) (line.up.shift() ?? line.down.shift())?.()
  return { network, people, letters, isStale: horizon }
}

function somewhere(random: Random, text: string, letter: string): Edit {
  const at = random.int(text.length + 1)
  const removed = random.pick([0, 0, 0, 1, random.int(5)])
  return fit(edit(at, removed, removed > 0 && random.int(2) === 0 ? '' : letter), text)
}

test('clients that are cut off, late and refused end with the text of the server, each edit made once', () => {
  const first = seeded().seed
  let [deletions, undone] = [0, 0]
  for (let run = 0; run < 700; run += 1) {
    const hint = `SEED=${first + run}`
    try {
      const { network, people, letters, isStale } = simulate(seeded(first + run))
      const { text } = network.server
      for (const { document, mirror } of people) {
        assert.equal(document.text, text)
        assert.equal(mirror, text)
        assert.deepEqual(document.vector, network.server.vector.slice(0, document.vector.length))
      }
      assert.ok(text.isWellFormed())
      const refused = people.flatMap((person) => person.refused)
      for (const letter of letters.filter((each) => each !== FORBIDDEN)) {
        const times = text.split(letter).length - 1
        const isDeleted = people.some(({ deleted }) => deleted.has(letter))
        if (refused.some((each) => each.includes(letter))) assert.equal(times, 0, `${letter} was refused`)
        else if (!isDeleted) assert.equal(times, 1, `${letter} was typed once`)
        else if (refused.length === 0 && !isStale) {
          deletions += 1
          undone += times
        }
        assert.ok(times <= 1)
      }
    } catch (error) {
      throw new Error(hint, { cause: error })
    }
  }
  // What was deleted may come back when it stood where one had typed oneself just before the connection was lost.
  assert.ok(deletions > 400 && undone <= 3, `${undone} of ${deletions} deletions are undone`)
})

test('what is typed in one piece while the server is waited for is one operation', () => {
  const document = new PlainDocument({ nextId: () => 'next' })
  assert.throws(() => document.edit(edit(0, 0, 'x')), /join it with mode edit/)
  assert.ok(document.joined({ content: 'ab😀', stateVector: [1] }, 1))
  document.edit(edit(0, 0, '!'))
  assert.deepEqual(document.next()?.operation, { type: 'insert', position: 0, content: '!' })
  for (const [typed, letter] of [...'Hello'].entries()) document.edit(edit(3 + typed, 0, letter))
  document.edit(edit(7, 1, ''))
  document.edit(edit(2, 1, ''))
  // Half of a pair is the whole.
  assert.deepEqual(document.edit(edit(7, 1, 'y')), edit(6, 2, 'y'))
  assert.equal(document.text, '!aHelly')
  assert.deepEqual([document.isSaved, document.inside(2), document.outside(7)], [false, 2, 5])
  assert.equal(document.next(), undefined)
  const operations = [{ type: 'insert', position: 0, content: '!' }]
  assert.ok(document.acknowledge('next', { operations, stateVector: [1, 1] }))
  assert.deepEqual(document.next()?.operation, { type: 'replace', position: 2, length: 3, content: 'Helly' })
  assert.throws(() => document.edit(edit(0, 0, '\ud83d')), { code: 'INVALID_OPERATION' })
  assert.equal(document.edit(edit(99, 1, '')), undefined)
})

test('an operation that comes after one that did not is not taken', () => {
  const document = new PlainDocument({ nextId: () => 'next' })
  document.joined({ content: 'ab', stateVector: [1] }, 1)
  assert.ok(document.receive({ operation: operationOf(edit(0, 0, 'x')), stateVector: [2] }))
  assert.ok(document.receive({ operation: operationOf(edit(0, 0, 'x')), stateVector: [2] }), 'known already')
  assert.equal(document.receive({ operation: operationOf(edit(0, 0, 'x')), stateVector: [4] }), false)
  assert.deepEqual([document.text, document.phase], ['xab', 'apart'])
  document.edit(edit(3, 0, '.'))
  assert.equal(document.next(), undefined, 'it is sent when the gap is closed')
  document.joined({ content: 'zyxab', stateVector: [4] }, 1)
  assert.deepEqual(document.asks, [2])
  const missingUpdates = ['y', 'z'].map((letter) => ({ operation: operationOf(edit(0, 0, letter)) }))
  assert.ok(document.synced({ missingUpdates, stateVector: [4] }))
  assert.equal(document.text, 'zyxab.')
  assert.deepEqual(document.next()?.operation, { type: 'insert', position: 5, content: '.' })
})

test('who may not edit any more loses what was not saved, and is told what it was', () => {
  const refusals: unknown[] = []
  const document = new PlainDocument({ nextId: () => 'next', onRefused: (refusal) => void refusals.push(refusal) })
  document.joined({ content: 'ab', stateVector: [1] }, 1)
  document.edit(edit(0, 0, 'x'))
  document.lose()
  document.joined({ content: 'ab', stateVector: [1] }, null)
  assert.deepEqual([document.text, document.isSaved, document.mayEdit], ['ab', true, false])
  assert.deepEqual(refusals, [
    { code: 'FORBIDDEN', message: 'You may not edit this PRD any more', edits: [edit(0, 0, 'x')] },
  ])
})

test('two edits that touch are one, and two texts differ in one edit, whatever they are', () => {
  const random = seeded()
  const letters = ['a', 'b', '😀', '😁']
  for (let run = 0; run < 3_000; run += 1) {
    const text = Array.from({ length: random.int(8) }, () => random.pick(letters)).join('')
    const first = somewhere(random, text, random.pick(letters))
    const between = applyAll(text, [first])
    const second = somewhere(random, between, random.pick(letters))
    const after = applyAll(between, [second])
    const hint = JSON.stringify({ seed: random.seed, run, text, first, second })
    const composed = compose(first, second)
    if (composed) {
      assert.equal(applyAll(text, [composed]), after, hint)
      assert.deepEqual(fit(composed, text), composed, hint)
    } else assert.ok(second.at > first.at + first.inserted.length || second.at + second.removed < first.at, hint)
    const apart = difference(text, after)
    assert.equal(applyAll(text, [apart]), after, hint)
    assert.deepEqual(fit(apart, text), apart, hint)
  }
})
