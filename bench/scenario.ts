import type { Candidate, Running } from './candidate.ts'

export interface Context {
  /** Shorter windows and fewer rounds: for a look, not for a claim. */
  quick: boolean
  /** Number of connections asked for on the command line, instead of the scenario's own. */
  members: number | undefined
  /** Number of rounds asked for on the command line, instead of the scenario's own. */
  rounds: number | undefined
  /** A trace of editing, to be replayed. */
  file: string | undefined
  /** The candidates that can run here, in the order of the tables. */
  candidates: Candidate[]
  print: (line: string) => void
}

export interface Outcome {
  /** What was run: sizes, counts, durations. */
  settings: Record<string, unknown>
  /** The summary: one row per line of the printed table. */
  rows: unknown[]
  /** Every single measurement behind the rows. */
  cells: unknown[]
  /** Things a reader should know which do not void the figures. */
  notes: string[]
  /** Reasons why the figures are void; any makes the exit code 1. */
  invalid: string[]
}

export interface Scenario {
  name: string
  run: (context: Context) => Promise<Outcome>
}

/** Starts the candidates one after another; one that does not start voids the run, and the others go on. */
export const startAll = async <T>(
  candidates: Candidate[],
  invalid: string[],
  start: (candidate: Candidate) => Promise<Running<T>>,
): Promise<Map<Candidate, Running<T>>> => {
  const running = new Map<Candidate, Running<T>>()
  for (const candidate of candidates) {
    try {
      running.set(candidate, await start(candidate))
    } catch (error) {
      invalid.push(`${candidate.name} did not start: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return running
}

export const stopAll = async (running: Map<Candidate, Running<unknown>>): Promise<void> => {
  await Promise.all([...running.values()].map((server) => server.stop()))
}
