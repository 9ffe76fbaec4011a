import { CommandError } from './errors.ts'
import type { Attachments } from './message.ts'
import type { Ref } from './transport.ts'

/** A frame as it came, and how its sender is answered. */
export interface Held {
  readonly text: string
  readonly ref: Ref
  readonly attachments: Attachments | undefined
  /** Size of `text` as UTF-8, and of the attachments. */
  readonly bytes: number
}

const MAX_FRAMES = 1_024
const MAX_BYTES = 1024 * 1024

/**
 * Frames that wait for the one before them, or for their connection to be authenticated. Bounded by number and bytes,
 * whatever the transport can hold back (rule K-14); a frame that waits alone is bounded by the transport.
 */
export class Inbox {
  private frames: Held[] = []
  private bytes = 0

  get length(): number {
    return this.frames.length
  }

  /** @throws CommandError rate_limited when no more may wait; the frame is not taken */
  add(text: string, ref: Ref, attachments?: Attachments): void {
    const bytes = Buffer.byteLength(text) + (attachments?.bytes ?? 0)
    const full = this.frames.length >= MAX_FRAMES || this.bytes + bytes > MAX_BYTES
    if (full && this.frames.length > 0) {
      const message = 'Too many commands are waiting; wait for their answers'
      throw new CommandError('rate_limited', message, { retryAfter: 1 })
    }
    this.frames.push({ text, ref, attachments, bytes })
    this.bytes += bytes
  }

  next(): Held | undefined {
    const frame = this.frames.shift()
    this.bytes -= frame?.bytes ?? 0
    return frame
  }

  clear(): void {
    this.frames = []
    this.bytes = 0
  }
}
