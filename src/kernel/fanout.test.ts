import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../testing/clock.ts'
import type { Codec } from './codec.ts'
import type { Effect, LogEvent } from './event.ts'
import { Fanout, type Receiver } from './fanout.ts'
import { Rooms, type Audience, type Room } from './rooms.ts'

const codec: Codec = {
  event: (event) => ({ bytes: Buffer.from(String(event.offset)) }),
  signal: (signal) => ({ bytes: Buffer.from(signal.type) }),
}

function event(offset: number, audience: Audience = { to: ['a'] }, effects: readonly Effect[] = []): LogEvent {
  return { offset, module: 'toy', type: 'said', audience, payload: '{}', subject: null, effects, at: 0 }
}

/** A fan-out over receivers that only note what they are given, and a log that can be read. */
function setup(log: readonly LogEvent[] = []) {
  const rooms = new Rooms<Receiver>()
  const rewritten: Effect[] = []
  let reads = 0
  const fanout = new Fanout<Receiver>(0, {
    clock: new FakeClock(),
    rooms,
    read: async (after, until) => {
      reads += 1
      return log.filter(({ offset }) => offset > after && offset <= until)
    },
    onRewrite: (effect) => void rewritten.push(effect),
    onDelivered: () => undefined,
    onError: (error) => assert.fail(String(error)),
  })
  const receiver = (...joined: Room[]) => {
    const got: string[] = []
    const closed: string[] = []
    const outbox = { congested: false, append: (frame: { bytes: Buffer }) => void got.push(frame.bytes.toString()) }
    const one = {
      rooms: new Set<Room>(),
      codec,
      live: true,
      stamp: 0,
      outbox,
      noteEffect: () => undefined,
      close: (kind: string) => void closed.push(kind),
    } as unknown as Receiver
    for (const room of joined) rooms.join(one, room)
    return Object.assign(one, { got, closed, congest: () => void (outbox.congested = true) })
  }
  return { fanout, receiver, rewritten, reads: () => reads }
}

const settled = (): Promise<void> => new Promise((turn) => setImmediate(turn))

test('K-4 a connection in several rooms of an audience gets one frame, hints again and late change nothing', () => {
  const { fanout, receiver } = setup()
  const one = receiver('a', 'b')
  const two = receiver('b')
  fanout.events([event(1, { to: ['a', 'b'] }), event(2, { to: ['a'] })])
  fanout.events([event(2), event(1), event(3, { to: ['b', 'a'] })])
  assert.deepEqual(one.got, ['1', '2', '3'])
  assert.deepEqual(two.got, ['1', '3'])
})

test('K-4 what the bus left out is read from the log, once, and hints that come meanwhile are not lost', async () => {
  const log = [1, 2, 3, 4, 5, 6].map((offset) => event(offset))
  const { fanout, receiver, reads } = setup(log)
  const one = receiver('a')
  fanout.events([event(3)])
  fanout.events([event(6)])
  const reached = fanout.reach(6)
  assert.deepEqual(one.got, [])
  await reached
  await settled()
  assert.deepEqual(one.got, ['1', '2', '3', '4', '5', '6'])
  assert.ok(reads() <= 2)
})

test('K-4 a subscription that went deaf is found by comparing with the head of the log', async () => {
  const { fanout, receiver } = setup([event(1), event(2)])
  const one = receiver('a')
  fanout.fill(2)
  await settled()
  assert.deepEqual(one.got, ['1', '2'])
  assert.equal(fanout.offset, 2)
})

test('K-11 within and except narrow an audience; who is not live yet is passed over', () => {
  const { fanout, receiver } = setup()
  const member = receiver('person', 'project')
  const former = receiver('person')
  const excluded = receiver('person', 'project', 'admins')
  const late = Object.assign(receiver('person', 'project'), { live: false })
  fanout.events([event(1, { to: ['person'], within: ['project'], except: ['admins'] })])
  assert.deepEqual([member.got, former.got, excluded.got, late.got], [['1'], [], [], []])
})

test('K-11 who comes in hears the event that says so, who goes out hears it and nothing after', () => {
  const { fanout, receiver } = setup()
  const one = receiver('person')
  const join = { kind: 'join', of: 'person', rooms: ['a'] } as const
  const leave = { kind: 'leave', of: 'person', rooms: ['a'] } as const
  fanout.events([event(1), event(2, { to: ['a'] }, [join]), event(3), event(4, { to: ['a'] }, [leave]), event(5)])
  assert.deepEqual(one.got, ['2', '3', '4'])
})

test('K-11 close reaches exactly the connections it names; forgetting and readdressing are passed on', () => {
  const { fanout, receiver, rewritten } = setup()
  const cut = receiver('login:1', 'a')
  const kept = receiver('login:2', 'a')
  const close = { kind: 'close', of: 'login:1', close: 'token', reason: 'revoked' } as const
  const forget = { kind: 'forget', subject: 'thing:1' } as const
  fanout.events([event(1, { to: ['a'] }, [close, forget])])
  assert.deepEqual([cut.got, cut.closed, kept.got, kept.closed], [['1'], ['token'], ['1'], []])
  assert.deepEqual(rewritten, [forget])
})

test('K-10 signals are left out for a connection that reads slowly, events are not', () => {
  const { fanout, receiver } = setup()
  const slow = receiver('a')
  slow.congest()
  fanout.signal({ module: 'toy', type: 'waved', audience: { to: ['a'] }, payload: {} })
  fanout.events([event(1)])
  assert.deepEqual(slow.got, ['1'])
})

test('K-10 a signal that is kept goes to who reads slowly and who is catching up, not to who is being opened', () => {
  const { fanout, receiver } = setup()
  const slow = receiver('a')
  slow.congest()
  const late = Object.assign(receiver('a'), { live: false, isOpen: true })
  const opening = Object.assign(receiver('a'), { live: false, isOpen: false })
  fanout.signal({ module: 'toy', type: 'waved', audience: { to: ['a'] }, payload: {}, keep: true })
  assert.deepEqual([slow.got.length, late.got.length, opening.got.length], [1, 1, 0])
})

test('one connection can be left out of a signal, and of that signal alone', () => {
  const { fanout, receiver } = setup()
  const [one, two] = [receiver('a', 'b'), receiver('a', 'b')]
  const signal = { module: 'toy', type: 'waved', audience: { to: ['a', 'b'] }, payload: {} }
  fanout.signal({ ...signal, exceptConnection: one as never })
  assert.deepEqual([one.got.length, two.got.length], [0, 1])
  fanout.signal(signal)
  assert.deepEqual([one.got.length, two.got.length], [1, 2])
})
