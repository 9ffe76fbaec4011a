import type { Candidate, Crowd, Running } from '../candidate.ts'
import { sleep } from '../process.ts'
import { Driver } from '../remote.ts'
import { type Context, type Outcome, type Scenario, startAll, stopAll } from '../scenario.ts'
import { type Change, changeOf, changeRows, renderChanges } from './presence-changes.ts'
import { renderStorms, type Storm, stormOf, stormRows } from './presence-storms.ts'

const PEOPLE = 1000
/** Who listens to one person's changes; past the number of people they are further devices of the same. */
const LISTENERS = [1000, 5000]
const ROUNDS = 3
/** Short, because everybody waits for it; long enough for everybody to be back within it. */
const GRACE_MS = 5000
/** Between the cut and the return: within the grace, and safely past it. */
const GAPS = { within: 500, past: GRACE_MS + 2000 }
/** Before a first change is counted, the pictures of all listeners have to be there. */
const SETTLE_MS = 1000
const LIMIT_MS = 240_000

const run = async ({ quick, members, rounds = quick ? 1 : ROUNDS, candidates, print }: Context): Promise<Outcome> => {
  const people = members ?? PEOPLE
  const listeners = quick || members !== undefined ? [people] : LISTENERS
  const times = quick
    ? { warmupMs: 500, windowMs: 1000, minBatches: 3 }
    : { warmupMs: 1000, windowMs: 3000, minBatches: 5 }
  const gathering = { people, graceMs: GRACE_MS }
  const invalid: string[] = []
  const notes: string[] = []
  const storms: Storm[] = []
  const changes: Change[] = []
  const able = candidates.filter((candidate) => candidate.gather !== undefined)
  const driver = new Driver()
  const running = await startAll(able, invalid, (candidate) => candidate.gather!(gathering))

  /** Each candidate once a round, neighbours in time. */
  const alternate = async (
    what: string,
    measure: (candidate: Candidate, server: Running<Crowd>, round: number) => Promise<Storm | Change>,
  ): Promise<void> => {
    for (let round = 1; round <= rounds; round++) {
      for (const [candidate, server] of running) {
        const label = `presence ${candidate.name}, ${what}, round ${round}`
        try {
          const found = await measure(candidate, server, round)
          invalid.push(...found.invalid.map((reason) => `${label}: ${reason}`))
          notes.push(...found.notes.map((note) => `${label}: ${note}`))
        } catch (error) {
          invalid.push(`${label}: ${error instanceof Error ? error.message : String(error)}`)
        }
        await sleep(200)
      }
    }
  }

  try {
    // Uncounted: nobody is measured cold.
    for (const { pid, target } of running.values()) {
      await driver.call('storm', { pid, target, gapMs: GAPS.within }, LIMIT_MS).catch(() => {})
    }
    for (const [away, gapMs] of Object.entries(GAPS) as [Storm['away'], number][]) {
      await alternate(`back ${away} the grace`, async (candidate, { pid, target }, round) => {
        const result = await driver.call('storm', { pid, target, gapMs }, LIMIT_MS)
        const storm = stormOf(candidate, away, round, gathering, result)
        storms.push(storm)
        return storm
      })
      const when = `come back after ${gapMs} ms, grace ${GRACE_MS} ms`
      print(`\npresence: ${people - 1} of ${people} people are cut at once and ${when}\n`)
      print(renderStorms(stormRows(storms.filter((storm) => storm.away === away), rounds)))
    }
    for (const count of listeners) {
      await alternate(`${count} listeners`, async (candidate, { pid, target }, round) => {
        const order = { pid, target, members: count, inFlight: 1, contentBytes: 0, settleMs: SETTLE_MS, ...times }
        const change = changeOf(candidate, count, round, await driver.call('fanout', order))
        changes.push(change)
        return change
      })
      const who = `${count} connections of ${people} people listen`
      print(`\npresence: one person's status changes and changes back; ${who}\n`)
      print(renderChanges(changeRows(changes.filter((change) => change.listeners === count), rounds)))
    }
  } finally {
    await driver.stop()
    await stopAll(running)
  }
  return {
    settings: { people, listeners, rounds, graceMs: GRACE_MS, gapsMs: GAPS, settleMs: SETTLE_MS, ...times },
    rows: [...stormRows(storms, rounds), ...changeRows(changes, rounds)],
    cells: [
      ...storms.map(({ result: { wholeMs, ...rest }, ...one }) => ({ ...one, ...rest, samples: wholeMs.length })),
      ...changes.map(({ result: { batchMs, ...rest }, ...one }) => ({ ...one, ...rest, batches: batchMs.length })),
    ],
    notes,
    invalid,
  }
}

export const presence: Scenario = { name: 'presence', run }
