import type { LoggedEdit } from '../merge.ts'

/** The newest edits of a document, in memory; a number of them, so that a long life does not fill it. */
export class MemoryLog {
  private readonly most: number
  private entries: LoggedEdit[]
  private head = 0
  private end: number
  private readonly authors = new Map<number, number>()

  /**
   * @param last number of the last edit there ever was
   * @param entries the newest ones, the oldest first; what is before one that is missing is of no use
   */
  constructor(last: number, entries: readonly LoggedEdit[], most: number) {
    this.end = last
    const isWhole = (entry: LoggedEdit, i: number): boolean => entry.seq === last - (entries.length - 1 - i)
    this.entries = entries.slice(entries.findLastIndex((entry, i) => !isWhole(entry, i)) + 1)
    this.most = most
    for (const { slot, accountId } of entries) this.authors.set(slot, accountId)
  }

  /** Number of the oldest edit at hand; one more than the last when there is none. */
  get first(): number {
    return this.end - (this.entries.length - this.head) + 1
  }

  get last(): number {
    return this.end
  }

  at(seq: number): LoggedEdit {
    return this.entries[this.head + seq - this.first]!
  }

  append(entry: LoggedEdit): void {
    this.entries.push(entry)
    this.end = entry.seq
    this.authors.set(entry.slot, entry.accountId)
    if (this.entries.length - this.head > this.most) this.head += 1
    if (this.head > this.most) {
      this.entries = this.entries.slice(this.head)
      this.head = 0
    }
  }

  /** Who last edited from a slot, as far as is known here. */
  lastAuthor(slot: number): number | undefined {
    return this.authors.get(slot)
  }
}
