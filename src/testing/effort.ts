/**
 * What a piece of work takes when nothing else gets in its way: the least of some runs, in milliseconds. For tests that
 * tell linear from quadratic, on a machine that is doing something else, too.
 */
export function leastMs(work: () => void, runs = 5): number {
  let least = Infinity
  for (let i = 0; i < runs; i += 1) {
    const started = performance.now()
    work()
    least = Math.min(least, performance.now() - started)
  }
  return least
}
