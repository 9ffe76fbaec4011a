import type { TestTab } from './testing.ts'

/** What a call is to the model of the random test. */
export interface ModelCall {
  readonly id: string
  readonly caller: number
  readonly callee: number
  /** When it began. */
  readonly since: number
  state: 'ringing' | 'accepted' | 'ended' | 'rejected' | 'missed'
  /** The tab of each party; undefined: lost or, of the callee, not there yet. */
  readonly tabs: Map<number, TestTab | undefined>
  /** Who has made an offer that waits for an answer. */
  offered: number | undefined
}

const RING_MS = 60_000

export type Outcome = 'ok' | 'conflict' | 'not_found'

/**
 * The rules of calls without rows, waiting or frames: what each command must come to, one after the other.
 */
export class Model {
  readonly calls: ModelCall[] = []
  /** Invites that were refused with a row of their own, by state. */
  readonly refused = { missed: 0, busy: 0 }
  /** Milliseconds that have passed. */
  now = 0

  of(user: number): ModelCall | undefined {
    return this.calls.find((call) => isOpen(call) && isParty(call, user))
  }

  /** @returns with `ok` the call it is about; `new`: it is yet to be added, under the id the server gives it */
  invite(tab: TestTab, target: number, isThere: boolean): Outcome | 'new' {
    const call = this.of(tab.user)
    if (call) {
      if (!isParty(call, target) || (call.state === 'ringing' && call.callee === tab.user)) return 'conflict'
      if (!claim(call, tab)) return 'conflict'
      if (call.state === 'ringing') return 'ok'
      if (call.offered !== undefined && call.offered !== tab.user) return 'conflict'
      call.offered = tab.user
      return 'ok'
    }
    if (!isThere) this.refused.missed += 1
    else if (this.of(target)) this.refused.busy += 1
    else return 'new'
    return 'conflict'
  }

  begin(id: string, tab: TestTab, callee: number): void {
    const tabs = new Map<number, TestTab | undefined>([[tab.user, tab]])
    const { now: since } = this
    this.calls.push({ id, caller: tab.user, callee, since, state: 'ringing', tabs, offered: undefined })
  }

  accept(tab: TestTab, call: ModelCall): Outcome {
    if (!isParty(call, tab.user)) return 'not_found'
    if (call.state === 'ringing' && call.callee === tab.user) {
      call.state = 'accepted'
      call.tabs.set(tab.user, tab)
      return 'ok'
    }
    return call.state === 'accepted' ? answer(call, tab) : 'conflict'
  }

  reject(tab: TestTab, call: ModelCall): Outcome {
    if (!isParty(call, tab.user)) return 'not_found'
    if (call.state === 'accepted') return answer(call, tab)
    if (call.state === 'ringing') call.state = call.callee === tab.user ? 'rejected' : 'missed'
    return 'ok'
  }

  end(tab: TestTab, call: ModelCall): Outcome {
    if (call.state !== 'accepted') return this.reject(tab, call)
    if (!isParty(call, tab.user)) return 'not_found'
    call.state = 'ended'
    return 'ok'
  }

  opened(tab: TestTab): void {
    const call = this.of(tab.user)
    if (call && isLost(call, tab.user)) call.tabs.set(tab.user, tab)
  }

  closed(tab: TestTab): void {
    const call = this.of(tab.user)
    if (call?.tabs.get(tab.user) === tab) call.tabs.set(tab.user, undefined)
  }

  /** @param ms more than a grace lasts */
  pass(ms: number): void {
    this.now += ms
    for (const call of this.calls) {
      if (!isOpen(call)) continue
      const isOver = call.state === 'ringing' && this.now - call.since >= RING_MS
      if (!isOver && ![call.caller, call.callee].some((user) => isLost(call, user))) continue
      call.state = call.state === 'ringing' ? 'missed' : 'ended'
    }
  }
}

export const isOpen = ({ state }: ModelCall): boolean => state === 'ringing' || state === 'accepted'
export const isParty = (call: ModelCall, user: number): boolean => call.caller === user || call.callee === user
const isLost = (call: ModelCall, user: number): boolean =>
  call.tabs.get(user) === undefined && (call.state === 'accepted' || call.caller === user)

/** Whether the tab is the one of the call, which it becomes where there is none. */
export function claim(call: ModelCall, tab: TestTab): boolean {
  if (isLost(call, tab.user)) call.tabs.set(tab.user, tab)
  return call.tabs.get(tab.user) === tab
}

/** An answer, of either kind, to an offer in a running call. */
function answer(call: ModelCall, tab: TestTab): Outcome {
  if (!claim(call, tab) || call.offered === undefined || call.offered === tab.user) return 'conflict'
  call.offered = undefined
  return 'ok'
}
