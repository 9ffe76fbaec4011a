import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OutgoingError, type OutgoingReason } from '../../../kernel/outgoing.ts'
import { FakeClock } from '../../../testing/clock.ts'
import { Breakers } from './breaker.ts'

const place = { organization: 1, kind: 'jira' } as const
const elsewhere = { organization: 1, kind: 'git' } as const

interface Bench {
  readonly clock: FakeClock
  readonly breakers: Breakers
  /** @returns its status, or the reason why there is none */
  readonly call: (outcome: number | OutgoingReason | Error, at?: typeof place | typeof elsewhere) => Promise<unknown>
  readonly made: () => number
}

function bench(): Bench {
  const clock = new FakeClock()
  const breakers = new Breakers(clock, { failures: 3, restMs: 60_000 })
  let made = 0
  const call: Bench['call'] = async (outcome, at = place) => {
    try {
      const { status } = await breakers.run(at, async () => {
        made++
        if (typeof outcome === 'number') return new Response(null, { status: outcome })
        throw typeof outcome === 'string' ? new OutgoingError(outcome) : outcome
      })
      return status
    } catch (error) {
      return error instanceof OutgoingError ? error.reason : error
    }
  }
  return { clock, breakers, call, made: () => made }
}

test('P-I3 what fails three times in a row is left alone for a minute, then tried once', async () => {
  const { clock, breakers, call, made } = bench()
  assert.deepEqual([await call('unreachable'), await call(503), await call('timeout')], ['unreachable', 503, 'timeout'])
  clock.advance(15_000)
  await assert.rejects(
    breakers.run(place, () => Promise.reject(new Error('it was called'))),
    (error) => error instanceof OutgoingError && error.reason === 'open' && error.retryAfterMs === 45_000,
  )
  assert.equal(await call(200, elsewhere), 200, 'others are not meant')
  clock.advance(44_999)
  assert.equal(await call(200), 'open')
  clock.advance(1)
  assert.equal(made(), 4)

  assert.equal(await call('unreachable'), 'unreachable')
  assert.equal(await call(200), 'open', 'it failed again, and rests again')
  clock.advance(60_000)
  const trial = Promise.withResolvers<Response>()
  const tried = breakers.run(place, () => trial.promise)
  assert.equal(await call(200), 'open', 'one is tried at a time')
  trial.resolve(new Response())
  await tried
  assert.equal(await call(500), 500)
  assert.equal(await call(200), 200, 'it begins to count anew')
})

test('an answer of any other kind closes it; what was not called at all, or called off, says nothing', async () => {
  const { clock, breakers, call, made } = bench()
  for (const answer of [404, 429, 'too_large', 'redirect'] as const) {
    assert.deepEqual([await call(500), await call(500), await call(answer)], [500, 500, answer])
    assert.deepEqual([await call(500), await call(500), await call(200)], [500, 500, 200])
  }
  const calledOff = new Error('called off')
  assert.deepEqual([await call(500), await call('refused'), await call(500)], [500, 'refused', 500])
  assert.deepEqual([await call(calledOff), await call(500), await call(200)], [calledOff, 500, 'open'])
  clock.advance(60_000)
  assert.equal(await call(calledOff), calledOff)
  assert.equal(await call('refused'), 'refused')
  const before = made()
  assert.equal(await call(200), 200, 'a trial that says nothing leaves the next one to be it')
  assert.equal(made(), before + 1)
  for (let i = 0; i < 3; i++) await call(500)
  breakers.reset(place)
  assert.equal(await call(200), 200)
})
