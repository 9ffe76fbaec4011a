import assert from 'node:assert/strict'
import { Roster, type Standing } from '../modules/workspace/roster.ts'
import { FakeClock } from './clock.ts'
import { CountingWheel } from './wheel.ts'

export const TICK = 100
export const GRACE = 1_000
/** Odd, while everything else is even: nothing else falls due in the moment in which somebody becomes idle. */
export const IDLE = 3_100

export const [ANA, BO] = [1, 2]
const NAMES = ['nobody', 'ana', 'bo']

/** Its wall clock can be set back and forth. */
class SteppingClock extends FakeClock {
  step = 0

  override now(): number {
    return super.now() + this.step
  }
}

/** A roster whose every announcement is held against what was announced before. */
export function rosterAlone(options: { graceMs?: number; idleMs?: number } = {}) {
  const clock = new SteppingClock()
  const wheel = new CountingWheel(clock, (error) => assert.fail(String(error)), { tickMs: TICK })
  const heard: string[] = []
  const changes: Standing[] = []
  /** What somebody knows who applies what was announced. */
  const known = new Map<string, Standing>()
  const announce = (change: Standing): void => {
    const key = `${change.workspace} ${change.accountId}`
    assert.notEqual(change.status, known.get(key)?.status ?? 'offline', 'two equal in a row')
    if (change.status === 'offline') known.delete(key)
    else known.set(key, change)
    assert.equal(roster.statusOf(change.workspace, change.accountId), change.status)
    assert.equal(change.since, clock.now())
    changes.push(change)
    heard.push(`${NAMES[change.accountId] ?? change.accountId} ${change.status} in ${change.workspace}`)
  }
  const roster = new Roster<string>({ wheel, clock, graceMs: GRACE, idleMs: IDLE, announce, ...options })
  return {
    clock,
    wheel,
    roster,
    known,
    changes,
    arrive: (workspace: string, accountId: number, connection: string, away = false): void =>
      roster.arrive(workspace, { accountId, userId: `user-${accountId}`, away }, connection),
    /** Tick by tick, as time passes. */
    pass: (ms: number): void => {
      for (let passed = 0; passed < ms; passed += TICK) clock.advance(TICK)
    },
    /** What was announced since it was last asked. */
    news: (): string[] => heard.splice(0),
    ends: (): void => assert.deepEqual([roster.size, wheel.size, known.size], [0, 0, 0]),
  }
}
