import type { LogEvent, Signal } from './event.ts'

export interface BusReceiver {
  /** A hint that these events are committed. May come late, twice or never: the log is the truth. */
  events(events: readonly LogEvent[]): void
  signal(signal: Signal): void
}

/**
 * Port: carries committed events and signals to every node, the sending one included. Promises nothing but order per
 * sender: a receiver that sees a gap in offsets reads the log (fanout.ts).
 */
export interface Bus {
  subscribe(receiver: BusReceiver): void
  publish(events: readonly LogEvent[]): void
  /** The sending node gets the very object; to the others `exceptConnection` says nothing. */
  signal(signal: Signal): void
  close(): Promise<void>
}
