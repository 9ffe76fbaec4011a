/** How many uploads of each account are on their way: they have no row yet that could be counted. */
export class Incoming {
  private readonly counts = new Map<number, number>()

  /** @param work is given how many they are with this one */
  async during<T>(account: number, work: (coming: number) => Promise<T>): Promise<T> {
    this.counts.set(account, this.of(account) + 1)
    try {
      return await work(this.of(account))
    } finally {
      const left = this.of(account) - 1
      if (left > 0) this.counts.set(account, left)
      else this.counts.delete(account)
    }
  }

  get size(): number {
    return this.counts.size
  }

  private of(account: number): number {
    return this.counts.get(account) ?? 0
  }
}
