/** The bench's command line; see README.md. Exit codes: 0 fine, 1 a figure is void, 2 wrong use. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Candidate } from './candidate.ts'
import { helpdesk } from './candidates/helpdesk.ts'
import { hocuspocus } from './candidates/hocuspocus.ts'
import { nchan } from './candidates/nchan.ts'
import { prdPlain, prdRich } from './candidates/prd.ts'
import { socketioHelpdesk } from './candidates/socketio-helpdesk.ts'
import { socketio } from './candidates/socketio.ts'
import { profiles } from './candidates/switchboard.ts'
import { tracker } from './candidates/tracker.ts'
import { workspace } from './candidates/workspace.ts'
import { ws } from './candidates/ws.ts'
import { machine } from './machine.ts'
import type { Outcome, Scenario } from './scenario.ts'
import { commands } from './scenarios/commands.ts'
import { editing } from './scenarios/editing.ts'
import { fanout } from './scenarios/fanout.ts'
import { memory } from './scenarios/memory.ts'
import { moderation } from './scenarios/moderation.ts'
import { presence } from './scenarios/presence.ts'
import { trace } from './scenarios/trace.ts'

const OURS: Candidate[] = [tracker, workspace, helpdesk, prdRich, prdPlain]
const PEERS: Candidate[] = [ws, socketio, socketioHelpdesk, nchan, hocuspocus]
const CANDIDATES = [...OURS, ...PEERS]
const SCENARIOS: Scenario[] = [fanout, commands, presence, memory, moderation, editing, trace]

const USAGE = `node bench/run.ts [${SCENARIOS.map(({ name }) => name).join('|')}|all] [options]
  --quick         shorter windows: for a look, not for a claim
  --members N     connections in fanout (default 1000) and memory (default 5000, 2000 with --quick), people of the
                  workspace in commands and presence (default 1000)
  --rounds N      rounds of each measurement (default 3; trace 1; memory, presence and editing with --quick 1)
  --file FILE     the recorded editing session that trace replays, JSON or JSON in gzip
  --only A,B      only these candidates (${CANDIDATES.map(({ name }) => name).join(', ')})
  --json FILE     where the results go (default bench/results/latest.json)`

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const refuse = (reason: string): never => {
  process.stderr.write(`${reason}\n\n${USAGE}\n`)
  process.exit(2)
}

/** A whole number from 1 to `most`, or `undefined` where the option was not given. */
const count = (name: string, text: string | undefined, most: number): number | undefined => {
  if (text === undefined) return undefined
  const value = Number(text)
  return Number.isInteger(value) && value > 0 && value <= most ? value : refuse(`--${name}: not a count: ${text}`)
}

const options = () => {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        members: { type: 'string' },
        rounds: { type: 'string' },
        only: { type: 'string' },
        file: { type: 'string' },
        json: { type: 'string', default: fileURLToPath(new URL('results/latest.json', import.meta.url)) },
      },
    })
    const [wanted = 'all', ...more] = positionals
    const scenarios = SCENARIOS.filter(({ name }) => wanted === 'all' || wanted === name)
    if (scenarios.length === 0 || more.length > 0) return refuse(`no such scenario: ${positionals.join(' ')}`)
    const members = count('members', values.members, 1_000_000)
    const rounds = count('rounds', values.rounds, 100)
    const file = values.file && resolve(values.file)
    if (file !== undefined && !existsSync(file)) return refuse(`--file: no such file: ${file}`)
    if (wanted === 'trace' && file === undefined) return refuse('trace takes --file')
    const only = values.only?.split(',')
    const unknown = only?.find((name) => !CANDIDATES.some((candidate) => candidate.name === name))
    if (unknown !== undefined) return refuse(`--only: no such candidate: ${unknown}`)
    const candidates = CANDIDATES.filter(({ name }) => only === undefined || only.includes(name))
    return { quick: values.quick, members, rounds, file, candidates, json: resolve(values.json), scenarios }
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

const main = async (): Promise<number> => {
  const { quick, members, rounds, file, candidates: wanted, json, scenarios } = options()
  const started = new Date().toISOString()
  const host = machine()
  const notes: string[] = []
  const candidates = wanted.filter((candidate) => {
    const reason = candidate.missing()
    if (reason !== undefined) notes.push(`${candidate.name} left out: ${reason}`)
    return reason === undefined
  })
  if (host.dataInMemory) notes.push('the temporary folder is in memory: durable costs nothing here (set TMPDIR)')
  if (profiles) notes.push(`this server was profiled, into ${profiles}: no figure of it counts`)
  if (quick) notes.push('a quick run: for a look, not for a claim')
  const versions = candidates.map((candidate) => ({
    name: candidate.name,
    version: candidate.version(),
    about: candidate.about,
  }))

  const { cpu, cores, memoryGiB, kernel, tcp, node } = host
  print(`${cpu}, ${cores} cores, ${memoryGiB} GiB; ${kernel}, tcp ${tcp}; node ${node}`)
  for (const { version, about } of versions) print(`  ${version}: ${about}`)
  for (const note of notes) print(`note: ${note}`)

  const outcomes: Record<string, Outcome> = {}
  const context = { quick, members, rounds, file, candidates, print }
  for (const scenario of scenarios) outcomes[scenario.name] = await scenario.run(context)

  const invalid = Object.values(outcomes).flatMap((outcome) => outcome.invalid)
  if (Object.values(outcomes).every((outcome) => outcome.rows.length === 0)) invalid.push('nothing was measured')
  const later = Object.values(outcomes).flatMap((outcome) => outcome.notes)
  if (later.length + invalid.length > 0) print('')
  for (const note of later) print(`note: ${note}`)
  for (const reason of invalid) print(`INVALID: ${reason}`)
  const report = { started, finished: new Date().toISOString(), valid: invalid.length === 0, quick }
  mkdirSync(dirname(json), { recursive: true })
  const all = { ...report, machine: host, versions, notes, scenarios: outcomes }
  writeFileSync(json, `${JSON.stringify(all, null, 2)}\n`)
  print(`\n${invalid.length === 0 ? 'valid' : 'INVALID'}; written to ${json}`)
  return invalid.length === 0 ? 0 : 1
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130)) // ends the children
process.exitCode = await main()
