import type { Desk, Running } from '../candidate.ts'
import type { EditingResult } from '../load/editing.ts'
import { busy, driverBound } from '../load/meter.ts'
import { sleep } from '../process.ts'
import { Driver } from '../remote.ts'
import { type Context, type Outcome, type Scenario, startAll, stopAll } from '../scenario.ts'
import { merge, percentile, spread } from '../stats.ts'
import { figure, percent, ranged, table } from '../table.ts'

/** A crowd in one document, and many small groups; in each document some watch, and the others count what they get. */
const SHAPES = [
  { documents: 1, editors: 50, screens: 5 },
  { documents: 200, editors: 5, screens: 1 },
] as const
type Shape = (typeof SHAPES)[number]
const KEYSTROKES_PER_SECOND = 5
const PEOPLE = 50
const ROUNDS = 3
const PEER = 'hocuspocus'
const LIMIT_MS = 240_000

interface Cell {
  candidate: string
  shape: Shape
  round: number
  result: EditingResult
}

const HEAD = ['candidate', 'p50 ms', 'p99 ms', 'CPU ms/s', 'CPU us/keystroke', `CPU x ${PEER}`, `p50 x ${PEER}`]
const MORE = [`p99 x ${PEER}`, 'typed', 'late p99 ms', 'server', 'driver', '']

const cpuPerKeystroke = ({ serverCpuUs, typed }: EditingResult): number => serverCpuUs / typed
const latency =
  (part: number) =>
  ({ seenMs }: EditingResult): number =>
    percentile(seenMs.toSorted(), part)

const rowOf = (name: string, shape: Shape, rounds: number, cells: Cell[]) => {
  const here = cells.filter((cell) => cell.shape === shape)
  const own = here.filter((cell) => cell.candidate === name)
  const of = (pick: (result: EditingResult) => number) => spread(own.map(({ result }) => pick(result)))
  /** To the peer's of the same round: neighbours in time. */
  const beside = (pick: (result: EditingResult) => number) =>
    spread(
      own.flatMap(({ round, result }) => {
        const peer = here.find((cell) => cell.candidate === PEER && cell.round === round)
        return peer && name !== PEER ? [pick(result) / pick(peer.result)] : []
      }),
    )
  const samples = merge(own.map(({ result }) => result.seenMs))
  return {
    candidate: name,
    ...shape,
    p50Ms: percentile(samples, 0.5),
    p99Ms: percentile(samples, 0.99),
    samples: samples.length,
    cpuMsPerSecond: of((result) => result.serverCpuUs / result.elapsedMs),
    cpuUsPerKeystroke: of(cpuPerKeystroke),
    cpuBeside: beside(cpuPerKeystroke),
    p50Beside: beside(latency(0.5)),
    p99Beside: beside(latency(0.99)),
    typed: of(({ typed }) => typed).median,
    lateMs: of(({ lateMs }) => lateMs).median,
    serverBusy: of((result) => busy(result).server).median,
    driverBusy: of((result) => busy(result).driver).median,
    valid: own.length === rounds && own.every(({ result }) => result.invalid.length === 0),
  }
}

const render = (rows: ReturnType<typeof rowOf>[]): string =>
  table(
    [...HEAD, ...MORE],
    rows.map((row) => [
      row.candidate,
      figure(row.p50Ms),
      figure(row.p99Ms),
      ranged(row.cpuMsPerSecond),
      ranged(row.cpuUsPerKeystroke),
      ranged(row.cpuBeside),
      ranged(row.p50Beside),
      ranged(row.p99Beside),
      String(row.typed),
      figure(row.lateMs),
      percent(row.serverBusy),
      percent(row.driverBusy),
      row.valid ? '' : 'INVALID',
    ]),
  )

const run = async ({ quick, rounds = quick ? 1 : ROUNDS, candidates, print }: Context): Promise<Outcome> => {
  const invalid: string[] = []
  const notes: string[] = []
  const cells: Cell[] = []
  const rows: ReturnType<typeof rowOf>[] = []
  const times = quick ? { warmupMs: 2000, windowMs: 4000 } : { warmupMs: 3000, windowMs: 15_000 }
  const able = candidates.filter((candidate) => candidate.edit !== undefined)
  // Nobody is measured cold: a first, uncounted round. Every round has documents of its own.
  const perRound = SHAPES.reduce((sum, { documents }) => sum + documents, 0)
  const coediting = { documents: perRound * (rounds + 1), people: PEOPLE }
  const driver = new Driver()
  const running = await startAll(able, invalid, (candidate) => candidate.edit!(coediting))

  const measure = async ({ pid, target }: Running<Desk>, shape: Shape, documents: string[]) => {
    const order = { ...shape, keystrokesPerSecond: KEYSTROKES_PER_SECOND, ...times }
    const result = await driver.call('editing', { pid, desk: { ...target, documents }, ...order }, LIMIT_MS)
    const bound = driverBound(result)
    if (bound !== undefined) result.invalid.push(bound)
    return result
  }

  try {
    for (const [index, shape] of SHAPES.entries()) {
      const before = SHAPES.slice(0, index).reduce((sum, { documents }) => sum + documents, 0)
      for (let round = 0; round <= rounds; round++) {
        for (const [candidate, server] of running) {
          const at = round * perRound + before
          const documents = server.target.documents.slice(at, at + shape.documents)
          const label = `editing ${candidate.name}, ${shape.documents} x ${shape.editors}, round ${round}`
          try {
            const result = await measure(server, shape, documents)
            if (round > 0) {
              cells.push({ candidate: candidate.name, shape, round, result })
              const { foreign } = busy(result)
              if (foreign > 0.2) notes.push(`${label}: ${figure(foreign)} cores busy with other things`)
            }
            invalid.push(...result.invalid.map((reason) => `${label}: ${reason}`))
          } catch (error) {
            invalid.push(`${label}: ${error instanceof Error ? error.message : String(error)}`)
          }
          await sleep(200)
        }
      }
      const own = [...running.keys()].map(({ name }) => rowOf(name, shape, rounds, cells))
      rows.push(...own)
      const who = `${shape.documents} documents, ${shape.editors} editors each`
      print(`\nediting: ${who}, ${KEYSTROKES_PER_SECOND} keystrokes a second; from the keystroke to another screen\n`)
      print(render(own))
    }
  } finally {
    await driver.stop()
    await stopAll(running)
  }
  return {
    settings: { shapes: SHAPES, keystrokesPerSecond: KEYSTROKES_PER_SECOND, people: PEOPLE, rounds, ...times },
    rows,
    cells: cells.map(({ result: { seenMs, ...rest }, ...cell }) => ({ ...cell, ...rest, samples: seenMs.length })),
    notes,
    invalid,
  }
}

export const editing: Scenario = { name: 'editing', run }
