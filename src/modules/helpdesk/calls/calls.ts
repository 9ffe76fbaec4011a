import type { Clock } from '../../../kernel/clock.ts'
import type { Database } from '../../../kernel/database.ts'
import { SlidingWindow } from '../../../kernel/limits.ts'
import type { Session } from '../../../kernel/session.ts'
import type { Unit, UnitOfWork } from '../../../kernel/unit-of-work.ts'
import type { HelpdeskSettings } from '../settings.ts'
import { accessPerson } from '../store/access.ts'
import { findCall, missRinging, openCalls, type CallRow } from '../store/calls.ts'
import type { Permission } from '../wire.ts'
import { accept, end, reject } from './answering.ts'
import { Board, type CallsHub, type Due } from './board.ts'
import { passCandidate, type Taken } from './candidates.ts'
import { invite, type Placed } from './inviting.ts'
import type { Tab } from './leg.ts'
import { finish, type CallParts, type End } from './parts.ts'
import { isParty, mayCall, permissionFor } from './policy.ts'
import type { Acceptance, FoundCandidate, Invitation, NamedCall } from './shapes.ts'

export interface CallsOptions {
  readonly hub: CallsHub
  readonly database: Database
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly settings: HelpdeskSettings
  /** Has a tab, or had one a moment ago. */
  readonly isThere: (user: number) => boolean
}

/** Until the end of a call is written again that could not be written. */
const RETRY_MS = 5_000

type Party = Pick<Session, 'account'>

/**
 * Calls between two people. Each of the document's five events answers with what its acknowledgement says besides
 * `ok`, or throws a CommandError.
 */
export class Calls {
  private readonly parts: CallParts
  private readonly hub: CallsHub
  private readonly board: Board

  constructor({ hub, isThere, ...given }: CallsOptions) {
    const { clock, settings } = given
    this.hub = hub
    this.board = new Board({ hub, clock, settings, onDue: (id, due) => this.onDue(id, due) })
    const window = new SlidingWindow<number>(clock, settings.calls)
    this.parts = { ...given, isThere, board: this.board, window }
    hub.keeps('calls', () => this.board.size)
  }

  /** To be called before the first connection: nobody is in a call yet that an earlier process has left. */
  async start(): Promise<void> {
    await this.parts.unitOfWork.run(async (unit) => {
      await unit.run(missRinging, { now: unit.now })
      const running = await unit.all(openCalls, {})
      unit.after(() => running.forEach((row) => this.board.resume(row)))
    })
  }

  invite(tab: Tab, { account }: Party, invitation: Invitation): Promise<Placed> {
    return invite(this.parts, tab, account.id, invitation)
  }

  accept(tab: Tab, { account }: Party, acceptance: Acceptance): Promise<Placed> {
    return accept(this.parts, tab, account.id, acceptance)
  }

  reject(tab: Tab, { account }: Party, named: NamedCall): Promise<Placed> {
    return reject(this.parts, tab, account.id, named)
  }

  end(tab: Tab, { account }: Party, named: NamedCall): Promise<Placed> {
    return end(this.parts, tab, account.id, named)
  }

  candidate(tab: Tab, { account }: Party, found: FoundCandidate): Promise<Taken> {
    return passCandidate(this.parts, tab, account.id, found)
  }

  /** A tab has come, and is live. */
  opened(tab: Tab, { account }: Party): void {
    this.board.opened(tab, account.id)
  }

  closed(tab: Tab, user: number): void {
    this.board.closed(tab, user)
  }

  /** What somebody may do is another thing now. */
  permissionsChanged(user: number, held: ReadonlySet<Permission>): void {
    const call = this.board.of(user)
    if (!call || held.has(permissionFor(call.type))) return
    this.settle(call.id, async (unit, row) => {
      const person = await unit.get(accessPerson, { actor: user })
      if (!isParty(row, user) || (person && mayCall(person, row.type))) return undefined
      return { state: row.state === 'ringing' ? 'failed' : 'ended', reason: 'not_permitted', by: null }
    })
  }

  private onDue(id: string, due: Due): void {
    // Who is cut off because the server goes away has not gone: the next process waits for them.
    if (due === 'lost' && this.hub.isDraining) return
    this.settle(id, (_, { state }) => {
      const call = this.board.get(id)
      if (due === 'timeout') return state === 'ringing' ? { state: 'missed', reason: due, by: null } : undefined
      if (due === 'lost' && call?.legs.every((leg) => !leg.isLost)) return undefined
      return { state: state === 'ringing' ? 'missed' : 'ended', reason: due, by: null }
    })
  }

  /** Ends a call that nobody ends. @param decide how, by its row; undefined: not at all */
  private settle(id: string, decide: (unit: Unit, row: CallRow) => Promise<End | undefined> | End | undefined): void {
    const { unitOfWork } = this.parts
    const settling = unitOfWork.run(async (unit) => {
      const row = await unit.get(findCall, { uuid: id })
      if (row?.state !== 'ringing' && row?.state !== 'accepted') return
      const end = await decide(unit, row)
      if (end) await finish(unit, this.board, row, end)
    })
    settling.catch((error: unknown) => {
      this.hub.onError(error)
      this.hub.wheel.schedule(RETRY_MS, () => this.settle(id, decide))
    })
  }
}
