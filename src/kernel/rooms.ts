/** Unit of fan-out: who is in a room gets what is sent to it. Module rooms carry their module's name as prefix. */
export type Room = string

/** The room of one user's connections on one module: for what is meant for this person alone. */
export const userRoom = (module: string, accountId: number): Room => `${module}:user:${accountId}`

export interface Member {
  /** Rooms this member is in; kept by Rooms. */
  readonly rooms: Set<Room>
}

export class Rooms<M extends Member> {
  private readonly rooms = new Map<Room, Set<M>>()

  join(member: M, room: Room): void {
    let members = this.rooms.get(room)
    if (!members) this.rooms.set(room, (members = new Set()))
    members.add(member)
    member.rooms.add(room)
  }

  leave(member: M, room: Room): void {
    member.rooms.delete(room)
    const members = this.rooms.get(room)
    if (!members) return
    members.delete(member)
    if (members.size === 0) this.rooms.delete(room)
  }

  leaveAll(member: M): void {
    for (const room of member.rooms) this.leave(member, room)
  }

  members(room: Room): ReadonlySet<M> {
    return this.rooms.get(room) ?? nobody
  }

  /** Rooms with at least one member. */
  get size(): number {
    return this.rooms.size
  }
}

const nobody: ReadonlySet<never> = new Set()

/** To whom: everybody in any of `to`, once, who is also in any of `within` (if given) and in none of `except`. */
export interface Audience {
  readonly to: readonly Room[]
  /** What gives the right to see it: a person's own copy of a project's news is theirs only while they are in it. */
  readonly within?: readonly Room[] | undefined
  readonly except?: readonly Room[] | undefined
}

/** The rule by which an event is sent and, later, replayed. */
export function inAudience(rooms: ReadonlySet<Room>, audience: Audience): boolean {
  const has = (room: Room): boolean => rooms.has(room)
  return audience.to.some(has) && (audience.within?.some(has) ?? true) && !audience.except?.some(has)
}
