import { Decoder } from 'socket.io-parser'
import { checkGate } from '../kernel/gate.ts'

export { Encoder } from 'socket.io-parser'

/** What our sockets listen to, whatever the client called its event: the kernel reads the name. */
export const FRAME = 'frame'
export const BINARY = 'binary'

const EVENT = '2'
const BINARY_EVENT = '5'

interface Packet {
  readonly type: number
  /** The sender waits for an acknowledgement under this number. */
  id?: number
  readonly data: unknown[]
}

/** The decoder's steps that are ours to replace; private in its types only. */
const Base = Decoder as unknown as new () => {
  add(data: unknown): void
  decodeString(text: string): Packet
  tryParse(json: string): unknown
}

/**
 * Socket.IO's decoder, without the parsing of events: their raw text goes to the kernel, which checks size and depth
 * before anything walks it, as on every other transport. Stock Socket.IO parses 20 000 nested arrays without complaint
 * and dies of a stack overflow when it relays them.
 */
export class RawDecoder extends Base {
  private kind = ''

  override add(data: unknown): void {
    this.kind = typeof data === 'string' ? data.charAt(0) : ''
    super.add(data)
  }

  /** Called by `add`. We acknowledge ourselves, so that answers keep their place among events. */
  override decodeString(text: string): Packet {
    const packet = super.decodeString(text)
    if (this.kind === EVENT && packet.id !== undefined) {
      packet.data.push(packet.id)
      delete packet.id
    }
    return packet
  }

  /** Called by `decodeString` with the JSON part of a packet. */
  override tryParse(json: string): unknown {
    if (this.kind === EVENT) return [FRAME, json]
    try {
      checkGate(json)
      const parsed = JSON.parse(json) as unknown
      return this.kind === BINARY_EVENT ? [BINARY, parsed] : parsed
    } catch {
      return false
    }
  }
}
