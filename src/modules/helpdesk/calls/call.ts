import type { Ticket } from '../../../kernel/timing-wheel.ts'
import type { CallType } from '../wire.ts'
import type { Leg, Tab } from './leg.ts'
import type { Description } from './shapes.ts'

/** What there is of a call only until it is answered. */
export interface Ringing {
  offer: Description
  /** Frames with the caller's candidates: they are for the tab that answers and for no other. */
  candidates: string[]
  /** The callee's tabs that have been told, each with frames of candidates it has found before its answer. */
  readonly tabs: Map<Tab, string[]>
}

/** An offer within a running call, until it is answered. */
export interface Renegotiation {
  readonly by: Leg
  readonly type: CallType
}

/** A call that rings or runs, as far as no row knows it: its tabs, and what waits for them. */
export class LiveCall {
  readonly id: string
  type: CallType
  readonly caller: Leg
  readonly callee: Leg
  /** Undefined: it was answered. */
  ringing: Ringing | undefined
  renegotiation: Renegotiation | undefined
  /** The end of ringing or, once it was answered, of the longest call. */
  deadline: Ticket | undefined

  constructor(id: string, type: CallType, caller: Leg, callee: Leg) {
    this.id = id
    this.type = type
    this.caller = caller
    this.callee = callee
  }

  get legs(): readonly [Leg, Leg] {
    return [this.caller, this.callee]
  }

  /** @param user one of the two */
  legOf(user: number): Leg {
    return this.caller.user === user ? this.caller : this.callee
  }

  otherOf(leg: Leg): Leg {
    return leg === this.caller ? this.callee : this.caller
  }

  isBetween(user: number, other: number): boolean {
    const [a, b] = [this.caller.user, this.callee.user]
    return (a === user && b === other) || (a === other && b === user)
  }

  schedule(deadline: Ticket): void {
    this.deadline?.cancel()
    this.deadline = deadline
  }

  stop(): void {
    this.deadline?.cancel()
    for (const leg of this.legs) leg.stop()
  }
}
