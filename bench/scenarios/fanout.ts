import type { Candidate, Running } from '../candidate.ts'
import type { FanoutOrder, FanoutResult } from '../load/fanout.ts'
import { busy, driverBound } from '../load/meter.ts'
import { sleep } from '../process.ts'
import { Driver } from '../remote.ts'
import { type Context, type Outcome, type Scenario, startAll, stopAll } from '../scenario.ts'
import { merge, percentile, type Spread, spread } from '../stats.ts'
import { figure, percent, ranged, table } from '../table.ts'

const IN_FLIGHT = [1, 16, 128]
const ROUNDS = 3
/** Bytes of the text frame a member receives; more when a candidate's own fields need more. */
const FRAME_BYTES = 200
const LEAST_CONTENT = 16
/** The ratios printed are to these. */
const BASES = ['ws', 'socket.io']

interface Cell {
  candidate: string
  inFlight: number
  round: number
  deliveriesPerSecond: number
  /** Server CPU time per delivery, in microseconds. */
  cpuUs: number
  perCpuSecond: number
  serverBusy: number
  driverBusy: number
  /** Cores kept busy by anything else on the machine. */
  foreignCores: number
  result: FanoutResult
}

const cellOf = (candidate: string, inFlight: number, round: number, result: FanoutResult): Cell => {
  const cpuUs = result.serverCpuUs / result.received
  const { server: serverBusy, driver: driverBusy, foreign: foreignCores } = busy(result)
  const bound = result.received > 0 ? driverBound(result) : undefined
  if (bound !== undefined) result.invalid.push(bound)
  return {
    candidate,
    inFlight,
    round,
    deliveriesPerSecond: (result.received / result.elapsedMs) * 1000,
    cpuUs,
    perCpuSecond: 1e6 / cpuUs,
    serverBusy,
    driverBusy,
    foreignCores,
    result,
  }
}

/** Finds content lengths which make everybody's frame the same size: the least common one from 200 bytes up. */
const calibrate = async (driver: Driver, running: Map<Candidate, Running>, invalid: string[]) => {
  const envelopes = new Map<Candidate, number>()
  for (const [candidate, { pid, target }] of running) {
    const once = { members: 1, inFlight: 1, contentBytes: LEAST_CONTENT, warmupMs: 1, windowMs: 1, minBatches: 1 }
    try {
      const { frameBytes } = await driver.call('fanout', { pid, target, ...once })
      envelopes.set(candidate, frameBytes - LEAST_CONTENT)
    } catch (error) {
      invalid.push(`${candidate.name}: ${String(error)}`)
    }
  }
  const frameBytes = Math.max(FRAME_BYTES, ...[...envelopes.values()].map((bytes) => bytes + LEAST_CONTENT))
  const contents = new Map([...envelopes].map(([candidate, bytes]) => [candidate, frameBytes - bytes]))
  return { frameBytes, contents }
}

interface Row {
  candidate: string
  inFlight: number
  deliveriesPerSecond: Spread
  cpuUs: Spread
  perCpuSecond: Spread
  /** Median over the rounds of deliveries per CPU-second to those of the base in the same round. */
  ratios: Record<string, Spread>
  p50Ms: number
  p99Ms: number
  samples: number
  frameBytes: number
  serverBusy: number
  driverBusy: number
  valid: boolean
}

const rowOf = (candidate: string, inFlight: number, rounds: number, all: Cell[]): Row => {
  const peers = all.filter((cell) => cell.inFlight === inFlight)
  const own = peers.filter((cell) => cell.candidate === candidate)
  const cells = own.filter((cell) => cell.result.received > 0) // the others have no figures, only reasons
  const samples = merge(cells.map((cell) => cell.result.batchMs))
  const of = (pick: (cell: Cell) => number): Spread => spread(cells.map(pick))
  const ratios: Record<string, Spread> = {}
  for (const base of BASES) {
    const pairs = cells.flatMap((cell) => {
      const other = peers.find((peer) => peer.candidate === base && peer.round === cell.round)
      return other === undefined ? [] : [cell.perCpuSecond / other.perCpuSecond]
    })
    if (pairs.length > 0) ratios[base] = spread(pairs)
  }
  return {
    candidate,
    inFlight,
    deliveriesPerSecond: of((cell) => cell.deliveriesPerSecond),
    cpuUs: of((cell) => cell.cpuUs),
    perCpuSecond: of((cell) => cell.perCpuSecond),
    ratios,
    p50Ms: percentile(samples, 0.5),
    p99Ms: percentile(samples, 0.99),
    samples: samples.length,
    frameBytes: cells[0]?.result.frameBytes ?? 0,
    serverBusy: of((cell) => cell.serverBusy).median,
    driverBusy: of((cell) => cell.driverBusy).median,
    valid: own.length === rounds && own.every((cell) => cell.result.invalid.length === 0),
  }
}

const HEAD = ['candidate', 'deliveries/s', 'CPU us/delivery', 'per CPU-s', ...BASES.map((base) => `x ${base}`)]
const TAIL = ['p50 ms', 'p99 ms', 'batches', 'server', 'driver', '']

const render = (rows: Row[]): string =>
  table(
    [...HEAD, ...TAIL],
    rows.map((row) => [
      row.candidate,
      ranged(row.deliveriesPerSecond),
      ranged(row.cpuUs),
      figure(row.perCpuSecond.median),
      ...BASES.map((base) => (row.ratios[base] === undefined ? '-' : ranged(row.ratios[base]))),
      figure(row.p50Ms),
      figure(row.p99Ms),
      String(row.samples),
      percent(row.serverBusy),
      percent(row.driverBusy),
      row.valid ? '' : 'INVALID',
    ]),
  )

const run = async ({ quick, members = 1000, rounds = ROUNDS, candidates, print }: Context): Promise<Outcome> => {
  const invalid: string[] = []
  const notes: string[] = []
  const cells: Cell[] = []
  const rows: Row[] = []
  const times = quick
    ? { warmupMs: 500, windowMs: 1000, minBatches: 3 }
    : { warmupMs: 1000, windowMs: 3000, minBatches: 5 }
  const driver = new Driver()
  const able = candidates.filter((candidate) => candidate.start !== undefined)
  const running = await startAll(able, invalid, (candidate) => candidate.start!(members))
  const { frameBytes, contents } = await calibrate(driver, running, invalid)
  const order = (candidate: Candidate, inFlight: number): FanoutOrder => {
    const { pid, target } = running.get(candidate)!
    return { pid, target, members, inFlight, contentBytes: contents.get(candidate)!, ...times }
  }
  try {
    // Servers live through the whole scenario and are warm before the first cell counts: nobody is measured cold.
    for (const candidate of contents.keys()) await driver.call('fanout', order(candidate, 16)).catch(() => {})
    for (const inFlight of IN_FLIGHT) {
      for (let round = 1; round <= rounds; round++) {
        for (const candidate of contents.keys()) {
          const label = `fanout ${candidate.name}, ${inFlight} in flight, round ${round}`
          try {
            const result = await driver.call('fanout', order(candidate, inFlight))
            const cell = cellOf(candidate.name, inFlight, round, result)
            cells.push(cell)
            invalid.push(...cell.result.invalid.map((reason) => `${label}: ${reason}`))
            const { foreignCores } = cell
            if (foreignCores > 0.2) notes.push(`${label}: ${figure(foreignCores)} cores busy with other things`)
            if (Math.abs(result.frameBytes - frameBytes) > 8) notes.push(`${label}: ${result.frameBytes}-byte frames`)
          } catch (error) {
            invalid.push(`${label}: ${error instanceof Error ? error.message : String(error)}`)
          }
          await sleep(200) // what closing the members costs belongs to nobody's window
        }
      }
      const part = [...contents.keys()].map((candidate) => rowOf(candidate.name, inFlight, rounds, cells))
      rows.push(...part)
      print(`\nfanout: ${members} members, ${inFlight} in flight, ${frameBytes}-byte frames; latency of a batch\n`)
      print(render(part))
    }
  } finally {
    await driver.stop()
    await stopAll(running)
  }
  return {
    settings: { members, inFlight: IN_FLIGHT, rounds, frameBytes, ...times },
    rows,
    // The samples are in the percentiles; a file with all of them would be read by nobody.
    cells: cells.map(({ result: { batchMs, ...rest }, ...cell }) => ({ ...cell, ...rest, batches: batchMs.length })),
    notes,
    invalid,
  }
}

export const fanout: Scenario = { name: 'fanout', run }
