/** Nearest-rank percentile (0 < share <= 1) of samples sorted upwards; 0 when there are none. */
export const percentile = (sorted: Float64Array, share: number): number =>
  sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]!

/** All samples of all rounds in one sorted array: percentiles are taken from samples, never from percentiles. */
export const merge = (rounds: Float64Array[]): Float64Array => {
  const all = new Float64Array(rounds.reduce((sum, round) => sum + round.length, 0))
  let at = 0
  for (const round of rounds) {
    all.set(round, at)
    at += round.length
  }
  return all.sort()
}

export interface Spread {
  median: number
  min: number
  max: number
}

/** Median, least and greatest of a few figures (one per round); zeros when there are none. */
export const spread = (figures: number[]): Spread => {
  const sorted = figures.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
  return { median: median ?? 0, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 }
}

/** Samples gathered one at a time without boxing; stops growing at `limit`. */
export class Samples {
  #values = new Float64Array(1024)
  #count = 0
  #limit: number

  constructor(limit = 4_000_000) {
    this.#limit = limit
  }

  add(value: number): void {
    if (this.#count === this.#limit) return
    if (this.#count === this.#values.length) {
      const wider = new Float64Array(this.#values.length * 2)
      wider.set(this.#values)
      this.#values = wider
    }
    this.#values[this.#count++] = value
  }

  clear(): void {
    this.#count = 0
  }

  take(): Float64Array {
    return this.#values.slice(0, this.#count)
  }
}
