import type { Candidate, Gathering } from '../candidate.ts'
import { busy, driverBound } from '../load/meter.ts'
import type { StormResult } from '../load/storm.ts'
import { merge, percentile, type Spread, spread } from '../stats.ts'
import { figure, percent, ranged, table } from '../table.ts'

export interface Storm {
  candidate: string
  away: 'within' | 'past'
  round: number
  result: StormResult
  invalid: string[]
  notes: string[]
}

/** A storm with what is wrong with it. */
export const stormOf = (
  { name, keepsGrace }: Candidate,
  away: Storm['away'],
  round: number,
  { people, graceMs }: Gathering,
  result: StormResult,
): Storm => {
  const invalid = [...result.invalid]
  const { arrivals, departures, back } = result
  if (keepsGrace && away === 'within' && result.awayMs >= graceMs) {
    invalid.push(`the last was back only after ${Math.round(result.awayMs)} ms, later than the grace`)
  }
  // Who knows no grace announces every going and coming, so that there is one right number for each.
  const changes = keepsGrace && away === 'within' ? 0 : people - 1
  if (arrivals !== changes || departures !== changes) {
    invalid.push(`who stayed was told of ${departures} departures and ${arrivals} arrivals, not ${changes} of each`)
  }
  const bound = driverBound(back)
  if (bound !== undefined) invalid.push(bound)
  const { foreign } = busy(back)
  const notes = foreign > 0.2 ? [`${figure(foreign)} cores busy with other things`] : []
  return { candidate: name, away, round, result, invalid, notes }
}

const rowOf = (candidate: string, away: Storm['away'], storms: Storm[], rounds: number) => {
  const samples = merge(storms.map(({ result }) => result.wholeMs))
  const of = (pick: (result: StormResult) => number): Spread => spread(storms.map(({ result }) => pick(result)))
  const both = (pick: (half: StormResult['back']) => number): Spread => of(({ gone, back }) => pick(gone) + pick(back))
  return {
    candidate,
    away,
    frames: both((half) => half.frames),
    megabytes: both((half) => half.bytes / 1e6),
    encoded: both((half) => half.encoded),
    writes: both((half) => half.serverWrites),
    announced: of(({ arrivals, departures }) => arrivals + departures),
    goneCpuMs: of(({ gone }) => gone.serverCpuUs / 1000),
    backCpuMs: of(({ back }) => (back.serverCpuUs + back.laterCpuUs) / 1000),
    wholeP50Ms: percentile(samples, 0.5),
    lastMs: of(({ wholeMs }) => wholeMs.at(-1) ?? 0),
    serverBusy: of(({ back }) => busy(back).server).median,
    driverBusy: of(({ back }) => busy(back).driver).median,
    valid: storms.length === rounds && storms.every(({ invalid }) => invalid.length === 0),
  }
}

export const stormRows = (storms: Storm[], rounds: number) =>
  [...new Set(storms.map(({ away }) => away))].flatMap((away) => {
    const here = storms.filter((storm) => storm.away === away)
    const names = new Set(here.map(({ candidate }) => candidate))
    return [...names].map((name) => rowOf(name, away, here.filter(({ candidate }) => candidate === name), rounds))
  })

const HEAD = ['candidate', 'frames', 'MB', 'encoded', 'writes', 'announced', 'CPU ms: cut', 'CPU ms: return']
const TAIL = ['p50 ms', 'last ms', 'server', 'driver', '']

export const renderStorms = (rows: ReturnType<typeof stormRows>): string =>
  table(
    [...HEAD, ...TAIL],
    rows.map((row) => [
      row.candidate,
      ranged(row.frames),
      figure(row.megabytes.median),
      figure(row.encoded.median),
      ranged(row.writes),
      figure(row.announced.median),
      ranged(row.goneCpuMs),
      ranged(row.backCpuMs),
      figure(row.wholeP50Ms),
      ranged(row.lastMs),
      percent(row.serverBusy),
      percent(row.driverBusy),
      row.valid ? '' : 'INVALID',
    ]),
  )
