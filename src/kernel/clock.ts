/** Port: time. Everything that waits or stamps takes its time from here, so that tests own it. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. For stamps; may step. */
  now(): number
  /** Milliseconds from an arbitrary start, never stepping back. For windows, leases and waits. */
  monotonic(): number
  /** Calls `fn` every `ms` milliseconds until the returned function is called. Does not keep the process alive. */
  every(ms: number, fn: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  every(ms, fn) {
    const timer = setInterval(fn, ms)
    timer.unref()
    return () => clearInterval(timer)
  },
}
