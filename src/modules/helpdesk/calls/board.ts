import type { Clock } from '../../../kernel/clock.ts'
import { conflict } from '../../../kernel/errors.ts'
import type { Hub } from '../../../kernel/hub.ts'
import type { Room } from '../../../kernel/rooms.ts'
import type { Ticket } from '../../../kernel/timing-wheel.ts'
import { homeRoom } from '../rooms.ts'
import type { HelpdeskSettings } from '../settings.ts'
import type { CallReason, CallRow } from '../store/calls.ts'
import { frameOf, type CallType } from '../wire.ts'
import { LiveCall, type Renegotiation } from './call.ts'
import { isTabOf, Leg, type Tab } from './leg.ts'
import type { Description } from './shapes.ts'

/** What calls need of the hub. */
export interface CallsHub extends Pick<Hub, 'wheel' | 'isDraining' | 'keeps' | 'onError'> {
  readonly rooms: { members(room: Room): ReadonlySet<Tab> }
}

/** A time that is up. */
export type Due = Extract<CallReason, 'timeout' | 'too_long' | 'lost'>

export interface BoardOptions {
  readonly hub: CallsHub
  readonly clock: Clock
  readonly settings: Pick<HelpdeskSettings, 'ringMs' | 'callGraceMs' | 'callMs'>
  readonly onDue: (id: string, due: Due) => void
}

/** Who is to be told of the end of a call, and how. */
export interface Told {
  /** Knows it already: it gets an acknowledgement. */
  readonly by?: Tab | undefined
  /** The callee does not want it, as the caller is told. */
  readonly rejected?: boolean
}

export interface CallStart {
  readonly id: string
  readonly type: CallType
  readonly caller: { readonly user: number; readonly name: string; readonly tab: Tab }
  readonly callee: { readonly user: number; readonly name: string }
  readonly offer: Description
}

/**
 * The calls that ring or run on this node. Rows decide what happens to a call; this follows them after each commit, in
 * the order of the commits, and tells the tabs.
 */
export class Board {
  private readonly options: BoardOptions
  private readonly calls = new Map<string, LiveCall>()
  private readonly byUser = new Map<number, LiveCall>()
  /** What was said at the end of a call to somebody whose tab was lost: they may come back and still be in it. */
  private readonly farewells = new Map<number, { readonly frame: string; readonly expiry: Ticket }>()

  constructor(options: BoardOptions) {
    this.options = options
  }

  get size(): number {
    return this.calls.size + this.byUser.size + this.farewells.size
  }

  get(id: string): LiveCall | undefined {
    return this.calls.get(id)
  }

  of(user: number): LiveCall | undefined {
    return this.byUser.get(user)
  }

  between(user: number, other: number): LiveCall | undefined {
    const call = this.byUser.get(user)
    return call?.isBetween(user, other) ? call : undefined
  }

  /** It rings at all tabs of the callee. */
  begin({ id, type, caller, callee, offer }: CallStart): void {
    const { hub, settings } = this.options
    const call = new LiveCall(id, type, new Leg(caller.user, caller.name), new Leg(callee.user, callee.name))
    call.ringing = { offer, candidates: [], tabs: new Map() }
    this.add(call)
    call.schedule(hub.wheel.schedule(settings.ringMs, () => this.options.onDue(id, 'timeout')))
    this.attach(call, call.caller, caller.tab)
    this.ringAll(call)
  }

  /** The caller has another offer for a call that rings: what belonged to the one before is worth nothing. */
  offerAgain(call: LiveCall, offer: Description): void {
    const { ringing } = call
    if (!ringing) return
    ringing.offer = offer
    ringing.candidates = []
    ringing.tabs.clear()
    this.ringAll(call)
  }

  ring(call: LiveCall, tab: Tab): void {
    const { id: callId, caller, type: callType, ringing } = call
    if (!ringing) return
    ringing.tabs.set(tab, [])
    const payload = { callId, from: caller.user, fromName: caller.name, callType, offer: ringing.offer }
    tab.send(frameOf('call:incoming', payload))
  }

  /** The first of the callee's tabs: from now on the call is its, and the others stop ringing. */
  accept(call: LiveCall, tab: Tab, answer: Description): void {
    const { hub, settings } = this.options
    const { id: callId, caller, callee, ringing } = call
    if (!ringing) return
    call.ringing = undefined
    call.schedule(hub.wheel.schedule(settings.callMs, () => this.options.onDue(callId, 'too_long')))
    this.attach(call, callee, tab)
    caller.give('call:accepted', { callId, answer })
    for (const frame of ringing.tabs.get(tab) ?? []) caller.pass('call:ice_candidate', frame)
    for (const frame of ringing.candidates) callee.pass('call:ice_candidate', frame)
    for (const one of ringing.tabs.keys()) if (one !== tab) one.send(frameOf('call:ended', { callId }))
  }

  /** An offer within a running call: for the other party's tab alone. */
  renegotiate(call: LiveCall, renegotiation: Renegotiation, offer: Description): void {
    const { by, type: callType } = renegotiation
    call.renegotiation = renegotiation
    const payload = { callId: call.id, from: by.user, fromName: by.name, callType, offer }
    call.otherOf(by).give('call:incoming', payload)
  }

  /**
   * The leg of somebody who says something in a call; a tab that was lost is replaced by the one that speaks.
   * @throws CommandError conflict when another tab of theirs is in it
   */
  claim(call: LiveCall, user: number, tab: Tab): Leg {
    const leg = call.legOf(user)
    if (leg.isLost) this.attach(call, leg, tab)
    if (leg.tab !== tab) throw conflict('Another tab of yours is in this call; go on there')
    return leg
  }

  /** It is over, for everybody who has heard of it. */
  end(id: string, { by, rejected = false }: Told = {}): void {
    const call = this.calls.get(id)
    if (!call) return
    this.calls.delete(id)
    const ended = frameOf('call:ended', { callId: id })
    for (const leg of call.legs) {
      if (this.byUser.get(leg.user) === call) this.byUser.delete(leg.user)
      const frame = rejected && leg === call.caller ? frameOf('call:rejected', { callId: id }) : ended
      if (leg.isLost) this.keepFarewell(leg.user, frame)
      else if (leg.tab !== by) leg.tab?.send(frame)
    }
    for (const tab of call.ringing?.tabs.keys() ?? []) if (tab !== by) tab.send(ended)
    call.stop()
  }

  /** A call that an earlier process has left running: both come back, or it ends. */
  resume(row: CallRow): void {
    const { hub, clock, settings } = this.options
    const [caller, callee] = [new Leg(row.caller_id, row.caller_name), new Leg(row.callee_id, row.callee_name)]
    const call = new LiveCall(row.uuid, row.type, caller, callee)
    this.add(call)
    const left = settings.callMs - (clock.now() - (row.answered_at ?? row.started_at))
    call.schedule(hub.wheel.schedule(Math.max(0, left), () => this.options.onDue(row.uuid, 'too_long')))
    for (const leg of call.legs) this.lose(call, leg)
  }

  /** A tab has come, and is live. */
  opened(tab: Tab, user: number): void {
    const farewell = this.farewells.get(user)
    if (farewell) {
      farewell.expiry.cancel()
      this.farewells.delete(user)
      tab.send(farewell.frame)
    }
    const call = this.byUser.get(user)
    if (!call) return
    const leg = call.legOf(user)
    if (leg.isLost) this.attach(call, leg, tab)
    else if (leg === call.callee && call.ringing?.tabs.has(tab) === false) this.ring(call, tab)
  }

  closed(tab: Tab, user: number): void {
    const call = this.byUser.get(user)
    if (!call) return
    call.ringing?.tabs.delete(tab)
    const leg = call.legOf(user)
    if (leg.tab === tab) this.lose(call, leg)
  }

  private add(call: LiveCall): void {
    this.calls.set(call.id, call)
    for (const leg of call.legs) this.byUser.set(leg.user, call)
  }

  private attach(call: LiveCall, leg: Leg, tab: Tab): void {
    if (isTabOf(tab, leg.user)) leg.attach(tab)
    else this.lose(call, leg)
  }

  private lose(call: LiveCall, leg: Leg): void {
    const { hub, settings, onDue } = this.options
    leg.lose(hub.wheel.schedule(settings.callGraceMs, () => onDue(call.id, 'lost')))
  }

  private ringAll(call: LiveCall): void {
    for (const tab of this.options.hub.rooms.members(homeRoom(call.callee.user))) if (tab.live) this.ring(call, tab)
  }

  private keepFarewell(user: number, frame: string): void {
    const { hub, settings } = this.options
    this.farewells.get(user)?.expiry.cancel()
    const expiry = hub.wheel.schedule(settings.callGraceMs, () => this.farewells.delete(user))
    this.farewells.set(user, { frame, expiry })
  }
}
