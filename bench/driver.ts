/**
 * The load generator: a process of its own, so that its CPU time is never taken for the server's. It is told what to
 * do over IPC (`remote.ts`) and, but for the editing of documents, knows no protocol but what a `Target` says.
 */
import type { Target } from './candidate.ts'
import { commands } from './load/commands.ts'
import type { EditingOrder } from './load/editing.ts'
import { fanout } from './load/fanout.ts'
import { Pool } from './load/pool.ts'
import { storm } from './load/storm.ts'
import type { TraceOrder } from './load/trace.ts'

let idle: Pool | undefined

const operations = {
  fanout,
  commands,
  storm,
  // With whole client libraries, which are not to weigh on the others.
  editing: async (order: EditingOrder) => (await import('./load/editing.ts')).editing(order),
  replay: async (order: TraceOrder) => (await import('./load/trace.ts')).replay(order),
  load: async (order: TraceOrder) => (await import('./load/trace.ts')).load(order),
  /** Opens connections that stay; says how many failed to open. */
  hold: async ({ target, members }: { target: Target; members: number }) => {
    idle?.close()
    idle = new Pool()
    await idle.open(target, members, 90_000)
    return { failed: idle.failed, reason: idle.reason }
  },
  /** Closes the held connections; says how many had ended before. */
  release: (_order: Record<string, never>) => {
    const { failed = 0, reason = '' } = idle ?? {}
    idle?.close()
    idle = undefined
    return { failed, reason }
  },
}

export type Operations = typeof operations

export interface Reply {
  id: number
  value?: unknown
  error?: string
}

interface Request {
  id: number
  name: keyof Operations
  args: never
}

const answer = async ({ id, name, args }: Request): Promise<Reply> => {
  try {
    return { id, value: await operations[name](args) }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}

process.on('message', (request: Request) => {
  void answer(request).then((reply) => process.send?.(reply))
})
process.on('disconnect', () => process.exit(0)) // the bench is gone
