import type { CommandsResult } from '../load/commands.ts'
import { busy, driverBound } from '../load/meter.ts'
import { sleep } from '../process.ts'
import { Driver } from '../remote.ts'
import { type Context, type Outcome, type Scenario, startAll, stopAll } from '../scenario.ts'
import { merge, percentile, spread } from '../stats.ts'
import { figure, percent, ranged, table } from '../table.ts'

const CONNECTIONS = 256
const ROUNDS = 3
/** Of the room that is written to, where a server knows accounts; none of them is connected. */
const PEOPLE = 1000
const CONTENT_BYTES = 64

const HEAD = ['candidate', 'commands/s', 'CPU us/command', 'p50 ms', 'p99 ms', 'commands', 'server', 'driver', '']

const rowOf = (candidate: string, rounds: number, results: CommandsResult[]) => {
  const samples = merge(results.map((result) => result.ackMs))
  const of = (pick: (result: CommandsResult) => number) => spread(results.map(pick))
  return {
    candidate,
    commandsPerSecond: of((result) => (result.accepted / result.elapsedMs) * 1000),
    cpuUs: of((result) => result.serverCpuUs / result.accepted),
    p50Ms: percentile(samples, 0.5),
    p99Ms: percentile(samples, 0.99),
    samples: samples.length,
    serverBusy: of((result) => busy(result).server).median,
    driverBusy: of((result) => busy(result).driver).median,
    valid: results.length === rounds && results.every((result) => result.invalid.length === 0),
  }
}

const run = async (context: Context): Promise<Outcome> => {
  const { quick, members: people = PEOPLE, rounds = ROUNDS, candidates, print } = context
  const invalid: string[] = []
  const notes: string[] = []
  const rows: ReturnType<typeof rowOf>[] = []
  const cells: unknown[] = []
  const times = quick ? { warmupMs: 1000, windowMs: 3000 } : { warmupMs: 2000, windowMs: 10_000 }
  const durable = candidates.filter((candidate) => candidate.durable && candidate.start !== undefined)
  if (durable.length === 0) notes.push('commands: no candidate that stores what it accepts is here')
  const driver = new Driver()
  const running = await startAll(durable, invalid, (candidate) => candidate.start!(people))
  const results = new Map([...running.keys()].map(({ name }) => [name, [] as CommandsResult[]]))
  try {
    for (let round = 1; round <= rounds; round++) {
      for (const [candidate, { pid, target }] of running) {
        const label = `commands ${candidate.name}, round ${round}`
        try {
          const order = { pid, target, connections: CONNECTIONS, contentBytes: CONTENT_BYTES, ...times }
          const result = await driver.call('commands', order)
          const { foreign } = busy(result)
          const bound = driverBound(result)
          if (bound !== undefined) result.invalid.push(bound)
          if (foreign > 0.2) notes.push(`${label}: ${figure(foreign)} cores busy with other things`)
          invalid.push(...result.invalid.map((reason) => `${label}: ${reason}`))
          results.get(candidate.name)!.push(result)
          const { ackMs, ...rest } = result
          cells.push({ candidate: candidate.name, round, ...rest, samples: ackMs.length })
        } catch (error) {
          invalid.push(`${label}: ${error instanceof Error ? error.message : String(error)}`)
        }
        await sleep(200)
      }
    }
    for (const [name, own] of results) rows.push(rowOf(name, rounds, own))
  } finally {
    await driver.stop()
    await stopAll(running)
  }
  if (rows.length > 0) {
    const what = 'durable when acknowledged; latency of the acknowledgement'
    print(`\ncommands: POST from ${CONNECTIONS} connections, ${what}\n`)
    print(
      table(
        HEAD,
        rows.map((row) => [
          row.candidate,
          ranged(row.commandsPerSecond),
          ranged(row.cpuUs),
          figure(row.p50Ms),
          figure(row.p99Ms),
          String(row.samples),
          percent(row.serverBusy),
          percent(row.driverBusy),
          row.valid ? '' : 'INVALID',
        ]),
      ),
    )
  }
  const settings = { connections: CONNECTIONS, people, rounds, contentBytes: CONTENT_BYTES, ...times }
  return { settings, rows, cells, notes, invalid }
}

export const commands: Scenario = { name: 'commands', run }
