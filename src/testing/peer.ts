import assert from 'node:assert/strict'
import type { Message } from '../kernel/message.ts'
import { Outbox, type BatchNode, type Sink } from '../kernel/outbox.ts'
import type { Ref, Transport, TransportListener } from '../kernel/transport.ts'
import type { Toy } from './toy.ts'

/** A peer without a network: what it is sent, in order, acknowledgements (`ack 1 […]`) and closes among it. */
export class Peer implements Transport, Sink {
  readonly sent: string[] = []
  readonly pings: string[] = []
  readonly midMessage = false
  readonly outbox: Outbox
  readonly framing = (message: Message) => {
    const line = typeof message === 'string' ? message : `${message.text} + ${message.attachments.length} attachments`
    return { bytes: Buffer.from(`${line}\n`) }
  }
  bufferedBytes = 0
  listener: TransportListener | undefined

  constructor({ hub }: Toy) {
    this.outbox = new Outbox(hub.flusher, this, hub.limits)
  }

  write(batch: BatchNode): void {
    this.sent.push(...batch.bytes().toString().trimEnd().split('\n'))
  }

  overflow(): void {
    this.listener?.onOverflow()
  }

  whenDrained(fn: () => void): void {
    fn()
  }

  listen(listener: TransportListener): void {
    this.listener = listener
  }

  reply(text: string, ref: Ref): void {
    this.outbox.appendAlone(this.framing(ref === undefined ? text : `ack ${ref} ${text}`))
  }

  ping(payload: string): void {
    this.pings.push(payload)
  }

  pause(): undefined {}

  close(code: number): void {
    this.reply(`close ${code}`, undefined)
    this.outbox.seal()
  }

  terminate(): void {
    this.sent.push('cut')
    this.outbox.close()
    this.listener?.onClosed()
  }
}

/** One turn of the event loop: what was appended has been written. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !done(); i += 1) await turn()
  assert.ok(done(), 'did not happen')
}
