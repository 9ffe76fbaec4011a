import { parentPort, workerData } from 'node:worker_threads'
import { inspect } from './inspection.ts'
import { serve } from './inspector-protocol.ts'
import type { Limits } from './update-reader.ts'

/** The thread an `Inspector` gives clients' updates to. */
const limits = workerData.limits as Limits
serve(parentPort!, workerData.progress as Int32Array, (update) => inspect(update, limits))
