import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { FakeClock } from '../testing/clock.ts'
import { seeded } from '../testing/random.ts'
import type { Codec } from './codec.ts'
import type { Effect, LogEvent } from './event.ts'
import { Fanout, type Receiver } from './fanout.ts'
import { Rooms, type Room } from './rooms.ts'

fc.configureGlobal({ seed: seeded().seed })

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function event(offset: number, effects: readonly Effect[] = []): LogEvent {
  return { offset, module: 'toy', type: 'said', audience: { to: ['a'] }, payload: '{}', subject: null, effects, at: 0 }
}

interface Setup {
  /** Called for each event that is encoded. */
  encode?: (offset: number) => void
  onDelivered?: (event: LogEvent) => void
}

/** A fan-out whose log, and the time its reads take, are in the test's hand. */
function setup({ encode, onDelivered }: Setup = {}) {
  const rooms = new Rooms<Receiver>()
  const log = { events: [] as LogEvent[], reads: 0, hold: false, failing: false, held: [] as (() => void)[] }
  const errors: unknown[] = []
  const fanout = new Fanout<Receiver>(0, {
    clock: new FakeClock(),
    rooms,
    read: async (after, until) => {
      log.reads += 1
      // What a transaction sees is what was there when it began.
      const seen = log.events.filter(({ offset }) => offset > after && offset <= until)
      const { failing } = log
      if (log.hold) await new Promise<void>((resolve) => log.held.push(resolve))
      else await turn()
      if (failing) throw new Error('the database is away')
      return seen
    },
    onRewrite: () => undefined,
    onDelivered: (_, event) => onDelivered?.(event),
    onError: (error) => void errors.push(error),
  })
  const codec: Codec = {
    event: (event) => {
      encode?.(event.offset)
      return { bytes: Buffer.from(String(event.offset)) }
    },
    signal: () => ({ bytes: Buffer.alloc(0) }),
  }
  const receiver = (...joined: Room[]) => {
    const got: number[] = []
    const noted: Effect[] = []
    const outbox = { congested: false, append: (frame: { bytes: Buffer }) => void got.push(Number(frame.bytes)) }
    const noteEffect = (effect: Effect): void => void noted.push(effect)
    const one = { rooms: new Set<Room>(), codec, live: true, stamp: 0, outbox, noteEffect } as unknown as Receiver
    for (const room of joined) rooms.join(one, room)
    return Object.assign(one, { got, noted })
  }
  return { fanout, rooms, log, errors, receiver }
}

const upTo = (offset: number): number[] => Array.from({ length: offset }, (_, i) => i + 1)

/** What the bus does with an event: brings it, late, twice, or not at all; and what the database does meanwhile. */
const mischief = fc.array(
  fc.record({
    publish: fc.nat({ max: 3 }),
    hints: fc.array(fc.nat({ max: 6 }), { maxLength: 4 }),
    failing: fc.boolean(),
    turns: fc.nat({ max: 2 }),
    verify: fc.boolean(),
  }),
  { maxLength: 30 },
)

test('K-4 whatever the bus loses, repeats or turns round, each gets the log, in order, each event once', async () => {
  await fc.assert(
    fc.asyncProperty(mischief, async (steps) => {
      const { fanout, log, receiver } = setup()
      const [one, two] = [receiver('a'), receiver('a', 'b')]
      for (const { publish, hints, failing, turns, verify } of steps) {
        log.failing = failing
        for (let i = 0; i < publish; i += 1) log.events.push(event(log.events.length + 1))
        // 0 is the newest; hints of the old come again.
        const known = hints.map((back) => log.events.at(-1 - back)).filter((hint) => hint !== undefined)
        fanout.events(known)
        if (verify) fanout.fill(log.events.length)
        for (let i = 0; i < turns; i += 1) await turn()
        assert.deepEqual(one.got, upTo(fanout.offset))
      }
      log.failing = false
      const head = log.events.length
      // The comparison with the head of the log that comes every two seconds.
      for (let i = 0; i < 5 && fanout.offset < head; i += 1) {
        fanout.fill(head)
        await turn()
        await turn()
      }
      await fanout.reach(head)
      assert.deepEqual(one.got, upTo(head))
      assert.deepEqual(two.got, upTo(head))
    }),
    { numRuns: 200 },
  )
})

test('K-4 hints that come while the log is being read are delivered after it, without a second hint', async () => {
  const { fanout, log, receiver } = setup()
  const one = receiver('a')
  log.events.push(...upTo(3).map((offset) => event(offset)))
  log.hold = true
  fanout.events([event(3)])
  log.events.push(event(4), event(5))
  fanout.events([event(4), event(5)])
  assert.deepEqual([one.got, log.reads], [[], 1])
  log.hold = false
  log.held[0]!()
  for (let i = 0; i < 3; i += 1) await turn()
  assert.deepEqual([one.got, log.reads], [upTo(5), 2])
})

test('K-4 a read that fails is made again by the next hint, and who waits to reach it is woken', async () => {
  const { fanout, log, errors, receiver } = setup()
  const one = receiver('a')
  log.events.push(event(1), event(2))
  log.failing = true
  const reached = fanout.reach(2)
  await turn()
  await turn()
  assert.deepEqual([one.got, errors.length], [[], 1])
  log.failing = false
  fanout.fill(1)
  await reached
  assert.deepEqual(one.got, [1, 2])
})

test('K-4 reach waits for exactly what it names, at once when it is there', async () => {
  const { fanout, receiver } = setup()
  const one = receiver('a')
  const seen: [number, number][] = []
  const waits = [3, 1, 2, 0].map((offset) => fanout.reach(offset).then(() => void seen.push([offset, one.got.length])))
  await turn()
  assert.deepEqual(seen, [[0, 0]])
  for (const offset of [1, 2, 3]) {
    fanout.events([event(offset)])
    await turn()
  }
  await Promise.all(waits)
  assert.deepEqual(seen, [[0, 0], [1, 1], [2, 2], [3, 3]])
})

test('K-4 what retention has removed from a gap is passed over, not read for ever', async () => {
  const { fanout, log, receiver } = setup()
  const one = receiver('a')
  log.events.push(event(5), event(6))
  fanout.events([event(6)])
  for (let i = 0; i < 20; i += 1) await turn()
  assert.ok(log.reads <= 2, `${log.reads} reads`)
  assert.deepEqual([one.got, fanout.offset], [[5, 6], 6])
  fanout.events([event(7)])
  assert.deepEqual(one.got, [5, 6, 7])
})

test('K-4 K-11 an event that cannot be encoded is lost alone: its effects hold, who waits is woken', async () => {
  const { fanout, errors, receiver, rooms } = setup({
    encode: (offset) => {
      if (offset === 2) throw new Error('a fault in a module')
    },
  })
  const one = receiver('a', 'person')
  const leave = { kind: 'leave', of: 'person', rooms: ['a'] } as const
  const two = receiver('a')
  const reached = fanout.reach(2)
  fanout.events([event(1), event(2, [leave]), event(3)])
  assert.deepEqual([one.got, two.got, errors.length], [[1], [1, 3], 1])
  assert.equal(rooms.members('a').has(one), false)
  await reached
})

test('K-4 K-11 who is told of deliveries and fails does not undo what the event does', async () => {
  const { fanout, errors, receiver } = setup({
    onDelivered: ({ offset }) => {
      if (offset === 1) throw new Error('a fault in a module')
    },
  })
  const one = receiver('a', 'person')
  const reached = fanout.reach(1)
  fanout.events([event(1, [{ kind: 'leave', of: 'person', rooms: ['a'] }]), event(2)])
  await reached
  assert.deepEqual([one.got, errors.length], [[1], 1])
})

test('K-11 a connection that fails to close keeps no other open', () => {
  const { fanout, errors, receiver } = setup()
  const closed: string[] = []
  const closing = (name: string, fault?: Error) => ({
    close(): void {
      closed.push(name)
      if (fault) throw fault
    },
  })
  Object.assign(receiver('login'), closing('one', new Error('a fault in a module')))
  Object.assign(receiver('login'), closing('two'))
  fanout.events([event(1, [{ kind: 'close', of: 'login', close: 'token', reason: 'revoked' }])])
  assert.deepEqual([closed, errors.length], [['one', 'two'], 1])
})

test('K-11 changes of rooms are told to connections that are still opening, and apply to all rooms they name', () => {
  const { fanout, receiver } = setup()
  const one = receiver('person')
  const join = { kind: 'join', of: 'person', rooms: ['a', 'b', 'c'] } as const
  const leave = { kind: 'leave', of: 'b', rooms: ['a', 'b', 'nowhere'] } as const
  fanout.events([event(1, [join]), event(2, [leave])])
  assert.deepEqual(one.noted, [join, leave])
  assert.deepEqual([...one.rooms].sort(), ['c', 'person'])
})

test('K-11 an event without payload goes to nobody, and does what it does', () => {
  const { fanout, receiver } = setup()
  const one = receiver('a', 'person')
  const silent = { ...event(1, [{ kind: 'join', of: 'person', rooms: ['b'] }]), payload: null }
  fanout.events([silent])
  assert.deepEqual([one.got, one.rooms.has('b'), fanout.offset], [[], true, 1])
})
