import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { seeded } from '../../testing/random.ts'
import { GRACE, IDLE, TICK, rosterAlone } from '../../testing/roster.ts'
import type { Standing, Status } from './roster.ts'

fc.configureGlobal({ seed: seeded().seed })

type Step =
  | { do: 'arrive'; workspace: string; id: number; by: string; away: boolean }
  | { do: 'leave'; workspace: string; id: number; by: string }
  | { do: 'setAway'; workspace: string; id: number; away: boolean }
  | { do: 'evict'; workspace: string; id: number }
  | { do: 'active'; id: number }
  | { do: 'pass'; ms: number }
  | { do: 'stall'; ms: number }
  | { do: 'setClock'; step: number }

const WORKSPACES = ['v', 'w']
const IDS = [1, 2]

const workspace = fc.constantFrom(...WORKSPACES)
const id = fc.constantFrom(...IDS)
const by = fc.constantFrom('phone', 'laptop')
const away = fc.boolean()
const even = (max: number): fc.Arbitrary<number> => fc.nat({ max: max / (2 * TICK) }).map((n) => 2 * TICK * n)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('arrive' as const), workspace, id, by, away }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('leave' as const), workspace, id, by }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('setAway' as const), workspace, id, away }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('evict' as const), workspace, id }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('active' as const), id }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: even(4_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stall' as const), ms: even(9_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('setClock' as const), step: fc.integer() }) },
)

type History = readonly { readonly at: number; readonly step: Step }[]

/** The status from everything that ever happened, without a memory: what the roster is to agree with. */
function statusFrom(history: History, workspace: string, id: number, now: number): Status {
  let last = -Infinity
  let present = false
  let set = false
  let left = Infinity
  const connections = new Set<string>()
  for (const { at, step } of [...history, { at: now, step: { do: 'pass', ms: 0 } as const }]) {
    if (left + GRACE <= at) present = false
    if (!('id' in step) || step.id !== id) continue
    if (step.do === 'arrive' || step.do === 'active' || (step.do === 'setAway' && !step.away)) last = at
    if (!('workspace' in step) || step.workspace !== workspace) continue
    if (step.do === 'arrive') {
      if (!present) set = step.away
      present = true
      left = Infinity
      connections.add(step.by)
    } else if (step.do === 'leave') {
      if (connections.delete(step.by) && connections.size === 0) left = at
    } else if (step.do === 'evict') {
      present = false
      left = Infinity
      connections.clear()
    } else set = step.away
  }
  if (!present) return 'offline'
  return set || last + IDLE <= now ? 'away' : 'online'
}

test('K-12 any history: what is announced are the changes of status it makes, in turn, and all ends at zero', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { arrive, roster, clock, known, changes, ends } = rosterAlone()
      const history: { at: number; step: Step }[] = []
      const before = new Map<string, Status>()
      const contents = new Map<string, { readonly version: number; readonly present: readonly Standing[] }>()

      /** After one moment: each person was announced once if the status is another, else not at all. */
      const compare = (exact: boolean): void => {
        const news = changes.splice(0)
        for (const workspace of WORKSPACES) {
          for (const id of IDS) {
            const key = `${workspace} ${id}`
            const status = statusFrom(history, workspace, id, clock.monotonic())
            const told = news.filter((change) => change.workspace === workspace && change.accountId === id)
            const expected = status === (before.get(key) ?? 'offline') ? [] : [status]
            if (exact) assert.deepEqual(told.map((change) => change.status), expected)
            else if (told.length > 0) assert.equal(told.at(-1)!.status, status)
            else assert.deepEqual(expected, [])
            assert.equal(roster.statusOf(workspace, id), status)
            assert.equal(known.get(key)?.status ?? 'offline', status)
            before.set(key, status)
          }
          const present = [...roster.present(workspace)]
          const folded = [...known.values()].filter((standing) => standing.workspace === workspace)
          const order = (a: Standing, b: Standing): number => a.accountId - b.accountId
          assert.deepEqual([...present].sort(order), folded.sort(order))
          const version = roster.version(workspace)
          const last = contents.get(workspace)
          const changed = news.some((change) => change.workspace === workspace)
          if (last) assert.equal(last.version !== version, changed && last.present.length + present.length > 0)
          contents.set(workspace, { version, present })
        }
      }

      const take = (step: Step): void => {
        if (step.do === 'arrive') arrive(step.workspace, step.id, step.by, step.away)
        else if (step.do === 'leave') roster.leave(step.workspace, step.id, step.by)
        else if (step.do === 'setAway') roster.setAway(step.workspace, step.id, step.away)
        else if (step.do === 'evict') roster.evict(step.workspace, step.id)
        else if (step.do === 'active') roster.active(step.id)
        else if (step.do === 'setClock') clock.step = step.step
      }

      for (const step of steps) {
        history.push({ at: clock.monotonic(), step })
        if (step.do === 'pass') {
          for (let passed = 0; passed < step.ms; passed += TICK) {
            clock.advance(TICK)
            compare(true)
          }
        } else if (step.do === 'stall') {
          // Several things may have fallen due meanwhile: each is told, and the last is right.
          clock.advance(step.ms)
          compare(false)
        } else {
          take(step)
          compare(true)
        }
      }
      for (const workspace of WORKSPACES) {
        for (const id of IDS) for (const by of ['phone', 'laptop']) roster.leave(workspace, id, by)
      }
      clock.advance(GRACE)
      ends()
    }),
    { numRuns: 1_000 },
  )
})
