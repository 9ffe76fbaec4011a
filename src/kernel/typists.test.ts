import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { FakeClock } from '../testing/clock.ts'
import { seeded } from '../testing/random.ts'
import { CountingWheel } from '../testing/wheel.ts'
import { Typists } from './typists.ts'

fc.configureGlobal({ seed: seeded().seed })

const TICK = 100
const EXPIRY = 8_000

const NAMES = ['nobody', 'ana', 'bo']
const [ANA, BO] = ['user-1', 'user-2']

const nameOf = (userId: string): string => NAMES[Number(userId.slice(5))] ?? userId
const personOf = (userId: string) => ({ accountId: Number(userId.slice(5)), userId })

function setup(options: { maxPlaces?: number; restMs?: number; isOpen?: (connection: unknown) => boolean } = {}) {
  const clock = new FakeClock()
  const wheel = new CountingWheel(clock, (error) => assert.fail(String(error)), { tickMs: TICK })
  const heard: string[] = []
  const typists = new Typists<string>({
    wheel,
    clock,
    expiryMs: EXPIRY,
    signal(place, { accountId, userId }, typing) {
      assert.deepEqual(personOf(userId), { accountId, userId })
      heard.push(`${nameOf(userId)} ${typing ? 'types' : 'stops'} in ${place}`)
    },
    ...options,
  })
  return {
    clock,
    wheel,
    typists,
    start: (place: string, userId: string, connection: string): void =>
      typists.start(place, personOf(userId), connection),
    /** Tick by tick, as time passes. */
    pass: (ms: number): void => {
      for (let passed = 0; passed < ms; passed += TICK) clock.advance(TICK)
    },
    /** What was signalled since it was last asked. */
    news: (): string[] => heard.splice(0),
    ends: (): void => assert.deepEqual([typists.size, wheel.size], [0, 0]),
  }
}

test('who starts to type is told once, who stops is told once', () => {
  const { start, typists, news, ends } = setup()
  start('general', ANA, 'phone')
  start('general', ANA, 'phone')
  assert.deepEqual(news(), ['ana types in general'])
  typists.stop('general', ANA, 'phone')
  typists.stop('general', ANA, 'phone')
  assert.deepEqual(news(), ['ana stops in general'])
  ends()
})

test('a stop of somebody who does not type says nothing', () => {
  const { start, typists, news } = setup()
  typists.stop('general', ANA, 'phone')
  typists.stopAll('general', ANA)
  typists.gone('phone')
  typists.closed('general')
  assert.equal(typists.size, 0)
  start('general', ANA, 'phone')
  news()
  typists.stop('general', BO, 'phone')
  typists.stop('general', ANA, 'laptop')
  typists.stop('random', ANA, 'phone')
  typists.stopAll('random', ANA)
  typists.stopAll('general', BO)
  assert.deepEqual(news(), [])
})

test('a person types as long as any of their devices does', () => {
  const { start, typists, news, ends } = setup()
  start('general', ANA, 'phone')
  start('general', ANA, 'laptop')
  typists.stop('general', ANA, 'phone')
  assert.deepEqual(news(), ['ana types in general'])
  typists.gone('laptop')
  assert.deepEqual(news(), ['ana stops in general'])
  ends()
})

test('who says nothing more stops after the expiry, and each word puts it off', () => {
  const { start, pass, news, ends } = setup()
  start('general', ANA, 'phone')
  pass(EXPIRY - TICK)
  start('general', ANA, 'phone')
  pass(EXPIRY - TICK)
  assert.deepEqual(news(), ['ana types in general'])
  pass(TICK)
  assert.deepEqual(news(), ['ana stops in general'])
  ends()
  start('general', ANA, 'phone')
  assert.deepEqual(news(), ['ana types in general'])
})

test('each device has its own expiry', () => {
  const { start, pass, news, ends } = setup()
  start('general', ANA, 'phone')
  pass(EXPIRY / 2)
  start('general', ANA, 'laptop')
  pass(EXPIRY / 2)
  assert.deepEqual(news(), ['ana types in general'])
  pass(EXPIRY / 2)
  assert.deepEqual(news(), ['ana stops in general'])
  ends()
})

test('who posts in a place, or leaves it, types there with no device any more, and elsewhere still', () => {
  const { start, typists, pass, news, ends } = setup()
  start('general', ANA, 'phone')
  start('general', ANA, 'laptop')
  start('general', BO, 'tab')
  start('random', ANA, 'laptop')
  news()
  typists.stopAll('general', ANA)
  assert.deepEqual(news(), ['ana stops in general'])
  pass(EXPIRY)
  assert.deepEqual(news(), ['bo stops in general', 'ana stops in random'])
  ends()
})

test('a connection that closes ends its share in every place, and nobody else\'s', () => {
  const { start, typists, news, wheel } = setup()
  start('general', ANA, 'phone')
  start('random', ANA, 'phone')
  start('random', ANA, 'laptop')
  start('general', BO, 'tab')
  news()
  typists.gone('phone')
  typists.gone('phone')
  assert.deepEqual(news(), ['ana stops in general'])
  assert.equal(wheel.size, 2)
})

test('a place that is deleted is forgotten without a signal', () => {
  const { start, typists, pass, news, ends } = setup()
  start('general', ANA, 'phone')
  start('general', ANA, 'laptop')
  start('general', BO, 'tab')
  start('random', BO, 'tab')
  news()
  typists.closed('general')
  typists.stop('general', ANA, 'phone')
  typists.gone('laptop')
  pass(EXPIRY)
  assert.deepEqual(news(), ['bo stops in random'])
  ends()
})

test('on and off in turns is told at most once a second; what holds at the end of it is told then', () => {
  let open = true
  const { start, typists, news, pass, ends } = setup({ restMs: 1_000, isOpen: () => open })
  for (let turn = 0; turn < 10; turn += 1) {
    start('general', ANA, 'phone')
    typists.stop('general', ANA, 'phone')
  }
  assert.deepEqual(news(), ['ana types in general', 'ana stops in general'])
  start('general', ANA, 'phone')
  pass(900)
  assert.deepEqual(news(), [])
  pass(200)
  assert.deepEqual(news(), ['ana types in general'])
  // Who has posted meanwhile, said stop or gone, is not told to type.
  typists.stopAll('general', ANA)
  start('general', ANA, 'phone')
  typists.stopAll('general', ANA)
  pass(1_100)
  start('general', ANA, 'phone')
  typists.gone('phone')
  start('general', ANA, 'tablet')
  open = false
  pass(1_100)
  assert.deepEqual(news(), ['ana stops in general', 'ana types in general', 'ana stops in general'])
  ends()
})

test('a connection that types in too many places stops where it was silent longest: memory is bounded', () => {
  const { start, typists, wheel, news, ends } = setup()
  for (let i = 0; i < 16; i += 1) start(`c${i}`, ANA, 'phone')
  start('c0', ANA, 'phone')
  assert.equal(news().length, 16)
  start('c16', ANA, 'phone')
  assert.deepEqual(news(), ['ana types in c16', 'ana stops in c1'])
  start('c1', BO, 'tab')
  assert.deepEqual(news(), ['bo types in c1'])
  for (let i = 0; i < 10_000; i += 1) start(`d${i}`, ANA, 'phone')
  assert.deepEqual([typists.size, wheel.size], [17 + 2, 17])
  typists.gone('phone')
  typists.gone('tab')
  ends()
})

test('a person who is pushed out on one device still types there with another', () => {
  const { start, news } = setup({ maxPlaces: 1 })
  start('general', ANA, 'phone')
  start('general', ANA, 'laptop')
  start('random', ANA, 'phone')
  assert.deepEqual(news(), ['ana types in general', 'ana types in random'])
})

test('K-7 a hundred thousand repetitions schedule no ticket, and put the one there is off once an expiry', () => {
  const { start, pass, wheel, news } = setup()
  start('general', ANA, 'phone')
  for (let i = 0; i < 100_000; i += 1) start('general', ANA, 'phone')
  assert.deepEqual([wheel.scheduled, wheel.size], [1, 1])
  for (let i = 0; i < 100 * (EXPIRY / TICK); i += 1) {
    start('general', ANA, 'phone')
    pass(TICK)
  }
  assert.ok(wheel.scheduled <= 110, `${wheel.scheduled} tickets in 100 expiries`)
  assert.deepEqual(news(), ['ana types in general'])
})

test('five thousand type: one who stops is one signal', () => {
  const { start, typists, news } = setup()
  for (let i = 1; i <= 5_000; i += 1) start('general', `user-${i}`, `c${i}`)
  assert.equal(news().length, 5_000)
  typists.gone('c1')
  assert.deepEqual(news(), ['ana stops in general'])
  typists.closed('general')
  assert.deepEqual([news(), typists.size], [[], 0])
})

type Step =
  | { readonly do: 'start' | 'stop'; readonly place: string; readonly id: string; readonly device: string }
  | { readonly do: 'stopAll'; readonly place: string; readonly id: string }
  | { readonly do: 'gone'; readonly id: string; readonly device: string }
  | { readonly do: 'closed'; readonly place: string }
  | { readonly do: 'pass' | 'stall'; readonly ms: number }

const CHANNELS = ['general', 'random', 'secret']
const IDS = [ANA, BO]
const MAX = 2

const place = fc.constantFrom(...CHANNELS)
const id = fc.constantFrom(...IDS)
const device = fc.constantFrom('phone', 'laptop')
const ms = fc.nat({ max: 100 }).map((n) => TICK * n)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('start' as const), place, id, device }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('stop' as const), place, id, device }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stopAll' as const), place, id }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('gone' as const), id, device }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('closed' as const), place }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stall' as const), ms }) },
)

type History = readonly { readonly at: number; readonly step: Step }[]

/** Who types where, from everything that ever happened: a list, and what each step takes out of it. */
function typingFrom(history: History, now: number): ReadonlySet<string> {
  let said: { readonly place: string; readonly id: string; readonly device: string; readonly at: number }[] = []
  for (const { at, step } of [...history, { at: now, step: { do: 'pass', ms: 0 } as const }]) {
    said = said.filter((one) => one.at + EXPIRY > at)
    if (step.do === 'pass' || step.do === 'stall') continue
    said = said.filter((one) => {
      if ('place' in step && one.place !== step.place) return true
      if ('id' in step && one.id !== step.id) return true
      return 'device' in step && one.device !== step.device
    })
    if (step.do !== 'start') continue
    const { place, id, device } = step
    said.push({ place, id, device, at })
    const mine = said.filter((one) => one.id === id && one.device === device)
    if (mine.length > MAX) said = said.filter((one) => one !== mine[0])
  }
  return new Set(said.map(({ place, id }) => `${nameOf(id)} in ${place}`))
}

test('K-12 any history: what is signalled are the changes the history makes, in turn, and all ends at zero', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { start, typists, clock, news, ends } = setup({ maxPlaces: MAX })
      const history: { at: number; step: Step }[] = []
      let before: ReadonlySet<string> = new Set()

      const compare = (): void => {
        const now = typingFrom(history, clock.monotonic())
        const closed = history.at(-1)!.step.do === 'closed'
        const stops = closed ? [] : [...before].filter((who) => !now.has(who)).map((who) => who.replace(' ', ' stops '))
        const starts = [...now].filter((who) => !before.has(who)).map((who) => who.replace(' ', ' types '))
        assert.deepEqual(news().sort(), [...stops, ...starts].sort())
        before = now
      }

      for (const step of steps) {
        history.push({ at: clock.monotonic(), step })
        if (step.do === 'start') start(step.place, step.id, `${step.device} ${step.id}`)
        else if (step.do === 'stop') typists.stop(step.place, step.id, `${step.device} ${step.id}`)
        else if (step.do === 'stopAll') typists.stopAll(step.place, step.id)
        else if (step.do === 'gone') typists.gone(`${step.device} ${step.id}`)
        else if (step.do === 'closed') typists.closed(step.place)
        else if (step.do === 'stall') clock.advance(step.ms)
        for (let passed = 0; step.do === 'pass' && passed < step.ms; passed += TICK) {
          clock.advance(TICK)
          compare()
        }
        compare()
        assert.equal(typists.size === 0, before.size === 0)
      }
      clock.advance(EXPIRY)
      ends()
    }),
    { numRuns: 1_000 },
  )
})
