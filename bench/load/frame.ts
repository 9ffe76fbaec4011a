/** Any key but zero, which some servers skip: unmasking must cost what it costs with a browser. */
const MASK = [0x37, 0xfa, 0x21, 0x3d]

/** A client's frame, masked. `opcode`: 1 text, 8 close, 10 pong. */
export const encode = (payload: Buffer | string, opcode = 1): Buffer => {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload
  const extra = body.length < 126 ? 0 : body.length < 65_536 ? 2 : 8
  const frame = Buffer.allocUnsafe(6 + extra + body.length)
  frame[0] = 0x80 | opcode
  frame[1] = 0x80 | (extra === 0 ? body.length : extra === 2 ? 126 : 127)
  if (extra === 2) frame.writeUInt16BE(body.length, 2)
  if (extra === 8) frame.writeBigUInt64BE(BigInt(body.length), 2)
  const start = 6 + extra
  for (let i = 0; i < 4; i++) frame[start - 4 + i] = MASK[i]!
  for (let i = 0; i < body.length; i++) frame[start + i] = body[i]! ^ MASK[i & 3]!
  return frame
}

/** Whether the bytes at `at` are those of `prefix`; the caller has checked that they are there. */
export const same = (chunk: Buffer, at: number, prefix: Buffer): boolean => {
  for (let i = 0; i < prefix.length; i++) if (chunk[at + i] !== prefix[i]) return false
  return true
}

export interface FrameEvents {
  /** A frame with the counted prefix has arrived in full. */
  counted(bytes: number): void
  /** Any other text frame, by its first bytes (all of it when it is shorter than `look`). They are gone afterwards. */
  other(chunk: Buffer, start: number, end: number): void
  /** A ping, close or pong frame. */
  control(opcode: number, payload: Buffer): void
}

/**
 * Splits a server's byte stream into frames by their headers alone; payloads are neither copied nor parsed, only the
 * first bytes are compared with the counted prefix. A header (with the bytes to compare) cut in two by the network is
 * kept until the rest comes.
 */
export class Frames {
  #prefix: Buffer | undefined
  #look: number
  #events: FrameEvents
  #rest: Buffer | undefined
  /** Payload bytes still to come of a frame already classified. */
  #skip = 0
  #counting = 0

  /** Without a prefix nothing is counted; `look` may be Infinity: then frames are given as a whole. */
  constructor(prefix: Buffer | undefined, look: number, events: FrameEvents) {
    this.#prefix = prefix
    this.#look = Math.max(look, prefix?.length ?? 0)
    this.#events = events
  }

  take(chunk: Buffer, at: number, end: number): void {
    if (this.#rest !== undefined) {
      chunk = Buffer.concat([this.#rest, chunk.subarray(at, end)])
      at = 0
      end = chunk.length
      this.#rest = undefined
    }
    while (at < end) {
      if (this.#skip > 0) {
        const part = Math.min(this.#skip, end - at)
        at += part
        this.#skip -= part
        if (this.#skip === 0 && this.#counting > 0) this.#events.counted(this.#counting)
        continue
      }
      if (end - at < 2) break
      const opcode = chunk[at]! & 15
      let length = chunk[at + 1]! & 127
      const header = length < 126 ? 2 : length === 126 ? 4 : 10
      if (end - at < header) break
      if (header === 4) length = chunk.readUInt16BE(at + 2)
      if (header === 10) length = Number(chunk.readBigUInt64BE(at + 2))
      const start = at + header
      if (end - start < (opcode > 7 ? length : Math.min(length, this.#look))) break
      const prefix = this.#prefix
      const match = opcode === 1 && prefix !== undefined && length >= prefix.length && same(chunk, start, prefix)
      if (!match) {
        if (opcode > 7) this.#events.control(opcode, Buffer.from(chunk.subarray(start, start + length)))
        else if (opcode > 0) this.#events.other(chunk, start, start + Math.min(length, this.#look))
      }
      if (end - start >= length) {
        at = start + length
        if (match) this.#events.counted(length)
      } else {
        this.#skip = length - (end - start)
        this.#counting = match ? length : 0
        at = end
      }
    }
    if (at < end) this.#rest = Buffer.from(chunk.subarray(at, end))
  }
}
