/** Work that has to be done one after the other where it is about the same thing, in order of arrival. */
export class Turns {
  /** The last in each line that still moves. */
  private readonly last = new Map<number, Promise<unknown>>()

  /** Lines with somebody in them. */
  get size(): number {
    return this.last.size
  }

  /** @returns what `work` does, which failing leaves the others in the line alone */
  async take<T>(key: number, work: () => Promise<T>): Promise<T> {
    const result = (this.last.get(key) ?? Promise.resolve()).then(work)
    const settled = result.catch(() => undefined)
    this.last.set(key, settled)
    try {
      return await result
    } finally {
      if (this.last.get(key) === settled) this.last.delete(key)
    }
  }
}
