import type { LogEvent } from './event.ts'

export interface ReplayOptions {
  /** Reads after < offset <= until. */
  readonly read: (after: number, until: number) => Promise<readonly LogEvent[]>
  /** Chunks kept in memory after their read. */
  readonly keep?: number
}

const CHUNK = 512

/**
 * Pages of the log for connections that catch up. Reads are aligned to chunks, so that a storm of connections cut at
 * about the same place shares one query per chunk, whatever their exact positions are (rule K-5).
 */
export class Replay {
  private readonly options: ReplayOptions
  private readonly keep: number
  private readonly chunks = new Map<number, Promise<readonly LogEvent[]>>()
  /** Queries made; for metrics and the test of the reconnect storm. */
  queries = 0

  constructor(options: ReplayOptions) {
    this.options = options
    this.keep = options.keep ?? 64
  }

  /**
   * The next events after `after`, at most up to `head`; `upTo` is the position the page leads to, which may be past
   * its last event when retention or forgetting left holes.
   */
  async page(after: number, head: number): Promise<{ events: readonly LogEvent[]; upTo: number }> {
    const chunk = Math.floor(after / CHUNK)
    const end = (chunk + 1) * CHUNK
    const upTo = Math.min(end, head)
    const events = await this.chunk(chunk, upTo)
    return { events: events.filter((event) => event.offset > after && event.offset <= upTo), upTo }
  }

  /** Something was erased: what is in memory must not outlive it. */
  forget(): void {
    this.chunks.clear()
  }

  private chunk(chunk: number, upTo: number): Promise<readonly LogEvent[]> {
    const known = this.chunks.get(chunk)
    if (known) return known
    const from = chunk * CHUNK
    const full = upTo === from + CHUNK
    this.queries += 1
    const read = this.options.read(from, upTo)
    // The last chunk still grows: it is shared while being read and no longer.
    this.chunks.set(chunk, read)
    void read.then(
      () => (full ? this.trim() : this.drop(chunk, read)),
      () => this.drop(chunk, read),
    )
    return read
  }

  private drop(chunk: number, read: Promise<unknown>): void {
    if (this.chunks.get(chunk) === read) this.chunks.delete(chunk)
  }

  private trim(): void {
    for (const oldest of this.chunks.keys()) {
      if (this.chunks.size <= this.keep) return
      this.chunks.delete(oldest)
    }
  }
}
