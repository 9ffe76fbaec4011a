import { basename } from 'node:path'
import type { Candidate, Stored } from '../candidate.ts'
import type { LoadResult, ReplayResult } from '../load/trace.ts'
import { resident, scratch } from '../process.ts'
import { Driver } from '../remote.ts'
import type { Context, Outcome, Scenario } from '../scenario.ts'
import { spread } from '../stats.ts'
import { figure, ranged, table } from '../table.ts'

/** Transactions of a quick run. */
const QUICK = 20_000
const ROUNDS = 1
const LIMIT_MS = 30 * 60_000

interface Cell {
  candidate: string
  round: number
  replayed: ReplayResult
  loaded: LoadResult
  stored: Stored
  /** What the server's resident memory grew by, in bytes: while it was replayed, and when it was opened again. */
  grown: number
  grownByLoad: number
}

const HEAD = ['candidate', 'edits', 'seconds', 'edits/s', 'CPU us/edit', 'memory MB', 'load ms', 'loaded MB']
const MORE = ['snapshot kB', 'log rows', 'log kB', '']

const rowOf = (name: string, rounds: number, cells: Cell[]) => {
  const own = cells.filter(({ candidate }) => candidate === name)
  const of = (pick: (cell: Cell) => number) => spread(own.map(pick))
  return {
    candidate: name,
    edits: of(({ replayed }) => replayed.edits).median,
    seconds: of(({ replayed }) => replayed.elapsedMs / 1000),
    editsPerSecond: of(({ replayed }) => (replayed.edits / replayed.elapsedMs) * 1000),
    cpuUsPerEdit: of(({ replayed }) => replayed.serverCpuUs / replayed.edits),
    grownMB: of(({ grown }) => grown / 1e6),
    loadMs: of(({ loaded }) => loaded.loadMs),
    grownByLoadMB: of(({ grownByLoad }) => grownByLoad / 1e6),
    snapshotKB: of(({ stored }) => stored.snapshotBytes / 1000).median,
    logRows: of(({ stored }) => stored.logRows).median,
    logKB: of(({ stored }) => stored.logBytes / 1000).median,
    valid:
      own.length === rounds &&
      own.every(({ replayed, loaded }) => replayed.invalid.length + loaded.invalid.length === 0),
  }
}

const render = (rows: ReturnType<typeof rowOf>[]): string =>
  table(
    [...HEAD, ...MORE],
    rows.map((row) => [
      row.candidate,
      String(row.edits),
      ranged(row.seconds),
      ranged(row.editsPerSecond),
      ranged(row.cpuUsPerEdit),
      ranged(row.grownMB),
      ranged(row.loadMs),
      ranged(row.grownByLoadMB),
      figure(row.snapshotKB),
      String(row.logRows),
      figure(row.logKB),
      row.valid ? '' : 'INVALID',
    ]),
  )

/** The same session by one client, on an empty server; then that one ends, and another opens what it has left. */
const measure = async (
  driver: Driver,
  { edit, stored }: Candidate,
  trace: { file: string; most?: number },
): Promise<Omit<Cell, 'candidate' | 'round'>> => {
  const { folder, remove } = scratch('trace')
  try {
    const first = await edit!({ documents: 1, people: 1, folder })
    const empty = resident(first.pid)
    const order = { pid: first.pid, desk: first.target, ...trace }
    const replayed = await driver.call('replay', order, LIMIT_MS)
    const grown = resident(first.pid) - empty
    await first.stop()

    const again = await edit!({ documents: 1, people: 1, folder, desk: first.target })
    const started = resident(again.pid)
    const loaded = await driver.call('load', { pid: again.pid, desk: { ...again.target }, ...trace }, LIMIT_MS)
    const grownByLoad = resident(again.pid) - started
    await again.stop()
    return { replayed, loaded, stored: stored!(folder, first.target.documents[0]!), grown, grownByLoad }
  } finally {
    remove()
  }
}

const run = async ({ quick, rounds = ROUNDS, file, candidates, print }: Context): Promise<Outcome> => {
  const notes: string[] = []
  const invalid: string[] = []
  const cells: Cell[] = []
  const settings = { file: file && basename(file), rounds, ...(quick && { most: QUICK }) }
  if (file === undefined) {
    return { settings, rows: [], cells, notes: ['trace left out: it takes --file'], invalid }
  }
  const able = candidates.filter(({ edit, stored }) => edit !== undefined && stored !== undefined)
  const driver = new Driver()
  try {
    for (let round = 1; round <= rounds; round++) {
      for (const candidate of able) {
        const label = `trace ${candidate.name}, round ${round}`
        try {
          const found = await measure(driver, candidate, { file, ...(quick && { most: QUICK }) })
          cells.push({ candidate: candidate.name, round, ...found })
          for (const reason of [...found.replayed.invalid, ...found.loaded.invalid]) invalid.push(`${label}: ${reason}`)
        } catch (error) {
          invalid.push(`${label}: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
    }
  } finally {
    await driver.stop()
  }
  const rows = able.map(({ name }) => rowOf(name, rounds, cells))
  const what = `${basename(file)}${quick ? `, the first ${QUICK} transactions` : ''}`
  print(`\ntrace: ${what}, by one client, then opened again\n`)
  print(render(rows))
  return { settings, rows, cells, notes, invalid }
}

export const trace: Scenario = { name: 'trace', run }
