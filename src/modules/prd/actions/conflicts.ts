import type { Caller } from '../../../kernel/action.ts'
import type { Connection } from '../../../kernel/connection.ts'
import { forbidden, invalid, notFound } from '../../../kernel/errors.ts'
import { eventLog } from '../../../kernel/event-log.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { formatPosition } from '../../../wire/position.ts'
import { SERVER_SLOT, type LiveDocument } from '../document/document.ts'
import { ageOf, hasAll, join, PARTS, read, textOf, touch, trace, write } from '../document/sides.ts'
import type { Accounts, Side, Sides } from '../document/sides.ts'
import { prdSubject } from '../events.ts'
import { notJoined } from '../failures.ts'
import { toId } from '../ids.ts'
import { listConflicts, type Conflict, type ConflictFilter } from '../lists/conflicts.ts'
import type { Collision, Edit, LoggedEdit } from '../merge.ts'
import { checkEdits, checkResolves } from '../policy.ts'
import { MODULE, participantRoom } from '../rooms.ts'
import { findConflict, type PrdAccess } from '../store/access.ts'
import {
  countOpen,
  insertConflict,
  openBetween,
  openConflicts,
  saveResolution,
  saveSides,
  type ConflictRow,
} from '../store/conflicts.ts'
import { timestamp, type Resolution } from '../wire.ts'
import { applyEdits, finish } from './editing.ts'
import { performOn, reachPrd, type Parts } from './parts.ts'
import { checkText } from './texts.ts'

/** Characters (UTF-16 units) of a change that are shown: longer ones are cut, and end in an ellipsis. */
const SHOWN = 10_000
/** Edits after which it is written anew where a conflict stands, so that the edits it is read from stay at hand. */
const REFRESH = 500

/** Conflicts that one edit can make: a late merge that meets others in more places has these looked at, and no more. */
const MOST = 8

/** A conflict as it stands: where its two changes are now, and what they are. */
interface Open {
  readonly row: ConflictRow
  readonly sides: Sides
  readonly texts: readonly [first: string, second: string]
}

/**
 * Section 5.3: what was merged, but two people should look at. It is told to both, once: what they go on typing there,
 * and what meets there again while it is open, is of the same conflict. Part of the unit that changed the text.
 * @param entries what became of the edit
 */
export async function recordConflicts(
  parts: Parts,
  unit: Unit,
  prd: PrdAccess,
  collisions: readonly Collision[],
  entries: readonly LoggedEdit[],
): Promise<void> {
  const found = meetings(prd.actor_id, collisions, entries)
  const document = found.length > 0 ? parts.documents.peek(prd.id) : undefined
  if (!document) return
  const detected: Open[] = []
  for (const { accounts, seqs } of found) {
    const sides = trace(document, accounts, seqs)
    const texts = textsOf(document, sides)
    if (positionOf(sides) === null || texts[0] === texts[1]) continue
    if (await extendKnown(parts, unit, document, accounts, sides)) continue
    const { count } = (await unit.get(countOpen, { prd: prd.id }))!
    if (Number(count) >= parts.settings.conflicts) continue
    const row = (await unit.get(insertConflict, {
      prd_id: prd.id,
      sides: write(document, sides),
      first_id: accounts[0],
      first_text: shown(texts[0]),
      second_id: accounts[1],
      second_text: shown(texts[1]),
      created_at: unit.now,
    }))!
    detected.push({ row, sides, texts })
  }
  if (detected.length > 0) unit.after(() => tellDetected(parts, prd.id, detected))
}

/** @returns whether there is an open one in that place, which has this in it now */
async function extendKnown(
  parts: Parts,
  unit: Unit,
  document: LiveDocument,
  [first, second]: Accounts,
  met: Sides,
): Promise<boolean> {
  for (const row of await unit.all(openBetween, { prd: document.id, first, second })) {
    const sides = sidesOf(document, row)
    const texts = textsOf(document, sides)
    if (isGone(row, texts)) await close(parts, unit, row, texts)
    else if (touch(sides, met)) {
      const isNew = !hasAll(sides, met)
      if (isNew || ageOf(document, row.sides) > REFRESH) await save(unit, document, row.id, join(sides, met))
      return true
    }
  }
  return false
}

/** What one edit met: by person, the edits of both. */
interface Meeting {
  readonly accounts: Accounts
  readonly seqs: ReadonlySet<number>
}

/** With other people only: nobody is asked about what they did on two screens. */
function meetings(actor: number, collisions: readonly Collision[], entries: readonly LoggedEdit[]): readonly Meeting[] {
  const found = new Map<Edit, Map<number, Set<number>>>()
  for (const { own, other } of collisions) {
    if (other.accountId === actor) continue
    const people = found.get(own) ?? new Map<number, Set<number>>()
    found.set(own, people)
    const seqs = people.get(other.accountId) ?? new Set()
    people.set(other.accountId, seqs)
    if (seqs.size < PARTS) seqs.add(other.seq)
  }
  const all = [...found].flatMap(([own, people]) => {
    const made = entries.filter((entry) => entry === own)
    const mine = (made.length > 0 ? made : entries).map(({ seq }) => seq)
    return [...people].map(([other, seqs]) => ({
      accounts: [Math.min(actor, other), Math.max(actor, other)] as const,
      seqs: new Set([...seqs, ...mine]),
    }))
  })
  return all.slice(0, MOST)
}

/** How a conflict is to end. */
export interface Outcome {
  /** `yours` and `theirs` as who resolves it sees them. */
  readonly resolution: Resolution
  /** For `merge`. */
  readonly mergedContent?: string | null | undefined
}

export interface Resolved {
  readonly conflictId: string
  readonly resolution: Resolution
  readonly stateVector: readonly number[]
}

/**
 * Section 5.3, on a connection. @throws PrdError NOT_JOINED; forbidden for who has joined to view; as `resolveConflict`
 */
export async function resolveJoined(
  parts: Parts,
  caller: Caller,
  connection: Connection,
  id: number,
  conflict: number,
  outcome: Outcome,
): Promise<Resolved> {
  const participant = parts.live.of(connection, id)
  if (!participant) throw notJoined()
  if (participant.mode === 'view') throw forbidden('You have joined this PRD to view it; join it with mode edit')
  return resolveConflict(parts, caller, id, conflict, outcome)
}

/**
 * The outcome takes the place of the two changes, as far as they still stand; what anybody else has put between them
 * stays. Everybody gets the edit, who resolves it too. One resolution wins.
 * @throws not_found when it is absent, was resolved, or one of the changes was deleted since; forbidden, invalid;
 *   too_large
 */
export async function resolveConflict(
  parts: Parts,
  caller: Caller,
  id: number,
  conflict: number,
  { resolution, mergedContent }: Outcome,
): Promise<Resolved> {
  const merged = resolution === 'merge' ? readMerged(mergedContent) : ''
  const resolved = await performOn(parts, caller, id, async (unit, change, about) => {
    const prd = await reachPrd(unit, caller, id)
    about(prdSubject(id))
    checkEdits(prd)
    const row = await unit.get(findConflict, { prd: id, id: conflict })
    if (!row || row.resolution !== null) throw notFound('This conflict')
    checkResolves(prd, row, resolution)
    const done = await change((document) => {
      const sides = sidesOf(document, row)
      const texts = textsOf(document, sides)
      if (isGone(row, texts)) return { texts }
      const kept = resolution === 'merge' ? undefined : sideOf(row, prd.actor_id, resolution)
      const edits = edit(document, sides, kept, merged)
      return { texts, deed: applyEdits(parts, unit, prd, document, edits, SERVER_SLOT) }
    })
    if (!done.deed) {
      await close(parts, unit, row, done.texts)
      return undefined
    }
    const { stateVector } = await finish(parts, unit, prd, done.deed)
    await close(parts, unit, row, done.texts, { resolution, by: { id: prd.actor_id, name: prd.actor_name } })
    return { conflictId: toId('conflict', row.id), resolution, stateVector }
  })
  // Not within: that it was closed is to stay.
  if (!resolved) throw notFound('This conflict')
  return resolved
}

/** In a unit, since what is found to be gone is closed. @throws not_found */
export function readConflicts(
  { unitOfWork, ...parts }: Parts,
  caller: Caller,
  id: number,
  filter: ConflictFilter,
): Promise<{ items: readonly Conflict[]; nextBefore: string | null; position: string }> {
  return unitOfWork.run(async (unit) => {
    const prd = await reachPrd(unit, caller, id)
    const position = formatPosition(await eventLog.head(unit))
    const document = await parts.documents.open(unit, id)
    const live = new Map<number, Pick<Conflict, 'position'> & Pick<Open, 'texts'>>()
    for (const row of await unit.all(openConflicts, { prd: id })) {
      const sides = sidesOf(document, row)
      const texts = textsOf(document, sides)
      if (isGone(row, texts)) await close(parts, unit, row, texts)
      else {
        live.set(row.id, { position: positionOf(sides), texts: [shown(texts[0]), shown(texts[1])] })
        if (ageOf(document, row.sides) > REFRESH) await save(unit, document, row.id, sides)
      }
    }
    const { rows, next } = await listConflicts(unit, prd, filter, live)
    return { items: rows, nextBefore: next ?? null, position }
  })
}

async function save(unit: Unit, document: LiveDocument, id: number, sides: Sides): Promise<void> {
  const [first_text, second_text] = textsOf(document, sides).map(shown) as [string, string]
  await unit.run(saveSides, { id, sides: write(document, sides), first_text, second_text })
}

/** @param how nothing: its text was deleted */
async function close(
  parts: Pick<Parts, 'hub'>,
  unit: Unit,
  { id, prd_id, first_id, second_id }: ConflictRow,
  texts: Open['texts'],
  how?: { readonly resolution: Resolution; readonly by: { readonly id: number; readonly name: string } },
): Promise<void> {
  const [first_text, second_text] = [shown(texts[0]), shown(texts[1])]
  const resolution = how?.resolution ?? 'closed'
  await unit.run(saveResolution, {
    id,
    first_text,
    second_text,
    resolution,
    resolved_by: how?.by.id ?? null,
    at: unit.now,
  })
  const payload = {
    prdId: toId('prd', prd_id),
    conflictId: toId('conflict', id),
    resolution,
    resolvedBy: how ? { id: toId('user', how.by.id), name: how.by.name } : null,
    resolvedAt: timestamp(unit.now),
  }
  unit.after(() => {
    for (const author of [first_id, second_id]) tell(parts, 'conflict-resolved', prd_id, author, payload)
  })
}

/** To each of the authors what concerns them, as they see it. */
function tellDetected(parts: Pick<Parts, 'hub'>, prd: number, detected: readonly Open[]): void {
  const authors = new Set(detected.flatMap(({ row: { first_id, second_id } }) => [first_id, second_id]))
  for (const author of authors) {
    const conflicts = detected
      .filter(({ row: { first_id, second_id } }) => author === first_id || author === second_id)
      .map(({ row, sides, texts }) => {
        const yours = sideOf(row, author, 'yours')
        return {
          position: positionOf(sides)!,
          yourChange: shown(texts[yours]),
          theirChange: shown(texts[1 - yours]!),
          conflictId: toId('conflict', row.id),
        }
      })
    tell(parts, 'conflict-detected', prd, author, { prdId: toId('prd', prd), conflicts })
  }
}

/** As a signal, as the edit itself is: it comes after it, and means nothing to who joins later. */
function tell({ hub }: Pick<Parts, 'hub'>, type: string, prd: number, author: number, payload: object): void {
  hub.signal({ module: MODULE, type, audience: { to: [participantRoom(prd, author)] }, payload, keep: true })
}

/** What puts the outcome in place of the two changes, each edit standing after the ones before it. */
function edit({ text }: LiveDocument, { ranges }: Sides, kept: Side | undefined, merged: string): readonly Edit[] {
  const edits: Edit[] = []
  let [grown, end] = [0, -1]
  for (const { from, to } of ranges.filter(({ side }) => side !== kept)) {
    const last = edits.at(-1)
    if (last && end === from) edits[edits.length - 1] = { ...last, removed: last.removed + to - from }
    else edits.push({ at: from + grown, removed: to - from, inserted: edits.length === 0 ? merged : '' })
    grown = edits.reduce((total, { removed, inserted }) => total + inserted.length - removed, 0)
    end = to
  }
  const [only] = edits
  const isThere = edits.length === 1 && text.slice(only!.at, only!.at + only!.removed) === only!.inserted
  return isThere ? [] : edits
}

function readMerged(mergedContent: string | null | undefined): string {
  if (typeof mergedContent !== 'string') throw invalid({ mergedContent: 'must hold the merged text; it may be empty' })
  checkText('mergedContent', mergedContent)
  return mergedContent
}

const accountsOf = ({ first_id, second_id }: ConflictRow): Accounts => [first_id, second_id]

const sideOf = ({ first_id }: ConflictRow, author: number, whose: 'yours' | 'theirs'): Side =>
  (first_id === author) === (whose === 'yours') ? 0 : 1

const sidesOf = (document: LiveDocument, row: ConflictRow): Sides => read(document, row.sides, accountsOf(row))

const textsOf = (document: LiveDocument, sides: Sides): Open['texts'] => [
  textOf(document, sides, 0),
  textOf(document, sides, 1),
]

/** There is nothing to choose from any more: one of the changes is not there, and was more than a deletion. */
const isGone = ({ first_text, second_text }: ConflictRow, [first, second]: Open['texts']): boolean =>
  (first === '' && first_text !== '') || (second === '' && second_text !== '')

const positionOf = ({ ranges }: Sides): number | null => ranges[0]?.from ?? null

function shown(text: string): string {
  if (text.length <= SHOWN) return text
  const cut = text.slice(0, SHOWN)
  return `${cut.isWellFormed() ? cut : cut.slice(0, -1)}…`
}
