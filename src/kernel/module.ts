import type { Endpoint } from './face.ts'
import type { JobHandler } from './jobs.ts'
import type { Api } from './route.ts'
import type { Unit } from './unit-of-work.ts'

/** One protocol: everything the server needs to know of it. See docs/adding-an-event.md. */
export interface Module {
  readonly name: string
  readonly api: Api
  readonly endpoints: readonly Endpoint[]
  readonly jobs: ReadonlyMap<string, JobHandler>
  /** Sets right what an earlier process has left in its rows; called once, before the ports open. */
  readonly start?: () => Promise<void>
  /** Writes what the next process would have to work out; called once nobody is connected any more. */
  readonly stop?: () => Promise<void>
  /** Removes rows of its own that have had their time; called now and then. */
  readonly keepHouse?: (unit: Unit) => Promise<void>
}
