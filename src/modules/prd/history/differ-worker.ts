import { parentPort, workerData } from 'node:worker_threads'
import { editsBetween, unifiedDiff } from './diff.ts'
import type { Job } from './differ.ts'

/** The thread of one comparison of a `Differ`. */
const job = workerData as Job
const port = parentPort!
port.postMessage(job.kind === 'edits' ? editsBetween(job.before, job.after) : unifiedDiff(job.file))
