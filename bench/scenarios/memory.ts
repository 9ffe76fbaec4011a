import type { Candidate } from '../candidate.ts'
import { resident, sleep } from '../process.ts'
import { Driver } from '../remote.ts'
import type { Context, Outcome, Scenario } from '../scenario.ts'
import { spread } from '../stats.ts'
import { figure, ranged, table } from '../table.ts'

/** Connections opened and closed before the first reading: code, pools and caches are not a connection's memory. */
const WARM = 200
/** A server has settled when a second changes less than this. */
const STILL_BYTES = 256 * 1024

interface Cell {
  candidate: string
  round: number
  beforeBytes: number
  afterBytes: number
  bytesPerConnection: number
  failed: number
  reason: string
}

/** Resident bytes once they stay the same for 2 s, after `leastMs`; at the latest after 20 s. No forced collection. */
const settled = async (pid: number, leastMs: number): Promise<number> => {
  await sleep(leastMs)
  let last = resident(pid)
  for (let still = 0, seconds = 0; still < 2 && seconds < 20; seconds++) {
    await sleep(1000)
    const now = resident(pid)
    still = Math.abs(now - last) < STILL_BYTES ? still + 1 : 0
    last = now
  }
  return last
}

/** More connections than this are further devices of the same people. */
const PEOPLE = 1000

const measure = async (candidate: Candidate, round: number, members: number, leastMs: number): Promise<Cell> => {
  const driver = new Driver()
  // A fresh server for each reading: memory once freed is kept by the process and would hide the next connections.
  const { pid, target, stop } = await candidate.start!(Math.min(members, PEOPLE)).catch(async (error: unknown) => {
    await driver.stop()
    throw error
  })
  try {
    await driver.call('hold', { target, members: WARM })
    await driver.call('release', {})
    const beforeBytes = await settled(pid, leastMs)
    const opened = await driver.call('hold', { target, members })
    const afterBytes = await settled(pid, leastMs)
    const { failed, reason } = await driver.call('release', {})
    return {
      candidate: candidate.name,
      round,
      beforeBytes,
      afterBytes,
      bytesPerConnection: (afterBytes - beforeBytes) / members,
      failed: Math.max(opened.failed, failed),
      reason: opened.reason || reason,
    }
  } finally {
    await driver.stop()
    await stop()
  }
}

const run = async ({ quick, members: asked, rounds: repeat, candidates: all, print }: Context): Promise<Outcome> => {
  const candidates = all.filter((candidate) => candidate.start !== undefined)
  const members = asked ?? (quick ? 2000 : 5000)
  const rounds = repeat ?? (quick ? 1 : 3)
  const leastMs = quick ? 1000 : 3000
  const invalid: string[] = []
  const cells: Cell[] = []
  const broken = new Set<Candidate>()
  for (let round = 1; round <= rounds; round++) {
    for (const candidate of candidates) {
      if (broken.has(candidate)) continue
      const label = `memory ${candidate.name}, round ${round}`
      try {
        const cell = await measure(candidate, round, members, leastMs)
        cells.push(cell)
        if (cell.failed > 0) invalid.push(`${label}: ${cell.failed} of ${members} connections failed: ${cell.reason}`)
        if (cell.afterBytes <= cell.beforeBytes) invalid.push(`${label}: memory did not grow, nothing was measured`)
      } catch (error) {
        broken.add(candidate) // what did not start once is not asked again
        invalid.push(`${label}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
  const rows = candidates.map(({ name: candidate }) => {
    const own = cells.filter((cell) => cell.candidate === candidate)
    const of = (pick: (cell: Cell) => number) => spread(own.map(pick))
    return {
      candidate,
      bytesPerConnection: of((cell) => cell.bytesPerConnection),
      beforeMiB: of((cell) => cell.beforeBytes / 2 ** 20).median,
      afterMiB: of((cell) => cell.afterBytes / 2 ** 20).median,
      valid: own.length === rounds && own.every((cell) => cell.failed === 0 && cell.afterBytes > cell.beforeBytes),
    }
  })
  print(`\nmemory: ${members} idle connections, resident memory of the server, no forced collection\n`)
  print(
    table(
      ['candidate', 'bytes/connection', 'before MiB', 'after MiB', ''],
      rows.map((row) => [
        row.candidate,
        ranged(row.bytesPerConnection),
        figure(row.beforeMiB),
        figure(row.afterMiB),
        row.valid ? '' : 'INVALID',
      ]),
    ),
  )
  return { settings: { members, rounds, leastMs }, rows, cells, notes: [], invalid }
}

export const memory: Scenario = { name: 'memory', run }
