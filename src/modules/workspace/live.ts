import type { Clock } from '../../kernel/clock.ts'
import type { Connection } from '../../kernel/connection.ts'
import type { Effect, LogEvent } from '../../kernel/event.ts'
import type { Hub } from '../../kernel/hub.ts'
import type { Frame } from '../../kernel/outbox.ts'
import type { Framing } from '../../kernel/codec.ts'
import type { Room } from '../../kernel/rooms.ts'
import { channelOf, channelRoom, fullRoom, guestRoom, homeRoom, isChannelRoom, MODULE } from './rooms.ts'
import { Roster, type Standing } from './roster.ts'
import type { WorkspaceSettings } from './settings.ts'
import { Typists } from '../../kernel/typists.ts'
import { frame, type FrameName, type Payload } from './wire.ts'

/** Who has just come in, on one connection. */
export interface Arrival {
  readonly workspace: string
  readonly accountId: number
  readonly userId: string
  /** Accounts a guest may know of; undefined: everybody. */
  readonly knows: ReadonlySet<number> | undefined
}

interface Present {
  readonly version: number
  readonly standings: readonly Standing[]
}

/** Presences of a workspace as bytes, for everybody who comes in while nothing changes. */
interface Snapshot extends Present {
  readonly frames: Map<Framing, Frame>
}

/** One beginning a second is what a person can mean; a hostile client means to reach a whole room with each frame. */
const TYPING_REST_MS = 1_000

/** With the person's setting, when it was changed meanwhile. */
type Fresh = Arrival & { changed?: boolean }

/** Those of some arrivals whose persons have set themselves away. */
export type ReadAway = (arrivals: readonly Arrival[]) => Promise<ReadonlySet<Arrival>>

/** Turns of the event loop for which a welcome waits for more: some milliseconds when it is busy. */
const MAX_TURNS = 32

/** What is true only while people are connected: who is there and who types. Never in the log. */
export class Live {
  readonly roster: Roster<Connection>
  readonly typists: Typists<Connection>
  private readonly hub: Hub
  private readonly readAway: ReadAway
  private readonly onError: (error: unknown) => void
  /** Who has come in and is not on the roster yet. */
  private readonly fresh = new Map<Connection, Fresh>()
  private welcoming = false
  private readonly snapshots = new Map<string, Snapshot>()
  private readonly frames = new Map<Framing, WeakMap<Standing, Frame>>()
  /** Channels of people whose last connection has gone, until they are offline: whom that must be told. */
  private readonly lastSeenIn = new Map<Room, readonly Room[]>()

  constructor(hub: Hub, clock: Clock, settings: WorkspaceSettings, readAway: ReadAway) {
    this.hub = hub
    this.readAway = readAway
    this.onError = hub.onError
    const { wheel } = hub
    const { presenceGraceMs: graceMs, idleMs, typingMs: expiryMs } = settings
    this.roster = new Roster({ wheel, clock, graceMs, idleMs, announce: (change) => this.announce(change) })
    this.typists = new Typists({
      wheel,
      clock,
      expiryMs,
      restMs: TYPING_REST_MS,
      isOpen: (connection) => (connection as Connection).session !== undefined,
      signal: (place, person, typing) => {
        const [workspace, channel] = place.split('/') as [string, string]
        const audience = { to: [channelRoom(channel)], except: [homeRoom(workspace, person.accountId)] }
        const data = { channel_id: channel, user_id: person.userId }
        this.signal(typing ? 'typing.start' : 'typing.stop', workspace, data, audience)
      },
    })
    hub.keeps('presences', () => this.roster.size + this.lastSeenIn.size + this.snapshots.size)
    hub.keeps('typists', () => this.typists.size + this.fresh.size)
  }

  /**
   * A connection has caught up. Those of one turn are taken together: all of them share the bytes of who was there
   * before them, and each one's coming is told once.
   */
  opened(connection: Connection, arrival: Arrival): void {
    this.fresh.set(connection, arrival)
    this.welcomeSoon()
  }

  /** The person's own setting was changed. */
  setAway(workspace: string, accountId: number, away: boolean): void {
    for (const arrival of this.fresh.values()) {
      if (arrival.workspace === workspace && arrival.accountId === accountId) arrival.changed = away
    }
    this.roster.setAway(workspace, accountId, away)
  }

  closed(connection: Connection, workspace: string, accountId: number): void {
    this.typists.gone(connection)
    this.fresh.delete(connection)
    const home = homeRoom(workspace, accountId)
    this.lastSeenIn.set(home, guestRoomsOf(connection))
    this.roster.leave(workspace, accountId, connection)
    if (this.roster.statusOf(workspace, accountId) === 'offline') this.lastSeenIn.delete(home)
  }

  typing(connection: Connection, workspace: string, channel: string, isTyping: boolean): void {
    const { account } = connection.session!
    this.roster.active(account.id)
    const place = `${workspace}/${channel}`
    const person = { accountId: account.id, userId: account.uuid }
    if (isTyping) this.typists.start(place, person, connection)
    else this.typists.stop(place, account.uuid, connection)
  }

  onDelivered({ type, payload, effects }: LogEvent): void {
    if (payload === null) return
    if (type === 'channel.deleted') return this.onGone(payload, effects)
    // Of the frequent one only what is needed is looked into.
    const ends = type === 'member.left' || (type === 'message.new' && this.typists.size > 0)
    if (!ends && type !== 'member.joined') return
    const { data, workspace_id } = JSON.parse(payload) as { data: Payload<'member.left'>; workspace_id: string }
    // Whoever has posted, or is not in the channel any more, does not type there.
    if (ends) this.typists.stopAll(`${workspace_id}/${data.channel_id}`, data.user_id)
    if (type !== 'message.new') this.acquaint(workspace_id, data.channel_id, data.user_id, type === 'member.joined')
  }

  /** Of a channel that only goes out of somebody's sight, nobody leaves the room. */
  private onGone(payload: string, effects: readonly Effect[]): void {
    const { data, workspace_id } = JSON.parse(payload) as { data: Payload<'channel.deleted'>; workspace_id: string }
    if (!effects.some((effect) => effect.kind === 'leave' && effect.of === channelRoom(data.id))) return
    this.typists.closed(`${workspace_id}/${data.id}`)
    this.acquaint(workspace_id, data.id, undefined, false)
  }

  /** A person has become a guest, or is none any more: whom they know has changed. */
  roleChanged(workspace: string, accountId: number, guest: boolean): void {
    for (const connection of this.hub.rooms.members(homeRoom(workspace, accountId))) {
      const known = guest ? this.accountsIn([...connection.rooms].filter(isChannelRoom)) : undefined
      for (const standing of this.roster.present(workspace)) {
        if (!known) this.tell(connection, standing)
        else if (!known.has(standing.accountId)) this.tell(connection, { ...standing, status: 'offline' })
      }
    }
  }

  /**
   * Somebody has come into a channel, or is about to go: guests there and they may know each other by it alone.
   * @param userId undefined: everybody goes
   */
  private acquaint(workspace: string, channel: string, userId: string | undefined, comes: boolean): void {
    const guests = this.hub.rooms.members(guestRoom(channel))
    if (guests.size === 0) return
    const here = channelRoom(channel)
    const inside = this.accountsIn([here])
    const elsewhere = ({ rooms }: Connection) => [...rooms].filter((room) => isChannelRoom(room) && room !== here)
    const acquainted = new Map([...guests].map((guest) => [guest, this.accountsIn(elsewhere(guest))]))
    for (const present of this.roster.present(workspace)) {
      if (!inside.has(present.accountId)) continue
      const standing: Standing = comes ? present : { ...present, status: 'offline' }
      for (const [connection, known] of acquainted) {
        const self = connection.session?.account.uuid
        const concerned =
          userId === undefined ? standing.userId !== self : (self === userId) !== (standing.userId === userId)
        if (concerned && !known.has(standing.accountId)) this.tell(connection, standing)
      }
    }
  }

  private accountsIn(rooms: readonly Room[]): ReadonlySet<number> {
    const accounts = new Set<number>()
    for (const room of rooms) {
      for (const { session } of this.hub.rooms.members(room)) if (session) accounts.add(session.account.id)
    }
    return accounts
  }

  private tell(connection: Connection, standing: Standing): void {
    if (connection.live) connection.outbox.append(connection.transport.framing(text(standing)))
  }

  private welcomeSoon(): void {
    if (this.welcoming) return
    this.welcoming = true
    this.gather(0, 0)
  }

  /** Waits while every turn of the event loop brings more: a thousand who come back at once are a few welcomes. */
  private gather(seen: number, turns: number): void {
    setImmediate(() => {
      if (this.fresh.size > seen && turns < MAX_TURNS) return this.gather(this.fresh.size, turns + 1)
      const arrivals = [...this.fresh]
      // Read only now: a change that is committed later finds them in `fresh`, one before has been read.
      this.readAway(arrivals.map(([, arrival]) => arrival))
        .catch((error: unknown) => {
          this.onError(error)
          return new Set<Arrival>()
        })
        .then((away) => {
          this.welcoming = false
          this.welcome(arrivals.filter(([connection]) => this.fresh.has(connection)), away)
          if (this.fresh.size > 0) this.welcomeSoon()
        })
        .catch(this.onError)
    })
  }

  private welcome(fresh: readonly (readonly [Connection, Fresh])[], away: ReadonlySet<Arrival>): void {
    const present = new Map<string, Present>()
    for (const [, { workspace }] of fresh) {
      if (present.has(workspace)) continue
      present.set(workspace, { version: this.roster.version(workspace), standings: [...this.roster.present(workspace)] })
    }
    // The arrivals first: small, while what was before them may be long enough for signals to be left out.
    for (const [connection, arrival] of fresh) {
      this.fresh.delete(connection)
      this.lastSeenIn.delete(homeRoom(arrival.workspace, arrival.accountId))
      this.roster.arrive(arrival.workspace, { ...arrival, away: arrival.changed ?? away.has(arrival) }, connection)
    }
    const snapshots = new Map([...present].map(([workspace, before]) => [workspace, this.snapshotOf(workspace, before)]))
    for (const [connection, arrival] of fresh) {
      const snapshot = this.snapshotFor(connection, arrival, snapshots.get(arrival.workspace)!)
      if (snapshot) connection.outbox.append(snapshot)
    }
  }

  /** Who was there before. Whoever woke up by coming in has been told of already, and is not what they were. */
  private snapshotOf(workspace: string, { version, standings }: Present): Snapshot {
    const now = new Set(this.roster.present(workspace))
    const same = standings.filter((standing) => now.has(standing))
    if (same.length < standings.length) return { version, standings: same, frames: new Map() }
    let snapshot = this.snapshots.get(workspace)
    if (snapshot?.version !== version) this.snapshots.set(workspace, (snapshot = { version, standings, frames: new Map() }))
    return snapshot
  }

  private snapshotFor(
    { transport: { framing } }: Connection,
    { knows }: Arrival,
    { standings, frames }: Snapshot,
  ): Frame | undefined {
    if (knows) return join(standings.filter(({ accountId }) => knows.has(accountId)).map((one) => this.encoded(one, framing)))
    let whole = frames.get(framing)
    if (!whole) {
      whole = join(standings.map((one) => this.encoded(one, framing)))
      if (whole) frames.set(framing, whole)
    }
    return whole
  }

  /** A standing is one moment of one person: its bytes are made once, however many snapshots it is in. */
  private encoded(standing: Standing, framing: Framing): Frame {
    let made = this.frames.get(framing)
    if (!made) this.frames.set(framing, (made = new WeakMap()))
    let encoded = made.get(standing)
    if (!encoded) made.set(standing, (encoded = framing(text(standing))))
    return encoded
  }

  private announce(change: Standing): void {
    const { workspace, accountId, userId, status } = change
    const home = homeRoom(workspace, accountId)
    const guests = [...this.hub.rooms.members(home)].flatMap(guestRoomsOf)
    const to = [fullRoom(workspace), home, ...new Set([...guests, ...(this.lastSeenIn.get(home) ?? [])])]
    if (status === 'offline') {
      this.lastSeenIn.delete(home)
      this.snapshots.delete(workspace)
    }
    // Who is closed because the server goes has not gone.
    if (!this.hub.isDraining) this.signal('presence.updated', workspace, { user_id: userId, status }, { to })
  }

  private signal<N extends FrameName>(
    type: N,
    workspace: string,
    data: Payload<N>,
    audience: { readonly to: readonly Room[]; readonly except?: readonly Room[] },
  ): void {
    this.hub.signal({ module: MODULE, type, audience, payload: { data, workspace_id: workspace } })
  }
}

const text = ({ workspace, userId, status, since }: Standing): string => {
  const data: Payload<'presence.updated'> = { user_id: userId, status }
  return frame('presence.updated', JSON.stringify({ data, workspace_id: workspace }), since)
}

const join = (frames: readonly Frame[]): Frame | undefined =>
  frames.length === 0 ? undefined : { bytes: Buffer.concat(frames.map(({ bytes }) => bytes)) }

/** Of the channels the connection is in, the rooms of their guests. */
function guestRoomsOf(connection: Connection): Room[] {
  const rooms: Room[] = []
  for (const room of connection.rooms) {
    const channel = channelOf(room)
    if (channel !== undefined) rooms.push(guestRoom(channel))
  }
  return rooms
}
