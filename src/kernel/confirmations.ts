import { randomUUID } from 'node:crypto'

interface Question {
  readonly payload: string
  readonly fn: (received: boolean) => void
}

/** Questions that may wait for their pong; a peer that leaves more unanswered is not waited for any longer. */
const MAX_WAITING = 1_000

/**
 * Proofs of receipt: a ping with a payload that nobody can guess goes out after what is to be proved, and whoever
 * echoes it has read everything before it. One pong may answer several pings (RFC 6455, 5.5.3), so it answers for
 * all that were sent before its own.
 */
export class Confirmations {
  private waiting: Question[] = []
  private readonly onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void) {
    this.onError = onError
  }

  /** @returns the payload of the ping to send now. */
  ask(fn: (received: boolean) => void): string {
    const payload = randomUUID()
    this.waiting.push({ payload, fn })
    if (this.waiting.length > MAX_WAITING) this.tell(this.waiting.shift()!, false)
    return payload
  }

  /** A pong came, asked for or not. */
  answer(payload: string): void {
    const last = this.waiting.findIndex((question) => question.payload === payload)
    for (const question of this.waiting.splice(0, last + 1)) this.tell(question, true)
  }

  /** Nobody will answer any more. */
  end(): void {
    for (const question of this.waiting.splice(0)) this.tell(question, false)
  }

  private tell({ fn }: Question, received: boolean): void {
    try {
      fn(received)
    } catch (error) {
      this.onError(error)
    }
  }
}
