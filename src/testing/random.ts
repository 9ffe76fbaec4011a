/** Random numbers from a printed seed: the same seed, the same run. */
export interface Random {
  readonly seed: number
  /** 0 <= n < 1 */
  next(): number
  /** 0 <= n < below */
  int(below: number): number
  pick<T>(items: readonly T[]): T
}

/** mulberry32. @param seed default: SEED of the environment, to look for trouble; else always the same one */
export function seeded(seed = Number(process.env['SEED'] ?? 7)): Random {
  let state = seed
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (below: number): number => Math.floor(next() * below)
  return { seed, next, int, pick: (items) => items[int(items.length)]! }
}
