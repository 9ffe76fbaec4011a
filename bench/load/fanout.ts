import { setTimeout as sleep } from 'node:timers/promises'
import type { Target } from '../candidate.ts'
import { Samples } from '../stats.ts'
import { type Cost, encodings, meter } from './meter.ts'
import { Pool } from './pool.ts'
import { openPublisher } from './publisher.ts'

export interface FanoutOrder {
  /** Root of the server's process tree. */
  pid: number
  target: Target
  members: number
  /** Messages per batch: W. */
  inFlight: number
  contentBytes: number
  warmupMs: number
  windowMs: number
  /** Batches the window has at least, within four times its length and 20 s. */
  minBatches: number
  /** A batch without an end after this time has lost something; 15 s when not given. */
  stallMs?: number
  /** Given, the members' greeting has counted frames: those before a silence of this long are forgotten. */
  settleMs?: number
}

export interface FanoutResult extends Cost {
  /** Messages published, and frames counted at the members, in the window. */
  published: number
  received: number
  /** WebSocket frames the server encoded for them, where it counts them. */
  encoded: number
  /** Payload bytes of a counted frame. */
  frameBytes: number
  /** Time from publishing a batch to its last frame at the last member, in ms. */
  batchMs: Float64Array
  /** Why the figures are void. */
  invalid: string[]
}

const STALL_MS = 15_000
/** How long the line must stay silent after the last batch: what comes then is one too many. */
const SILENCE_MS = 300
const OPEN_LIMIT_MS = 60_000

/**
 * The closed loop: publish W messages, wait until the members have received W x members frames (and every publish was
 * answered), again. Which frame belongs to which message need not be known, so nothing but headers is parsed; for
 * W = 1 the time of a batch is the time of a message.
 */
export const fanout = async (order: FanoutOrder): Promise<FanoutResult> => {
  const { pid, target, members, inFlight, stallMs = STALL_MS } = order
  const invalid: string[] = []
  const pool = new Pool()
  await pool.open(target, members, OPEN_LIMIT_MS)
  if (pool.failed > 0) {
    pool.close()
    throw new Error(`${pool.failed} of ${members} connects failed: ${pool.reason}`)
  }
  if (order.settleMs !== undefined) await pool.settle(order.settleMs)
  const publisher = await openPublisher(target, inFlight, order.contentBytes)
  const samples = new Samples()
  let published = 0

  const batch = (): Promise<boolean> =>
    new Promise((resolve) => {
      const start = performance.now()
      const timer = setTimeout(() => resolve(false), stallMs)
      let waiting = 2
      const part = (): void => {
        if (--waiting > 0) return
        clearTimeout(timer)
        resolve(publisher.failures() === 0)
      }
      published += inFlight
      pool.goal = published * members
      pool.reached = () => {
        samples.add(performance.now() - start)
        part()
      }
      publisher.publish(inFlight, part)
    })

  /** Batches until `ms` have passed and `least` are done, but never after `limitMs`. */
  const batches = async (ms: number, least: number, limitMs: number): Promise<boolean> => {
    const start = performance.now()
    for (let done = 0; ; done++) {
      const passed = performance.now() - start
      if ((passed >= ms && done >= least) || passed >= limitMs) return true
      if (!(await batch())) return false
    }
  }

  let fine = await batches(order.warmupMs, 1, STALL_MS)
  samples.clear()
  const before = { published, frames: pool.frames, encoded: await encodings(target) }
  const measured = meter(pid)
  if (fine) fine = await batches(order.windowMs, order.minBatches, Math.min(4 * order.windowMs, 20_000))
  const cost = measured()
  const window = {
    published: published - before.published,
    received: pool.frames - before.frames,
    encoded: (await encodings(target)) - before.encoded,
  }
  // What was taken in turn ends with the last of them, so that the next load begins where this one did.
  const { contents = [''] } = target.publish
  while (fine && published % contents.length !== 0) fine = await batch()
  await sleep(SILENCE_MS)

  const expected = published * members
  if (window.published === 0) invalid.push('nothing was published in the window')
  if (publisher.failures() > 0) invalid.push(`${publisher.failures()} publishes failed`)
  if (pool.frames < expected) invalid.push(`lost: ${pool.frames} of ${expected} frames received`)
  if (pool.frames > expected) invalid.push(`more than 100 %: ${pool.frames} of ${expected} frames received`)
  if (pool.frames === expected && !pool.even(published)) invalid.push('some members got more frames than others')
  if (pool.failed > 0) invalid.push(`${pool.failed} members were cut: ${pool.reason}`)
  if (!fine && publisher.failures() === 0 && pool.frames === expected) {
    invalid.push(`a publish was not answered within ${stallMs} ms`)
  }
  publisher.close()
  pool.close()
  return { ...cost, ...window, frameBytes: pool.bytes, batchMs: samples.take(), invalid }
}
