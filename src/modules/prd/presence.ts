import type { Connection } from '../../kernel/connection.ts'
import type { Hub } from '../../kernel/hub.ts'
import type { Ticket } from '../../kernel/timing-wheel.ts'
import { Broadcasts, type Update } from './batching.ts'
import { colorOf } from './colors.ts'
import type { Documents } from './document/documents.ts'
import type { LiveDocument, Stick } from './document/document.ts'
import { toId } from './ids.ts'
import type { Participant } from './live.ts'
import { fit } from './merge.ts'
import { joinedRoom, participantRoom } from './rooms.ts'
import type { PrdSettings } from './settings.ts'
import type { PresenceStatus } from './wire.ts'

export interface PresencesOptions {
  readonly hub: Hub
  readonly settings: Pick<PrdSettings, 'presenceRestMs' | 'cursorMs' | 'batching' | 'historyEdits'>
  readonly documents: () => Pick<Documents, 'peek'>
}

/** Of a connection that has joined, what its presence needs to know. */
export type Visitor = Pick<Participant, 'connection' | 'prd' | 'accountId' | 'name' | 'mode'>

/** UTF-16 offsets; `start` is never behind `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** What a client says of itself: what is absent stays as it was, null is none. */
export interface Showing {
  readonly status?: PresenceStatus | undefined
  readonly cursorPosition?: number | null | undefined
  readonly selection?: Range | null | undefined
}

/** What the others see of a person. */
export interface Appearance {
  readonly status: PresenceStatus
  readonly cursorPosition: number | null
  readonly selection: Range | null
}

/** A person in a PRD: what was last shown, from any tab. */
interface Person {
  readonly accountId: number
  name: string
  /** Where it was shown from: undefined before anything was, and when that tab has gone. */
  connection: Connection | undefined
  status: PresenceStatus
  cursor: number | null
  selection: Range | null
  /** Number of the edit after which cursor and selection stand there. */
  seq: number
  /** Wall-clock milliseconds; undefined before anything was shown. */
  at: number | undefined
  /** Monotonic milliseconds before which the others are not told again. */
  restUntil: number
}

interface Place {
  readonly people: Map<number, Person>
  /** Whose latest the others have not been told. */
  readonly waiting: Set<Person>
  /** Number of the last edit that everybody was told of. */
  told: number
  /** Edit up to which all cursors were brought at least. */
  brought: number
  restUntil: number
  ticket: Ticket | undefined
}

/**
 * Rest of a PRD for each connection there: every broadcast is as many socket writes, so that this is what they may take
 * together, whatever the crowd; 200 people are told of one another twice a second.
 */
const REST_MS_EACH = 2.5
/** Edits after which the cursors of those who keep still are brought along. */
const BRING_EVERY = 500

/**
 * What people show of themselves in a PRD: section 3. Cursors and selections move with the text, up to the last edit
 * that everybody was told of: a document in memory may be ahead of that by what is just being committed.
 */
export class Presences {
  private readonly options: PresencesOptions
  private readonly broadcasts: Broadcasts
  private readonly places = new Map<number, Place>()

  constructor(options: PresencesOptions) {
    this.options = options
    this.broadcasts = new Broadcasts(options)
    options.hub.keeps('presences', () => this.places.size)
  }

  /** It has been sent `joined-prd`, maybe not for the first time, and is now told where the others are. */
  joined({ connection, prd, accountId, name, mode }: Visitor): void {
    let place = this.places.get(prd)
    if (!place) this.places.set(prd, (place = newPlace(this.options.documents().peek(prd)?.seq ?? 0)))
    let person = place.people.get(accountId)
    if (!person) place.people.set(accountId, (person = newPerson(accountId, name, place.told)))
    person.name = name
    this.broadcasts.enter(prd, connection)
    const others = [...place.people.values()].filter(
      (each) => this.isPointing(each) && (each.accountId !== accountId || this.isOnOtherTab(prd, each, connection)),
    )
    this.broadcasts.welcome(prd, connection, others.map((each) => this.updateOf(prd, place, each)))
    if (mode === 'view' && person.connection === connection && person.status !== 'viewing') {
      person.status = 'viewing'
      this.tellSoon(prd, place, person)
    }
  }

  /** Of a person with other tabs, what was shown from this one is withdrawn. */
  left({ connection, prd, accountId }: Visitor): void {
    const { hub } = this.options
    this.broadcasts.leave(prd, connection)
    const place = this.places.get(prd)
    const person = place?.people.get(accountId)
    if (!place || person?.connection !== connection) return
    person.connection = undefined
    if (hub.rooms.members(participantRoom(prd, accountId)).size === 0) return
    person.status = 'viewing'
    person.cursor = null
    person.selection = null
    person.at = hub.clock.now()
    this.tellSoon(prd, place, person)
  }

  /** The person is there no more. */
  gone(prd: number, accountId: number): void {
    const place = this.places.get(prd)
    const person = place?.people.get(accountId)
    if (!place || !person) return
    place.people.delete(accountId)
    place.waiting.delete(person)
    if (place.people.size > 0) return
    place.ticket?.cancel()
    this.places.delete(prd)
  }

  /** Everybody has been sent the edits up to `seq`. */
  told(prd: number, seq: number): void {
    const place = this.places.get(prd)
    if (!place) return
    place.told = Math.max(place.told, seq)
    if (place.told - place.brought < Math.min(BRING_EVERY, this.options.settings.historyEdits / 2)) return
    place.brought = place.told
    for (const person of place.people.values()) this.bring(prd, place, person)
  }

  /** Number of the last edit that everybody there was told of; undefined: nobody is there. */
  toldOf(prd: number): number | undefined {
    return this.places.get(prd)?.told
  }

  statusOf(prd: number, accountId: number): PresenceStatus {
    return this.places.get(prd)?.people.get(accountId)?.status ?? 'viewing'
  }

  /** What is to be seen of somebody; a cursor that has not moved for long is none. */
  appearanceOf(prd: number, accountId: number): Appearance & { readonly at: number | null } {
    const place = this.places.get(prd)
    const person = place?.people.get(accountId)
    if (!place || !person) return { status: 'viewing', cursorPosition: null, selection: null, at: null }
    const at = person.at ?? null
    if (!this.isPointing(person)) return { status: person.status, cursorPosition: null, selection: null, at }
    this.bring(prd, place, person)
    return { ...appearance(person), at }
  }

  /**
   * Section 3.1. Offsets are of the text as this connection has been told it; past the end they are the end, and a half
   * of a surrogate pair is the whole. Who has joined to view is seen viewing, whatever they say.
   * @returns what the others see
   */
  show({ connection, prd, accountId, mode }: Visitor, showing: Showing): Appearance {
    const place = this.places.get(prd)!
    const person = place.people.get(accountId)!
    this.bring(prd, place, person)
    const { status, cursorPosition, selection } = showing
    const document = this.options.documents().peek(prd)
    person.connection = connection
    person.status = mode === 'view' ? 'viewing' : (status ?? person.status)
    if (cursorPosition !== undefined) person.cursor = cursorPosition && fitCursor(document, cursorPosition)
    if (selection !== undefined) person.selection = selection && fitSelection(document, selection)
    person.at = this.options.hub.clock.now()
    this.tellSoon(prd, place, person)
    return appearance(person)
  }

  private isPointing({ at, cursor, selection }: Person): boolean {
    const isRecent = at !== undefined && at > this.options.hub.clock.now() - this.options.settings.cursorMs
    return isRecent && (cursor !== null || selection !== null)
  }

  private isOnOtherTab(prd: number, { accountId, connection }: Person, tab: Connection): boolean {
    if (!connection || connection === tab) return false
    return this.options.hub.rooms.members(participantRoom(prd, accountId)).has(connection)
  }

  /** At once, or at the end of the rest. */
  private tellSoon(prd: number, place: Place, person: Person): void {
    place.waiting.add(person)
    this.tellDue(prd, place)
  }

  private tellDue(prd: number, place: Place): void {
    const { hub, settings } = this.options
    const now = hub.clock.monotonic()
    const due = now < place.restUntil ? [] : [...place.waiting].filter(({ restUntil }) => restUntil <= now)
    if (due.length > 0) {
      place.restUntil = now + hub.rooms.members(joinedRoom(prd)).size * REST_MS_EACH
      for (const person of due) {
        place.waiting.delete(person)
        person.restUntil = now + settings.presenceRestMs
      }
      this.broadcasts.send(prd, due.map((person) => this.updateOf(prd, place, person)))
    }
    if (place.ticket || place.waiting.size === 0) return
    const next = Math.max(place.restUntil, Math.min(...[...place.waiting].map(({ restUntil }) => restUntil)))
    place.ticket = hub.wheel.schedule(next - now, () => {
      place.ticket = undefined
      this.tellDue(prd, place)
    })
  }

  private updateOf(prd: number, place: Place, person: Person): Update {
    this.bring(prd, place, person)
    const { accountId, name, connection, at } = person
    const shown = {
      userId: toId('user', accountId),
      userName: name,
      avatar: null,
      ...appearance(person),
      color: colorOf(prd, accountId),
      timestamp: at ?? this.options.hub.clock.now(),
    }
    return { shown, sender: connection }
  }

  /** To where the text has moved it since; what was deleted around it leaves it in the gap. */
  private bring(prd: number, place: Place, person: Person): void {
    const { seq, cursor, selection } = person
    if (seq === place.told) return
    person.seq = place.told
    if (cursor === null && selection === null) return
    const document = this.options.documents().peek(prd)
    const moved = (position: number, stick: Stick): number | undefined =>
      document?.moved(position, seq, stick, place.told)
    // Too long ago, or the document is not at hand: a cursor nowhere is better than one in the wrong place.
    person.cursor = cursor === null ? null : (moved(cursor, 'right') ?? null)
    if (selection === null) return
    // What is typed at its edges does not become selected.
    const start = moved(selection.start, 'right')
    const end = moved(selection.end, 'left')
    person.selection = start === undefined || end === undefined ? null : { start, end: Math.max(start, end) }
  }
}

const newPlace = (told: number): Place => ({
  people: new Map(),
  waiting: new Set(),
  told,
  brought: told,
  restUntil: 0,
  ticket: undefined,
})

const newPerson = (accountId: number, name: string, seq: number): Person => ({
  accountId,
  name,
  connection: undefined,
  status: 'viewing',
  cursor: null,
  selection: null,
  seq,
  at: undefined,
  restUntil: 0,
})

const appearance = ({ status, cursor, selection }: Person): Appearance => ({
  status,
  cursorPosition: cursor,
  selection,
})

const fitCursor = (document: LiveDocument | undefined, position: number): number | null =>
  document ? fit({ at: position, removed: 0, inserted: '' }, document.text).at : null

/** Backwards it is the same range. */
function fitSelection(document: LiveDocument | undefined, { start, end }: Range): Range | null {
  if (!document) return null
  const at = Math.min(start, end)
  const range = fit({ at, removed: Math.max(start, end) - at, inserted: '' }, document.text)
  return { start: range.at, end: range.at + range.removed }
}
