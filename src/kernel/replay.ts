import type { LogEvent } from './event.ts'

export interface ReplayOptions {
  /** Reads after < offset <= until. */
  readonly read: (after: number, until: number) => Promise<readonly LogEvent[]>
  /** Chunks kept in memory after their read. */
  readonly keep?: number
}

const CHUNK = 512

interface Chunk {
  readonly upTo: number
  readonly events: Promise<readonly LogEvent[]>
}

/**
 * Pages of the log for connections that catch up. Reads are aligned to chunks, so that a storm of connections cut at
 * about the same place shares one query per chunk, whatever their exact positions are (rule K-5).
 */
export class Replay {
  private readonly options: ReplayOptions
  private readonly keep: number
  private readonly chunks = new Map<number, Chunk>()
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

  private chunk(number: number, upTo: number): Promise<readonly LogEvent[]> {
    const known = this.chunks.get(number)
    // The last chunk still grows: it serves those who want no more than it had.
    if (known && known.upTo >= upTo) return known.events
    this.queries += 1
    const chunk = { upTo, events: this.options.read(number * CHUNK, upTo) }
    this.chunks.set(number, chunk)
    chunk.events.then(
      () => this.trim(),
      () => {
        if (this.chunks.get(number) === chunk) this.chunks.delete(number)
      },
    )
    return chunk.events
  }

  private trim(): void {
    for (const oldest of this.chunks.keys()) {
      if (this.chunks.size <= this.keep) return
      this.chunks.delete(oldest)
    }
  }
}
