import { parentPort, workerData } from 'node:worker_threads'
import { inspect } from './inspection.ts'
import { serve } from './inspector-protocol.ts'
import type { Limits } from './update-reader.ts'

/** A thread with faults: it hangs over, or dies of, or trips over, updates that begin with one of these. */
export const HANGS = 0xf1
export const DIES = 0xf2
export const TRIPS = 0xf3

if (parentPort) {
  serve(parentPort, workerData.progress as Int32Array, (update) => {
    if (update[0] === HANGS) for (;;);
    if (update[0] === DIES) process.exit(3)
    if (update[0] === TRIPS) throw new TypeError('tripped')
    return inspect(update, workerData.limits as Limits)
  })
}
