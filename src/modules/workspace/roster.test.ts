import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TimingWheel } from '../../kernel/timing-wheel.ts'
import { FakeClock } from '../../testing/clock.ts'
import { ANA, BO, GRACE, IDLE, TICK, rosterAlone } from '../../testing/roster.ts'
import { Roster, type Standing } from './roster.ts'

test('a person is online with the first connection, whatever the number, and offline a grace after the last', () => {
  const { arrive, roster, pass, news, ends } = rosterAlone({ idleMs: 0 })
  assert.equal(roster.statusOf('w', ANA), 'offline')
  arrive('w', ANA, 'phone')
  assert.equal(roster.statusOf('w', ANA), 'online')
  arrive('w', ANA, 'laptop')
  roster.leave('w', ANA, 'phone')
  pass(10 * GRACE)
  assert.deepEqual(news(), ['ana online in w'])
  roster.leave('w', ANA, 'laptop')
  pass(GRACE - TICK)
  assert.deepEqual(news(), [])
  assert.equal(roster.statusOf('w', ANA), 'online')
  pass(TICK)
  assert.deepEqual(news(), ['ana offline in w'])
  assert.equal(roster.statusOf('w', ANA), 'offline')
  ends()
})

test('coming back within the grace is invisible, however often, and changes no version', () => {
  const { arrive, roster, wheel, pass, news, ends } = rosterAlone()
  arrive('w', ANA, 'c')
  const version = roster.version('w')
  for (let i = 0; i < 100; i += 1) {
    roster.leave('w', ANA, i === 0 ? 'c' : `c${i}`)
    pass(GRACE - TICK)
    arrive('w', ANA, `c${i + 1}`)
  }
  assert.deepEqual(news(), ['ana online in w'])
  assert.equal(roster.version('w'), version)
  assert.equal(wheel.size, 1)
  roster.leave('w', ANA, 'c100')
  pass(GRACE)
  assert.deepEqual(news(), ['ana offline in w'])
  ends()
})

test('a thousand who reconnect at once share one version of who is present', () => {
  const { arrive, roster, pass, news } = rosterAlone()
  for (let id = 1; id <= 1_000; id += 1) arrive('w', id, `old${id}`)
  assert.equal(news().length, 1_000)
  const version = roster.version('w')
  const before = [...roster.present('w')]
  for (let id = 1; id <= 1_000; id += 1) roster.leave('w', id, `old${id}`)
  pass(GRACE / 2)
  for (let id = 1_000; id >= 1; id -= 1) {
    arrive('w', id, `new${id}`)
    assert.equal(roster.version('w'), version)
  }
  assert.deepEqual([...roster.present('w')], before)
  assert.deepEqual(news(), [])
})

test('a version never comes back for other people, not even of a workspace that was empty in between', () => {
  const { arrive, roster, pass } = rosterAlone()
  const seen = new Set([roster.version('w')])
  for (const id of [1, 2, 1]) {
    arrive('w', id, 'c')
    assert.ok(!seen.has(roster.version('w')))
    seen.add(roster.version('w'))
    roster.leave('w', id, 'c')
    pass(GRACE)
    assert.deepEqual([...roster.present('w')], [])
  }
})

test('a connection that arrives twice goes once, and one that leaves twice, or never came, changes nothing', () => {
  const { arrive, roster, pass, news, ends } = rosterAlone()
  arrive('w', ANA, 'c')
  arrive('w', ANA, 'c')
  roster.leave('w', ANA, 'never')
  roster.leave('v', ANA, 'c')
  roster.leave('w', BO, 'c')
  roster.leave('w', ANA, 'c')
  pass(GRACE / 2)
  roster.leave('w', ANA, 'c')
  pass(GRACE / 2)
  assert.deepEqual(news(), ['ana online in w', 'ana offline in w'])
  ends()
})

test('who is removed is gone at once, with every connection, and what closes later says nothing', () => {
  const { arrive, roster, pass, news, ends } = rosterAlone()
  arrive('w', ANA, 'phone')
  arrive('w', ANA, 'laptop')
  arrive('v', ANA, 'tab')
  news()
  roster.evict('w', ANA)
  roster.evict('w', ANA)
  roster.evict('w', BO)
  assert.deepEqual(news(), ['ana offline in w'])
  assert.deepEqual([...roster.present('w')], [])
  roster.leave('w', ANA, 'phone')
  arrive('w', ANA, 'again')
  roster.leave('w', ANA, 'laptop')
  assert.deepEqual(news(), ['ana online in w'])
  roster.leave('w', ANA, 'again')
  pass(GRACE / 2)
  roster.evict('w', ANA)
  assert.deepEqual(news(), ['ana offline in w'])
  pass(GRACE)
  roster.evict('v', ANA)
  assert.deepEqual(news(), ['ana offline in v'])
  ends()
})

test('who is present are those who are not offline, with their status and since when', () => {
  const { arrive, roster, clock, pass } = rosterAlone()
  const start = clock.now()
  arrive('w', ANA, 'a')
  pass(TICK)
  arrive('w', BO, 'b', true)
  arrive('v', 3, 'c')
  roster.leave('w', ANA, 'a')
  pass(TICK)
  assert.deepEqual([...roster.present('w')], [
    { workspace: 'w', accountId: ANA, userId: 'user-1', status: 'online', since: start },
    { workspace: 'w', accountId: BO, userId: 'user-2', status: 'away', since: start + TICK },
  ])
  assert.deepEqual([...roster.present('nowhere')], [])
})

/** Hears what a roster announces, and may do something about it in the middle of it. */
function listening(hear: (change: Standing, roster: Roster<string>) => void) {
  const clock = new FakeClock()
  const wheel = new TimingWheel(clock, (error) => assert.fail(String(error)))
  const announce = (change: Standing): void => hear(change, roster)
  const roster: Roster<string> = new Roster({ wheel, clock, graceMs: GRACE, idleMs: IDLE, announce })
  const person = { accountId: ANA, userId: 'u', away: false }
  const arrive = (workspace: string): void => roster.arrive(workspace, person, 'c')
  return { clock, wheel, roster, arrive }
}

test('who looks in the middle of an announcement sees what was announced up to then, and nobody offline', () => {
  const known = new Map<string, Standing>()
  const { clock, arrive } = listening((change, roster) => {
    known.set(change.workspace, change)
    for (const workspace of ['v', 'w']) {
      const expected = [known.get(workspace)].filter((standing) => standing && standing.status !== 'offline')
      assert.deepEqual([...roster.present(workspace)], expected)
    }
  })
  arrive('v')
  clock.advance(IDLE)
  assert.equal(known.get('v')?.status, 'away')
  arrive('w')
  assert.deepEqual([...known.values()].map(({ status }) => status), ['online', 'online'])
})

test('who acts in the middle of an announcement does no harm: evicted when away, back when offline', () => {
  const heard: string[] = []
  let back = true
  const { clock, wheel, roster, arrive } = listening(({ workspace, status }) => {
    heard.push(`${status} in ${workspace}`)
    if (status === 'away') roster.evict(workspace, ANA)
    if (status === 'offline' && back) arrive(workspace)
  })
  arrive('v')
  arrive('w')
  // Coming back is activity, so the other workspace never sees them away.
  clock.advance(IDLE)
  assert.deepEqual(heard.splice(0), ['online in v', 'online in w', 'away in v', 'offline in v', 'online in v'])
  back = false
  clock.advance(IDLE)
  assert.deepEqual(heard, ['away in w', 'offline in w', 'away in v', 'offline in v'])
  assert.deepEqual([roster.size, wheel.size], [0, 0])
})

test('five thousand are present: one change is one announcement', () => {
  const { arrive, roster, wheel, pass, news } = rosterAlone()
  for (let id = 1; id <= 5_000; id += 1) arrive('w', id, `c${id}`)
  assert.equal(news().length, 5_000)
  roster.setAway('w', ANA, true)
  assert.deepEqual(news(), ['ana away in w'])
  roster.leave('w', BO, 'c2')
  pass(GRACE)
  assert.deepEqual(news(), ['bo offline in w'])
  // A ticket for each account that may become idle, and none besides.
  assert.equal(wheel.size, 4_999)
})
