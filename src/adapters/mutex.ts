/** One at a time, in order of arrival. */
export class Mutex {
  private last: Promise<unknown> = Promise.resolve()

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work, work)
    this.last = result.then(
      () => undefined,
      () => undefined,
    )
    return result
  }
}
