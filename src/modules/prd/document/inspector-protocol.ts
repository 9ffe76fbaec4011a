import type { MessagePort } from 'node:worker_threads'
import type { Inspection } from './inspection.ts'
import { Refusal } from './update-reader.ts'

/** Updates for the thread: one after the other in `bytes`. */
export interface Batch {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Where each ends in `bytes`. */
  readonly ends: readonly number[]
}

/** What came of one update; `failure` is the server's own fault. */
export type Outcome =
  | { readonly inspection: Inspection }
  | { readonly refusal: string }
  | { readonly failure: string }

/** Says that the thread has started; then it answers each batch in its order. */
export const READY = 'ready'

/** The thread's side. @param progress its only element: how many updates of the batch are done */
export function serve(port: MessagePort, progress: Int32Array, inspect: (update: Uint8Array) => Inspection): void {
  port.on('message', ({ bytes, ends }: Batch) => {
    const outcomes: Outcome[] = []
    let start = 0
    for (const end of ends) {
      outcomes.push(outcomeOf(() => inspect(bytes.subarray(start, end))))
      start = end
      Atomics.store(progress, 0, outcomes.length)
    }
    port.postMessage(outcomes)
  })
  port.postMessage(READY)
}

/** What became of reading one update. */
export function outcomeOf(work: () => Inspection): Outcome {
  try {
    return { inspection: work() }
  } catch (error) {
    if (error instanceof Refusal) return { refusal: error.message }
    return { failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
