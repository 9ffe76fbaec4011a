import { Tally } from './tally.ts'

/** How many uploads of each account are on their way: they have no row yet that could be counted. */
export class Incoming {
  private readonly coming = new Tally<number>()

  /** @param work is given how many they are with this one */
  async during<T>(account: number, work: (coming: number) => Promise<T>): Promise<T> {
    this.coming.add(account)
    try {
      return await work(this.coming.of(account))
    } finally {
      this.coming.remove(account)
    }
  }

  get size(): number {
    return this.coming.size
  }
}
