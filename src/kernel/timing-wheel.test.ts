import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { FakeClock } from '../testing/clock.ts'
import { seeded } from '../testing/random.ts'
import { systemClock } from './clock.ts'
import { TimingWheel, type Ticket } from './timing-wheel.ts'

fc.configureGlobal({ seed: seeded().seed })

const TICK = 100

function setup(options: { slots?: number } = {}) {
  const clock = new FakeClock()
  const errors: unknown[] = []
  const wheel = new TimingWheel(clock, (error) => void errors.push(error), { tickMs: TICK, ...options })
  return { clock, wheel, errors }
}

test('K-7 a ticket is never early and at most one tick late, from any place between two ticks', () => {
  for (const delay of [0, 1, 99, 100, 101, 250, 799, 800, 801, 51_200, 123_456]) {
    for (const phase of [0, 1, 50, 99]) {
      const { clock, wheel } = setup({ slots: 8 })
      clock.advance(phase)
      const fired: number[] = []
      wheel.schedule(delay, () => void fired.push(clock.monotonic()))
      while (fired.length === 0) clock.advance(1)
      const late = fired[0]! - (phase + delay)
      assert.ok(late >= 0 && late <= TICK, `delay ${delay} from ${phase}: ${late} late`)
      assert.equal(wheel.size, 0)
    }
  }
})

interface Planned {
  readonly due: number
  readonly ticket: Ticket
  cancelled: boolean
}

type Step =
  | { readonly do: 'schedule'; readonly delay: number; readonly again: number | undefined }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'cancel'; readonly which: number }

const delay = fc.nat({ max: 5_000 })
const again = fc.option(fc.nat({ max: 3_000 }), { nil: undefined })
/** A tick or more, so that the wheel turns with every step; long ones are a process that was stopped. */
const jump = fc.oneof(fc.integer({ min: TICK, max: 400 }), fc.integer({ min: TICK, max: 9_000 }))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('schedule' as const), delay, again }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: jump }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat() }) },
)

test('K-7 any plan of tickets, jumps and cancellations goes as with one timer each', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 16 }), (steps, slots) => {
      const { clock, wheel, errors } = setup({ slots })
      const waiting = new Set<Planned>()
      const all: Planned[] = []
      let last = 0
      const plan = (delay: number, again: number | undefined): void => {
        const planned: Planned = {
          due: clock.monotonic() + delay,
          cancelled: false,
          ticket: wheel.schedule(delay, () => {
            assert.ok(waiting.delete(planned), 'twice')
            assert.ok(!planned.cancelled, 'after its cancellation')
            assert.ok(clock.monotonic() >= planned.due, 'early')
            assert.ok(planned.due > last - TICK, 'out of order by more than a tick')
            last = planned.due
            if (again !== undefined) plan(again, undefined)
          }),
        }
        waiting.add(planned)
        all.push(planned)
      }
      for (const step of steps) {
        if (step.do === 'schedule') plan(step.delay, step.again)
        else if (step.do === 'cancel' && all.length > 0) {
          const planned = all[step.which % all.length]!
          planned.ticket.cancel()
          planned.cancelled = waiting.delete(planned)
        } else if (step.do === 'advance') {
          clock.advance(step.ms)
          for (const { due } of waiting) assert.ok(due + TICK > clock.monotonic(), 'more than a tick late')
        }
        assert.equal(wheel.size, waiting.size)
      }
      // Everything comes, what came last schedules included.
      for (let i = 0; i < 3; i += 1) clock.advance(10_000)
      assert.deepEqual([wheel.size, waiting.size, errors], [0, 0, []])
    }),
    { numRuns: 500 },
  )
})

test('K-7 a callback may put itself off, a whole turn of the wheel included', () => {
  const { clock, wheel } = setup({ slots: 4 })
  const at: number[] = []
  const again = (): void => {
    at.push(clock.monotonic())
    if (at.length < 5) wheel.schedule(4 * TICK, again)
  }
  wheel.schedule(4 * TICK, again)
  for (let i = 0; i < 30; i += 1) clock.advance(TICK)
  assert.deepEqual(at, [400, 800, 1_200, 1_600, 2_000])
  assert.equal(wheel.size, 0)
})

test('K-7 a callback that puts itself off for nothing comes once a tick and holds nobody up', () => {
  const { clock, wheel } = setup()
  let count = 0
  const again = (): void => {
    count += 1
    wheel.schedule(0, again)
  }
  wheel.schedule(0, again)
  clock.advance(TICK)
  assert.equal(count, 1)
  // What it schedules during a jump is due at the end of the jump, not once for every tick passed over.
  clock.advance(10 * TICK)
  assert.equal(count, 3)
})

test('K-7 a callback that throws is reported and stops nobody else', () => {
  const { clock, wheel, errors } = setup()
  const fired: number[] = []
  for (let i = 0; i < 10; i += 1) {
    wheel.schedule(50 * i, () => {
      fired.push(i)
      if (i % 2 === 1) throw new Error(String(i))
    })
  }
  clock.advance(1_000)
  assert.deepEqual(fired, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.deepEqual(errors.map((error) => (error as Error).message), ['1', '3', '5', '7', '9'])
})

test('K-7 cancelling works before, during and after, any number of times', () => {
  const { clock, wheel } = setup()
  const fired: string[] = []
  const before = wheel.schedule(100, () => fired.push('before'))
  before.cancel()
  before.cancel()
  const killer = wheel.schedule(100, () => {
    fired.push('killer')
    victim.cancel()
    killer.cancel()
  })
  const victim = wheel.schedule(100, () => fired.push('victim'))
  clock.advance(200)
  killer.cancel()
  clock.advance(100_000)
  assert.deepEqual(fired, ['killer'])
  assert.equal(wheel.size, 0)
})

test('K-7 however many wait, the process has one timer', () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const wheel = new TimingWheel(systemClock, (error) => assert.fail(String(error)))
  for (let i = 0; i < 10_000; i += 1) wheel.schedule(60_000 + i, assert.fail)
  assert.equal(wheel.size, 10_000)
  // An unreferenced timer is not among the active ones: it does not keep the process alive either.
  assert.ok(timers() <= before + 1)
  wheel.stop()
  assert.equal(wheel.size, 0)
  assert.equal(timers(), before)
})

test('K-7 a stopped wheel calls nobody', () => {
  const { clock, wheel } = setup()
  wheel.schedule(100, assert.fail)
  wheel.stop()
  clock.advance(10_000)
})
