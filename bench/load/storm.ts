import { setTimeout as sleep } from 'node:timers/promises'
import type { Crowd } from '../candidate.ts'
import { type Cost, encodings, meter } from './meter.ts'
import { Pool, STORM } from './pool.ts'
import { Views } from './views.ts'

export interface StormOrder {
  /** Root of the server's process tree. */
  pid: number
  target: Crowd
  /** From the cut to the first one's return. */
  gapMs: number
  /** How long the pictures may take; 60 s when not given. */
  limitMs?: number
}

/** What one half of a storm cost, and what the people were told in it. */
export interface Half extends Cost {
  /** CPU time of the server in the silence that followed, not part of the cost above. */
  laterCpuUs: number
  frames: number
  bytes: number
  told: number
  encoded: number
}

export interface StormResult {
  /** From the cut until the first comes back. */
  gone: Half
  /** From the first connect until everybody sees everybody, and the silence after it. */
  back: Half
  /** Time from the first connect of the return to each person's whole picture, in ms; the longest is the storm's. */
  wholeMs: Float64Array
  /** What the one who stayed was told in both halves. */
  arrivals: number
  departures: number
  /** Time from the cut until the last one was let in, in ms. */
  awayMs: number
  invalid: string[]
}

const OPEN_LIMIT_MS = 60_000
const WHOLE_LIMIT_MS = 60_000
/** The line has to be silent for this long before a cut, and after a storm: what comes then is counted. */
const SILENCE_MS = 500

/**
 * Everybody is connected and sees everybody. All but one are cut in the same moment, stay away, and come back at once,
 * each with an empty picture; over when all see all again. The one who stayed tells what was announced in between.
 */
export const storm = async (order: StormOrder): Promise<StormResult> => {
  const { pid, target, gapMs, limitMs = WHOLE_LIMIT_MS } = order
  const invalid: string[] = []
  const views = new Views(target)
  const { people } = views
  const pools: Pool[] = []

  /** Lets the people from `first` on in, but not beyond `end`. */
  const enter = async (first: number, end: number): Promise<Pool> => {
    const pool = new Pool({
      first,
      atOnce: STORM,
      read: (member, chunk, start, stop) => views.read(member, chunk, start, stop),
    })
    pools.push(pool)
    await pool.open(target, end - first, OPEN_LIMIT_MS)
    if (pool.failed > 0) throw new Error(`${pool.failed} of ${end - first} connects failed: ${pool.reason}`)
    return pool
  }
  /** Whether everybody sees everybody within the limit. */
  const whole = async (what: string): Promise<boolean> => {
    if (views.complete < people) {
      const all = new Promise<void>((resolve) => (views.onAll = resolve))
      await Promise.race([all, sleep(limitMs, undefined, { ref: false })])
    }
    if (views.complete === people) return true
    const [least, most] = views.range
    invalid.push(`${what}: ${views.complete} of ${people} see everybody; they see ${least} to ${most} people`)
    return false
  }
  const silence = async (): Promise<void> => {
    for (let before = -1; before !== views.frames; ) {
      before = views.frames
      await sleep(SILENCE_MS)
    }
  }
  /** Measures one half: what happens is over with `work`, and what was still on its way is counted after it. */
  const half = async (work: () => Promise<void>, rest: () => Promise<void>): Promise<Half> => {
    views.forget()
    const encoded = await encodings(target)
    const measured = meter(pid)
    await work()
    const cost = measured()
    await rest()
    const { serverCpuUs, serverWrites } = measured()
    const laterCpuUs = serverCpuUs - cost.serverCpuUs
    const { frames, bytes, told } = views
    return { ...cost, serverWrites, laterCpuUs, frames, bytes, told, encoded: (await encodings(target)) - encoded }
  }

  try {
    await enter(0, 1)
    const first = await enter(1, people)
    await whole('before the storm')
    await silence()

    const cut = performance.now()
    const gone = await half(
      async () => {
        first.close()
        for (let person = 1; person < people; person++) views.begin(person)
        await sleep(gapMs)
      },
      async () => {},
    )
    const { arrivals, departures } = views

    let start = 0
    let awayMs = 0
    const back = await half(async () => {
      start = performance.now()
      await enter(1, people)
      awayMs = performance.now() - cut
      await whole('after the storm')
    }, silence)
    const wholeMs = views.completeAt.slice(1).map((at) => at - start)
    if (invalid.length === 0) await whole('after the silence')
    if (views.strangers > 0) invalid.push(`${views.strangers} times somebody was named who does not exist`)
    for (const pool of pools) if (pool.failed > 0) invalid.push(`${pool.failed} members were cut: ${pool.reason}`)
    return {
      gone,
      back,
      wholeMs: wholeMs.sort(),
      arrivals: arrivals + views.arrivals,
      departures: departures + views.departures,
      awayMs,
      invalid,
    }
  } finally {
    for (const pool of pools) pool.close()
  }
}
