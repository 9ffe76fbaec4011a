import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { FakeClock } from '../testing/clock.ts'
import { seeded } from '../testing/random.ts'
import type { Codec } from './codec.ts'
import { Fanout, type Receiver } from './fanout.ts'
import { inAudience, Rooms, userRoom, type Audience, type Member, type Room } from './rooms.ts'

fc.configureGlobal({ seed: seeded().seed })

const names: readonly Room[] = ['a', 'b', 'c', 'd', 'e']
const room = fc.constantFrom(...names)
const some = fc.array(room, { maxLength: 4 })
const audience: fc.Arbitrary<Audience> = fc.record(
  { to: some, within: fc.option(some, { nil: undefined }), except: fc.option(some, { nil: undefined }) },
  { requiredKeys: ['to'] },
)

/** The rule as its comment says it, in sets. */
function sees(rooms: ReadonlySet<Room>, { to, within, except }: Audience): boolean {
  const shared = (others: readonly Room[]): boolean => new Set(others).intersection(rooms).size > 0
  return shared(to) && (within === undefined || shared(within)) && (except === undefined || !shared(except))
}

test('K-11 an audience is everybody in any of to, also in any of within, and in none of except', () => {
  fc.assert(
    fc.property(fc.uniqueArray(room), audience, (member, audience) => {
      assert.equal(inAudience(new Set(member), audience), sees(new Set(member), audience))
    }),
    { numRuns: 2_000 },
  )
})

test('K-11 to nobody is to nobody; within an empty list as well; except an empty list takes nobody away', () => {
  const all = new Set(names)
  assert.equal(inAudience(all, { to: [] }), false)
  assert.equal(inAudience(all, { to: ['a'], within: [] }), false)
  assert.equal(inAudience(all, { to: ['a'], except: [] }), true)
  assert.equal(inAudience(new Set(), { to: ['a'], except: ['b'] }), false)
})

test('the room of a person is of one module only', () => {
  assert.notEqual(userRoom('one', 1), userRoom('two', 1))
  assert.notEqual(userRoom('one', 1), userRoom('one', 11))
})

const command = fc.record({
  do: fc.constantFrom('join' as const, 'join' as const, 'leave' as const, 'leaveAll' as const),
  who: fc.nat({ max: 4 }),
  room,
})

test('K-12 any coming and going leaves both sides agreeing, and no room without members', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
      const rooms = new Rooms<Member>()
      const members = Array.from({ length: 5 }, (): Member => ({ rooms: new Set() }))
      const model = members.map(() => new Set<Room>())
      for (const { do: what, who, room } of commands) {
        const member = members[who]!
        if (what === 'leaveAll') {
          rooms.leaveAll(member)
          model[who]!.clear()
        } else {
          rooms[what](member, room)
          if (what === 'join') model[who]!.add(room)
          else model[who]!.delete(room)
        }
      }
      for (const name of names) {
        const expected = members.filter((_, i) => model[i]!.has(name))
        assert.deepEqual(rooms.members(name), new Set(expected))
      }
      members.forEach((member, i) => assert.deepEqual(member.rooms, model[i]))
      assert.equal(rooms.size, new Set(model.flatMap((of) => [...of])).size)
      for (const member of members) rooms.leaveAll(member)
      assert.equal(rooms.size, 0)
    }),
  )
})

const frame = { bytes: Buffer.from('x') }
const codec: Codec = { event: () => frame, signal: () => frame }

test('K-4 K-11 the fan-out reaches exactly who is in the audience and live, each once', () => {
  const memberships = fc.array(fc.record({ rooms: fc.uniqueArray(room), live: fc.boolean() }), { maxLength: 12 })
  fc.assert(
    fc.property(memberships, fc.array(audience, { minLength: 1, maxLength: 5 }), (memberships, audiences) => {
      const rooms = new Rooms<Receiver>()
      const deliveries: number[] = []
      const fanout = new Fanout<Receiver>(0, {
        clock: new FakeClock(),
        rooms,
        read: () => Promise.resolve([]),
        onRewrite: () => undefined,
        onDelivered: (count) => void deliveries.push(count),
        onError: (error) => assert.fail(String(error)),
      })
      const counts = memberships.map(() => 0)
      memberships.forEach((membership, i) => {
        const outbox = { congested: false, append: () => void (counts[i]! += 1) }
        const receiver = { rooms: new Set(), codec, live: membership.live, stamp: 0, outbox } as unknown as Receiver
        for (const name of membership.rooms) rooms.join(receiver, name)
      })
      const expected = memberships.map(() => 0)
      audiences.forEach((audience, i) => {
        const reached = memberships.filter(({ rooms, live }) => live && inAudience(new Set(rooms), audience))
        for (const membership of reached) expected[memberships.indexOf(membership)]! += 1
        const more = { type: 'x', subject: null, effects: [], at: 0, payload: '{}' }
        fanout.events([{ offset: i + 1, module: 'toy', audience, ...more }])
        assert.equal(deliveries.at(-1), reached.length)
        assert.deepEqual(counts, expected)
        fanout.signal({ module: 'toy', type: 'x', audience, payload: {} })
        for (const membership of reached) expected[memberships.indexOf(membership)]! += 1
        assert.deepEqual(counts, expected)
      })
    }),
    { numRuns: 500 },
  )
})
