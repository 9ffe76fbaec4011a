import type { Connection } from '../../../kernel/connection.ts'
import type { Ticket } from '../../../kernel/timing-wheel.ts'
import { frameOf, type Payload } from '../wire.ts'

/** What a call needs of a connection. */
export type Tab = Pick<Connection, 'send' | 'live' | 'session'>

/** Whether the tab is still this person's: it may have closed, or have been handed on, while something was written. */
export const isTabOf = (tab: Tab, user: number): boolean => tab.session?.account.id === user

/** What there is to give to a leg. */
type Signal = 'call:incoming' | 'call:accepted' | 'call:rejected' | 'call:ice_candidate'

/** One party's end of a call: the tab that is in it, or what waits while that tab is lost. */
export class Leg {
  readonly user: number
  readonly name: string
  private current: Tab | undefined
  private waiting: { readonly name: Signal; readonly frame: string }[] = []
  /** Until when a lost leg is waited for. */
  private grace: Ticket | undefined

  constructor(user: number, name: string) {
    this.user = user
    this.name = name
  }

  /** Undefined: lost, or the call has not been answered yet. */
  get tab(): Tab | undefined {
    return this.current
  }

  get isLost(): boolean {
    return this.grace !== undefined
  }

  /** Frames that wait for a tab. */
  get backlog(): number {
    return this.waiting.length
  }

  /** Sends what has waited. */
  attach(tab: Tab): void {
    this.stop()
    this.current = tab
    for (const { frame } of this.waiting.splice(0)) tab.send(frame)
  }

  /** @param grace cancelled when a tab takes its place */
  lose(grace: Ticket): void {
    this.stop()
    this.current = undefined
    this.grace = grace
  }

  give<N extends Signal>(name: N, payload: Payload<N>): void {
    this.pass(name, frameOf(name, payload))
  }

  pass(name: Signal, frame: string): void {
    if (this.current) return this.current.send(frame)
    // Of several offers only the last can be answered.
    if (name === 'call:incoming') this.waiting = this.waiting.filter((one) => one.name !== name)
    this.waiting.push({ name, frame })
  }

  stop(): void {
    this.grace?.cancel()
    this.grace = undefined
  }
}
