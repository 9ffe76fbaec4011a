import type { Framing } from './codec.ts'
import type { Attachments } from './message.ts'
import type { Outbox } from './outbox.ts'

/**
 * Port: one transport connection (a raw WebSocket, or a Socket.IO socket in a namespace). Promises, proved on every
 * adapter by `testing/transport-contract.ts`:
 * T-1 what is appended to `outbox` arrives in that order, together with everything else the connection sends;
 * T-2 `close` sends what was appended before it first;
 * T-3 the listener hears `onClosed` exactly once, and nothing after it.
 */
export interface Transport {
  readonly outbox: Outbox
  readonly framing: Framing
  /** Answers the inbound message that came with `ref`: an acknowledgement where the transport has one, else a frame. */
  reply(text: string, ref: Ref): void
  /** Asks the peer's protocol stack for a sign of life; `onPong` brings the same payload when it has consumed
   * everything sent before. */
  ping(payload: string): void
  /**
   * Stops reading for about `ms` milliseconds, so that TCP slows a flooding sender.
   * @returns what ends the pause earlier; undefined when it has stopped already, or cannot
   */
  pause(ms: number): (() => void) | undefined
  /** True while a message has begun and not ended. */
  readonly midMessage: boolean
  close(code: number, reason: string): void
  /** Without a word, at once. */
  terminate(): void
  listen(listener: TransportListener): void
}

/** What a transport needs to answer one inbound message; undefined when the sender waits for no answer. */
export type Ref = number | undefined

export interface TransportListener {
  onText(text: string, ref: Ref): void
  /** Bytes of one message's attachments that are worth keeping for it; 0: it takes none. */
  readonly maxAttachmentBytes: number
  /**
   * @param text the message around the bytes, where the transport has one
   * @param attachments given with `text`, to who takes any
   */
  onBinary(text?: string, ref?: Ref, attachments?: Attachments): void
  /** A protocol-level ping: has been answered, counts as a frame. */
  onPing(): void
  onPong(payload: string): void
  /** A message over the transport's own limit; the transport closes by itself. */
  onOverflow(): void
  onClosed(): void
}
