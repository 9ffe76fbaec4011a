import type { Candidate } from '../candidate.ts'
import type { FanoutResult } from '../load/fanout.ts'
import { busy, driverBound } from '../load/meter.ts'
import { merge, percentile, type Spread, spread } from '../stats.ts'
import { figure, percent, ranged, table } from '../table.ts'

export interface Change {
  candidate: string
  listeners: number
  round: number
  result: FanoutResult
  invalid: string[]
  notes: string[]
}

/** A run of changes with what is wrong with it. */
export const changeOf = ({ name }: Candidate, listeners: number, round: number, result: FanoutResult): Change => {
  const invalid = [...result.invalid]
  const bound = result.received > 0 ? driverBound(result) : undefined
  if (bound !== undefined) invalid.push(bound)
  const { foreign } = busy(result)
  const notes = foreign > 0.2 ? [`${figure(foreign)} cores busy with other things`] : []
  return { candidate: name, listeners, round, result, invalid, notes }
}

const rowOf = (candidate: string, listeners: number, changes: Change[], rounds: number) => {
  const results = changes.map(({ result }) => result).filter(({ published }) => published > 0)
  const samples = merge(results.map(({ batchMs }) => batchMs))
  const of = (pick: (result: FanoutResult) => number): Spread => spread(results.map(pick))
  return {
    candidate,
    listeners,
    changesPerSecond: of(({ published, elapsedMs }) => (published / elapsedMs) * 1000),
    cpuMs: of(({ serverCpuUs, published }) => serverCpuUs / 1000 / published),
    cpuUsPerDelivery: of(({ serverCpuUs, received }) => serverCpuUs / received),
    encodedPerChange: of(({ encoded, published }) => encoded / published),
    writesPerChange: of(({ serverWrites, published }) => serverWrites / published),
    p50Ms: percentile(samples, 0.5),
    p99Ms: percentile(samples, 0.99),
    samples: samples.length,
    frameBytes: results[0]?.frameBytes ?? 0,
    serverBusy: of((result) => busy(result).server).median,
    driverBusy: of((result) => busy(result).driver).median,
    valid: changes.length === rounds && changes.every(({ invalid }) => invalid.length === 0),
  }
}

export const changeRows = (changes: Change[], rounds: number) =>
  [...new Set(changes.map(({ listeners }) => listeners))].flatMap((listeners) => {
    const here = changes.filter((change) => change.listeners === listeners)
    const names = new Set(here.map(({ candidate }) => candidate))
    return [...names].map((name) => rowOf(name, listeners, here.filter(({ candidate }) => candidate === name), rounds))
  })

const HEAD = ['candidate', 'changes/s', 'CPU ms/change', 'CPU us/delivery', 'encoded/change', 'writes/change']
const TAIL = ['p50 ms', 'p99 ms', 'changes', 'bytes', 'server', 'driver', '']

export const renderChanges = (rows: ReturnType<typeof changeRows>): string =>
  table(
    [...HEAD, ...TAIL],
    rows.map((row) => [
      row.candidate,
      ranged(row.changesPerSecond),
      ranged(row.cpuMs),
      ranged(row.cpuUsPerDelivery),
      figure(row.encodedPerChange.median),
      figure(row.writesPerChange.median),
      figure(row.p50Ms),
      figure(row.p99Ms),
      String(row.samples),
      String(row.frameBytes),
      percent(row.serverBusy),
      percent(row.driverBusy),
      row.valid ? '' : 'INVALID',
    ]),
  )
