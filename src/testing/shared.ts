import { after } from 'node:test'

/**
 * What the tests of one file share: made for the first that asks, ended after the last. Files may follow each other in
 * one process, and each has its own.
 */
export class Shared<T> {
  private readonly end: (thing: T) => PromiseLike<void>
  private readonly things = new Map<string, Promise<T>>()
  private watching = false

  constructor(end: (thing: T) => PromiseLike<void>) {
    this.end = end
  }

  /** To be called where the file's tests are registered. */
  watch(): void {
    if (this.watching) return
    this.watching = true
    after(async () => {
      this.watching = false
      const all = [...this.things.values()]
      this.things.clear()
      for (const thing of all) await this.end(await thing)
    })
  }

  get(key: string, make: () => Promise<T>): Promise<T> {
    let thing = this.things.get(key)
    if (!thing) this.things.set(key, (thing = make()))
    return thing
  }
}
