import { randomUUID } from 'node:crypto'
import type { Connection } from '../../kernel/connection.ts'
import type { Hub } from '../../kernel/hub.ts'
import type { Presence } from '../../kernel/presence.ts'
import { colorOf } from './colors.ts'
import type { Documents } from './document/documents.ts'
import { toId } from './ids.ts'
import type { Lane } from './merge.ts'
import { Presences, type Appearance } from './presence.ts'
import { Returning } from './returning.ts'
import { joinedRoom, MODULE, participantRoom, plainRoom, richRoom } from './rooms.ts'
import type { PrdSettings } from './settings.ts'
import type { ActiveUser, EventName, Mode, Payload } from './wire.ts'

/** A connection that has joined a PRD. */
export interface Participant {
  readonly connection: Connection
  readonly prd: number
  readonly accountId: number
  readonly name: string
  mode: Mode
  /** Where it edits from, and what it has seen; undefined for who only views. */
  lane: Lane | undefined
  /** It speaks Yjs: since its first update, or state vector, in bytes. */
  rich: boolean
  /** Edits of it that are being written: they count, and keep its slot, also when it leaves meanwhile. */
  edits: number
  hasLeft: boolean
}

export interface LiveOptions {
  readonly hub: Hub
  readonly settings: PrdSettings
  readonly documents: () => Documents
  /** The last connection that had joined a PRD has left it. */
  readonly onEmpty: (prd: number) => void
}

/** What `presence-update` tells of a person besides who it is. */
type Seen = Omit<Appearance, 'status'> & { readonly timestamp: number | null }

const keyOf = (prd: number, accountId: number): string => `${prd}:${accountId}`

/** What is true only while people are connected: who has joined what, who is there. Never in the log. */
export class Live {
  readonly presences: Presences
  readonly returning: Returning
  private readonly options: LiveOptions
  private readonly joined = new Map<Connection, Map<number, Participant>>()
  /** By PRD and person: their connections that have joined it. */
  private readonly people: Presence<string, Connection, undefined>
  /** What connections are called in the rows that outlive this process. */
  private readonly names = new WeakMap<Connection, string>()
  /** By PRD: who is there, those in the grace after their last connection went included. */
  private readonly there = new Map<number, Map<number, string>>()

  constructor(options: LiveOptions) {
    const { hub, settings } = options
    this.options = options
    this.presences = new Presences(options)
    this.people = hub.presence({
      graceMs: settings.presenceGraceMs,
      onOffline: (key) => {
        const [prd, accountId] = key.split(':').map(Number)
        this.gone(prd!, accountId!)
      },
    })
    hub.keeps('presences', () => this.joined.size + this.there.size)
    this.returning = new Returning({
      clock: hub.clock,
      wheel: hub.wheel,
      forMs: settings.reconnectMs,
      most: hub.limits.maxConnections,
    })
    hub.keeps('returning', () => this.returning.size)
  }

  /** It has been given a name: it has joined something, once. */
  hasName(connection: Connection): boolean {
    return this.names.has(connection)
  }

  nameOf(connection: Connection): string {
    let name = this.names.get(connection)
    if (name === undefined) this.names.set(connection, (name = randomUUID()))
    return name
  }

  of(connection: Connection, prd: number): Participant | undefined {
    return this.joined.get(connection)?.get(prd)
  }

  /** What a connection has joined. */
  joinedBy(connection: Connection): readonly Participant[] {
    return [...(this.joined.get(connection)?.values() ?? [])]
  }

  /** Connections that have joined a PRD. */
  connections(prd: number): ReadonlySet<Connection> {
    return this.options.hub.rooms.members(joinedRoom(prd))
  }

  participants(prd: number): readonly Participant[] {
    return [...this.connections(prd)].flatMap((connection) => this.of(connection, prd) ?? [])
  }

  /** Section 2.1: who else is there, one entry per person. */
  activeUsers(prd: number, except: number): readonly ActiveUser[] {
    return [...(this.there.get(prd) ?? [])]
      .filter(([accountId]) => accountId !== except)
      .map(([accountId, name]) => this.userOf(prd, accountId, name))
  }

  /** Who is there, and where in the text; what is shown of them is as in `presence-update`. */
  present(prd: number): readonly (ActiveUser & Seen)[] {
    return [...(this.there.get(prd) ?? [])].map(([accountId, name]) => {
      const { cursorPosition, selection, at } = this.presences.appearanceOf(prd, accountId)
      return { ...this.userOf(prd, accountId, name), cursorPosition, selection, timestamp: at }
    })
  }

  /** It is in the rooms from now on; others are told of a person's first connection. */
  join(participant: Participant): void {
    const { connection, prd, accountId, name } = participant
    let mine = this.joined.get(connection)
    if (!mine) this.joined.set(connection, (mine = new Map()))
    mine.set(prd, participant)
    const { rooms } = this.options.hub
    rooms.join(connection, joinedRoom(prd))
    rooms.join(connection, participantRoom(prd, accountId))
    rooms.join(connection, participant.rich ? richRoom(prd) : plainRoom(prd))
    let there = this.there.get(prd)
    if (!there) this.there.set(prd, (there = new Map()))
    const isNew = !there.has(accountId)
    there.set(accountId, name)
    this.people.add(keyOf(prd, accountId), connection)
    if (isNew) this.tell(prd, 'user-joined', { prdId: toId('prd', prd), user: this.userOf(prd, accountId, name) }, connection)
    this.presences.joined(participant)
  }

  /** From now on it gets Yjs updates in place of operations. */
  becomeRich(participant: Participant): void {
    if (participant.rich || participant.hasLeft) return
    participant.rich = true
    const { rooms } = this.options.hub
    rooms.leave(participant.connection, plainRoom(participant.prd))
    rooms.join(participant.connection, richRoom(participant.prd))
  }

  /**
   * @param silently without a word from the client: the others are told after the grace
   * @returns whether it was there
   */
  leave(connection: Connection, prd: number, silently = false): boolean {
    const mine = this.joined.get(connection)
    const participant = mine?.get(prd)
    if (!mine || !participant) return false
    mine.delete(prd)
    if (mine.size === 0) this.joined.delete(connection)
    const { accountId } = participant
    participant.hasLeft = true
    this.release(participant)
    const { rooms } = this.options.hub
    for (const room of [joinedRoom(prd), participantRoom(prd, accountId), plainRoom(prd), richRoom(prd)]) {
      rooms.leave(connection, room)
    }
    this.presences.left(participant)
    if (this.connections(prd).size === 0) this.options.onEmpty(prd)
    const key = keyOf(prd, accountId)
    this.people.remove(key, connection, undefined)
    if (!silently && this.people.count(key) === 0 && this.people.drop(key)) this.gone(prd, accountId)
    return true
  }

  /** The connection has gone without a word. */
  closed(connection: Connection): readonly Participant[] {
    const left = this.joinedBy(connection)
    for (const { prd } of left) this.leave(connection, prd, true)
    return left
  }

  /** An account that is cut off: the others are told without the grace. */
  vanish(accountId: number): void {
    for (const [prd, there] of [...this.there]) {
      if (!there.has(accountId)) continue
      const key = keyOf(prd, accountId)
      for (const connection of [...this.people.holders(key)]) this.leave(connection, prd)
      if (this.people.drop(key)) this.gone(prd, accountId)
    }
  }

  /** An edit on its way counts although its connection leaves in the meantime. */
  async holding<T>(participant: Participant, edit: () => Promise<T>): Promise<T> {
    participant.edits += 1
    try {
      return await edit()
    } finally {
      participant.edits -= 1
      this.release(participant)
    }
  }

  /** To everybody who has joined the PRD, but one. Never dropped. */
  tell<N extends EventName>(prd: number, type: N, payload: Payload<N>, except?: Connection): void {
    this.options.hub.signal({
      module: MODULE,
      type,
      audience: { to: [joinedRoom(prd)] },
      payload: payload as object,
      keep: true,
      ...(except && { exceptConnection: except }),
    })
  }

  private release(participant: Participant): void {
    const { prd, lane, hasLeft, edits } = participant
    if (hasLeft && edits === 0 && lane) this.options.documents().peek(prd)?.release(lane.slot, participant)
  }

  private gone(prd: number, accountId: number): void {
    const there = this.there.get(prd)
    const name = there?.get(accountId)
    if (!there || name === undefined) return
    there.delete(accountId)
    if (there.size === 0) this.there.delete(prd)
    this.presences.gone(prd, accountId)
    this.tell(prd, 'user-left', { prdId: toId('prd', prd), userId: toId('user', accountId), name })
  }

  private userOf(prd: number, accountId: number, name: string): ActiveUser {
    const status = this.presences.statusOf(prd, accountId)
    return { userId: toId('user', accountId), name, avatar: null, status, color: colorOf(prd, accountId) }
  }
}
