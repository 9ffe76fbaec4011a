import type { LogEvent, Signal } from './event.ts'
import type { Face } from './face.ts'
import type { Message } from './message.ts'
import type { Frame } from './outbox.ts'
import { formatPosition } from '../wire/position.ts'

/**
 * How a kind of transport turns a message into bytes. Its identity tells which connections can share them.
 * @throws Error for attachments, where the transport has no binary events
 */
export type Framing = (message: Message) => Frame

/**
 * How a kind of connection writes what everybody gets. Connections that share a codec object share the encoded bytes:
 * an event is encoded once per codec, never per connection (rule K-2).
 */
export interface Codec {
  event(event: LogEvent & { readonly payload: string }): Frame
  signal(signal: Signal, at: number): Frame
}

/** The codecs of this process: one for each face, framing and wish for positions. */
export class Codecs {
  private readonly epoch: string
  private readonly known = new Map<Face, Map<Framing, { plain: Codec; positioned: Codec }>>()

  constructor(epoch: string) {
    this.epoch = epoch
  }

  for(face: Face, framing: Framing, positioned: boolean): Codec {
    let framings = this.known.get(face)
    if (!framings) this.known.set(face, (framings = new Map()))
    let pair = framings.get(framing)
    if (!pair) framings.set(framing, (pair = this.pair(face, framing)))
    return positioned ? pair.positioned : pair.plain
  }

  position(offset: number): string {
    return formatPosition({ epoch: this.epoch, offset })
  }

  private pair(face: Face, framing: Framing): { plain: Codec; positioned: Codec } {
    const signal = (s: Signal, at: number): Frame => framing(face.signal(s.type, s.payload, at))
    return {
      plain: { signal, event: (e) => framing(face.event(e.type, e.payload, e.at, undefined)) },
      positioned: {
        signal,
        event: (e) => framing(face.event(e.type, e.payload, e.at, this.position(e.offset))),
      },
    }
  }
}
