import type { Caller } from '../../../kernel/action.ts'
import type { Connection } from '../../../kernel/connection.ts'
import { CommandError, forbidden } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import type { Change as Edited, LiveDocument } from '../document/document.ts'
import { SERVER_SLOT, vectorsOf } from '../document/document.ts'
import { admissible, newClients, newUnits, type Verdict } from '../document/admissible.ts'
import type { Inspection } from '../document/inspection.ts'
import { metInText } from '../document/met.ts'
import { prdSubject } from '../events.ts'
import { invalidOperation, invalidUpdate, notJoined, PrdError, staleState } from '../failures.ts'
import { toId } from '../ids.ts'
import type { Participant } from '../live.ts'
import {
  fitAll,
  InvalidOperation,
  Lane,
  normalize,
  operationOf,
  StaleState,
  type Collision,
  type Edit,
  type Operation,
} from '../merge.ts'
import { checkEdits } from '../policy.ts'
import { MODULE, plainRoom, richRoom } from '../rooms.ts'
import type { PrdAccess } from '../store/access.ts'
import { touchPrd } from '../store/prds.ts'
import { recordConflicts } from './conflicts.ts'
import { performOn, reachPrd, type Change, type Parts } from './parts.ts'

/** Of no replica: no slot of the vector is this edit's own. */
const NOBODY = -1

/** What the acknowledgement of an edit tells: what really became of it, and the vector after it. */
export interface Applied {
  /** In their order, each on the text after the one before it; empty when nothing was left to do. */
  readonly operations: readonly Operation[]
  readonly stateVector: readonly number[]
}

/** What was done to a document, as everybody is to be told it. */
interface Deed {
  readonly change: Edited | undefined
  /** Before the change. */
  readonly vector: readonly number[]
  readonly collisions: readonly Collision[]
}

/** Where an edit comes from. */
export interface Sender {
  readonly caller: Caller
  readonly connection: Connection
  /**
   * Told in its place between the edits of others: an acknowledgement after one of theirs that came later would make
   * its client take that for the earlier one.
   */
  readonly onApplied: (applied: Applied) => void
}

/**
 * Section 2.3, of a plain client: the operation is rebased from the state its sender had seen onto the present one.
 * @throws PrdError NOT_JOINED, INVALID_OPERATION, STALE_STATE; forbidden; too_large
 */
export async function applyOperation(
  parts: Parts,
  { caller, connection, onApplied }: Sender,
  id: number,
  operation: unknown,
  vector: readonly number[],
): Promise<Applied> {
  const edit = read(operation)
  return performAs(parts, caller, connection, id, async (participant, unit, change) => {
    const { prd, lane } = await reachToEdit(unit, caller, participant)
    const deed = await change((document): Deed => {
      checkSize(parts, document, edit.inserted.length - edit.removed)
      const rebased = rebase(lane, [edit], vector, document)
      const author = { slot: lane.slot, accountId: caller.accountId, time: unit.now }
      const deed = apply(document, rebased.edits, rebased.collisions, author)
      lane.accept(rebased)
      return deed
    })
    return finish(parts, unit, prd, deed, { participant, onApplied })
  })
}

/**
 * Section 2.3, of a rich client: a Yjs update in bytes. It has been looked through in another thread; what it needs must
 * be in the document, which else would keep it back and show it later.
 * @param vector what its sender had seen of others' edits; empty where it does not say
 * @throws PrdError NOT_JOINED, INVALID_UPDATE, STALE_STATE; forbidden; too_large
 */
export async function applyUpdate(
  parts: Parts,
  { caller, connection, onApplied }: Sender,
  id: number,
  update: Uint8Array,
  vector: readonly number[],
): Promise<Applied> {
  if (!parts.live.of(connection, id)) throw notJoined()
  const inspection = await parts.inspector.inspect(update)
  return performAs(parts, caller, connection, id, async (participant, unit, change) => {
    const { prd, lane } = await reachToEdit(unit, caller, participant)
    const deed = await change((document): Deed => {
      const before = [...document.vector]
      if (!checkAdmissible(parts, document, inspection)) return { change: undefined, vector: before, collisions: [] }
      checkSize(parts, document, newUnits(document.yjs, inspection))
      for (const client of newClients(document.yjs, inspection)) {
        if (!document.claim(client, participant, caller.accountId)) throw invalidUpdate(FOREIGN)
      }
      if (document.structs + inspection.structs > parts.settings.documentStructs) throw full('Yjs structures')
      const { unseen } = rebase(lane, [], vector, document)
      const { slot } = richLane(document, participant, lane)
      const merged = document.merge(update, { slot, accountId: caller.accountId, time: unit.now })
      // Its own document has what it had not seen as soon as it gets it: nothing is rebased for it.
      participant.lane?.advance(document.seq)
      return { change: merged, vector: before, collisions: metInText(merged.entries, unseen, document.log) }
    })
    unit.after(() => parts.live.becomeRich(participant))
    return finish(parts, unit, prd, deed, { participant, onApplied })
  })
}

/**
 * Section 2.3 by another door, of who has no connection that joined: what was seen is what the whole vector says. The
 * edit is logged in the server's slot, and everybody gets it, the tabs of that person too.
 * @throws not_found, forbidden; PrdError INVALID_OPERATION, STALE_STATE; too_large
 */
export function applyUnjoined(
  parts: Parts,
  caller: Caller,
  id: number,
  operation: unknown,
  vector: readonly number[],
): Promise<Applied> {
  const edit = read(operation)
  return performOn(parts, caller, id, async (unit, change, about) => {
    about(prdSubject(id))
    const prd = await reachPrd(unit, caller, id)
    checkEdits(prd)
    const deed = await change((document): Deed => {
      checkSize(parts, document, edit.inserted.length - edit.removed)
      const { edits, collisions } = rebase(new Lane(NOBODY, document.seq), [edit], vector, document)
      const author = { slot: SERVER_SLOT, accountId: caller.accountId, time: unit.now }
      return apply(document, edits, collisions, author)
    })
    return finish(parts, unit, prd, deed)
  })
}

/**
 * An edit on the present text, by the server in somebody's name: a restored version, a resolved conflict, a REST door.
 * Everybody gets it, the tabs of that person too.
 * @param edits what it comes to, given the document as it is
 */
export function applyEdits(
  parts: Parts,
  unit: Unit,
  prd: PrdAccess,
  document: LiveDocument,
  edits: readonly Edit[],
  slot: number,
): Deed {
  const grown = edits.reduce((total, { inserted, removed }) => total + inserted.length - removed, 0)
  checkSize(parts, document, grown)
  return apply(document, edits, [], { slot, accountId: prd.actor_id, time: unit.now })
}

/** Writes what was done, and tells it once it is committed. */
export async function finish(
  parts: Parts,
  unit: Unit,
  prd: PrdAccess,
  { change, vector, collisions }: Deed,
  sender?: { readonly participant: Participant } & Pick<Sender, 'onApplied'>,
): Promise<Applied> {
  if (!change || change.entries.length === 0) {
    // Nothing was left to do: what it would have done may still be what somebody else undid.
    if (collisions.length > 0) await recordConflicts(parts, unit, prd, collisions, [])
    const applied = { operations: [], stateVector: vector }
    unit.after(() => sender?.onApplied(applied))
    return applied
  }
  await parts.documents.append(unit, prd.id, change)
  // Typing moves it once a second.
  const isTouched = unit.now - prd.updated_at < TOUCH_MS && prd.status !== 'approved' && prd.status !== 'rejected'
  if (!isTouched) await unit.run(touchPrd, { id: prd.id, at: unit.now })
  const vectors = vectorsOf(vector, change.entries)
  const applied = { operations: change.entries.map(operationOf), stateVector: vectors.at(-1)! }
  unit.after(() => {
    sender?.onApplied(applied)
    tell(parts, prd, change, vectors, sender?.participant)
  })
  // After that: what they tell is about the text as it is with the edit.
  if (collisions.length > 0) await recordConflicts(parts, unit, prd, collisions, change.entries)
  return applied
}

function tell(
  { hub, live }: Pick<Parts, 'hub' | 'live'>,
  prd: PrdAccess,
  { entries, update }: Edited,
  vectors: readonly (readonly number[])[],
  sender: Participant | undefined,
): void {
  const head = { prdId: toId('prd', prd.id), userId: toId('user', prd.actor_id), userName: prd.actor_name }
  const common = { module: MODULE, type: 'content-update', keep: true as const }
  const but = sender && { exceptConnection: sender.connection }
  for (const [i, entry] of entries.entries()) {
    const operation = { ...operationOf(entry), timestamp: entry.time }
    const payload = { ...head, operation, stateVector: vectors[i]! }
    hub.signal({ ...common, audience: { to: [plainRoom(prd.id)] }, payload, ...but })
  }
  const payload = { ...head, update, stateVector: vectors.at(-1)! }
  hub.signal({ ...common, audience: { to: [richRoom(prd.id)] }, payload, ...but })
  live.presences.told(prd.id, entries.at(-1)!.seq)
}

/** An action of a connection that has joined: it counts although the connection leaves before it is written. */
function performAs<T>(
  parts: Parts,
  caller: Caller,
  connection: Connection,
  id: number,
  work: (participant: Participant, unit: Unit, change: Change) => Promise<T>,
): Promise<T> {
  const participant = parts.live.of(connection, id)
  if (!participant) throw notJoined()
  return parts.live.holding(participant, () =>
    performOn(parts, caller, id, (unit, change, about) => {
      about(prdSubject(id))
      return work(participant, unit, change)
    }),
  )
}

/** @throws not_found, forbidden; PrdError STALE_STATE for who must join again */
async function reachToEdit(unit: Unit, caller: Caller, { prd: id, mode, lane }: Participant) {
  const prd = await reachPrd(unit, caller, id)
  checkEdits(prd)
  if (mode === 'view') throw forbidden('You have joined this PRD to view it; join it with mode edit')
  if (!lane) throw staleState()
  return { prd, lane }
}

function read(operation: unknown): Edit {
  try {
    return normalize(operation)
  } catch (cause) {
    if (cause instanceof InvalidOperation) throw invalidOperation(cause.message)
    throw cause
  }
}

/** @throws PrdError STALE_STATE */
function rebase(lane: Lane, edits: readonly Edit[], vector: readonly number[], document: LiveDocument) {
  try {
    return lane.rebase(edits, vector, document.log)
  } catch (cause) {
    if (cause instanceof StaleState) throw staleState()
    throw cause
  }
}

/** The lane of a connection that speaks Yjs, from now on if not before. */
export function richLane(document: LiveDocument, participant: Participant, lane: Lane): Lane {
  if (lane.slot % 2 === 1) return lane
  const rich = new Lane(document.acquire(participant, participant.accountId, 'rich'), document.seq)
  document.release(lane.slot, participant)
  participant.lane = rich
  return rich
}

/** Milliseconds by which the time of a PRD's last change may be behind. */
const TOUCH_MS = 1_000

const FOREIGN = 'This update inserts in the name of somebody else who is editing; make a new Y.Doc for every client'

const unfit: Readonly<Partial<Record<Verdict, string>>> = {
  forged: 'This update is in the name of the server; make a new Y.Doc for every client',
  cuts: 'This update cuts a character of two UTF-16 units in half; insert and delete whole characters',
  crossed: 'This update contradicts the document; make a new Y.Doc and synchronise it',
  costly: 'This update would take too long to put in its places; make a new Y.Doc and synchronise it',
}

/** @returns false when there is nothing new in it */
function checkAdmissible({ settings }: Parts, document: LiveDocument, inspection: Inspection): boolean {
  const verdict = admissible(document.yjs, inspection, settings.decodeSteps)
  if (verdict === 'missing') {
    throw new PrdError(
      'STALE_STATE',
      'conflict',
      'This update builds on others that are not here; send sync-request with your Yjs state vector, then what is missing',
    )
  }
  const fault = unfit[verdict]
  if (fault !== undefined) throw invalidUpdate(fault)
  return verdict === 'new'
}

function apply(
  document: LiveDocument,
  edits: readonly Edit[],
  collisions: readonly Collision[],
  author: Parameters<LiveDocument['edit']>[1],
): Deed {
  const vector = [...document.vector]
  return { change: document.edit(fitAll(edits, document.text), author), vector, collisions }
}

function checkSize({ settings }: Pick<Parts, 'settings'>, document: LiveDocument, grown: number): void {
  if (grown > 0 && document.text.length + grown > settings.documentCharacters) {
    throw full(`${settings.documentCharacters} characters`)
  }
}

const full = (what: string): CommandError =>
  new CommandError('too_large', `A document has at most ${what}; shorten it, or begin another one`)
