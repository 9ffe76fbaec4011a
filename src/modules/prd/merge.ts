/**
 * How edits that did not know of each other are merged (operational transformation with a server in the middle).
 *
 * Text is UTF-16, places are the gaps between its units. Two edits of the same text are merged by what they mean there:
 *
 * - a unit that either takes away is gone, and gone once;
 * - what either inserts stands in the gap where it was inserted, whatever becomes of the units around it, so it stays
 *   beside the neighbours it was typed beside;
 * - of two texts inserted in one gap the left one is that of `isLeftOf`, whoever was first, so people who type at one
 *   place do not mix their letters; only the same replacement made twice is made once.
 *
 * `transform` says what one edit has still to do to a text that has the other one already. Since the merged text does
 * not depend on who goes first, `b` then `transform(a, b)` gives the same text as `a` then `transform(b, a)`. That is
 * all that server and clients need: the server keeps a log in one order, and each of the two brings what it gets over
 * what the other had not seen.
 */

/** At UTF-16 offset `at` take away `removed` units and put `inserted` there. */
export interface Edit {
  readonly at: number
  readonly removed: number
  readonly inserted: string
}

/** An edit as it stands in the log. It raises its slot of the vector to `count`; the sum of that vector is `seq`. */
export interface LoggedEdit extends Edit {
  readonly seq: number
  readonly slot: number
  readonly count: number
  readonly accountId: number
  /** Wall-clock milliseconds. */
  readonly time: number
}

/** A text by its UTF-16 units: a string, or a document's text in pieces. */
export interface Units {
  readonly length: number
  charCodeAt(index: number): number
}

/** Two lists after they met: each as it must be done after the other. */
export interface Crossing {
  readonly edits: readonly Edit[]
  readonly past: readonly Edit[]
  /** A person should look at the outcome (`collide`). */
  readonly isCollision: boolean
}

/** Whose text stands left in a gap: a plain client's (even slot) before a Yjs client's, whose next letter Yjs puts beside
 * its last; of two of a kind that of the lower slot. */
export const isLeftOf = (a: number, b: number): boolean => (a % 2 === b % 2 ? a < b : a % 2 === 0)

const endOf = ({ at, removed }: Edit): number => at + removed
const growthOf = ({ removed, inserted }: Edit): number => inserted.length - removed

export const hasEffect = ({ removed, inserted }: Edit): boolean => removed > 0 || inserted !== ''

const isSameReplacement = (a: Edit, b: Edit): boolean =>
  a.removed > 0 && a.at === b.at && a.removed === b.removed && a.inserted === b.inserted

/**
 * `edit`, made on the same text as `past`, as it must be done after `past`.
 * @param isLeft what it inserts in the very gap where `past` inserts comes first
 * @returns none when nothing is left to do; two when `past` inserted in the midst of what `edit` takes away. The second
 *   stands after the first, and right of it.
 */
export function transform(edit: Edit, past: Edit, isLeft: boolean): readonly Edit[] {
  if (isSameReplacement(edit, past)) return []
  const { at, inserted } = edit
  const behind = Math.max(at, endOf(past))
  const removedBefore = Math.max(0, Math.min(endOf(edit), past.at) - at)
  const removedBehind = Math.max(0, endOf(edit) - behind)
  const behindNow = behind + growthOf(past)
  const insertsBefore = at < past.at || (at === past.at && isLeft)

  if (!insertsBefore) return [{ at: behindNow, removed: removedBehind, inserted }].filter(hasEffect)
  if (past.inserted === '') return [{ at, removed: removedBefore + removedBehind, inserted }].filter(hasEffect)
  return [
    { at, removed: removedBefore, inserted },
    { at: behindNow + inserted.length - removedBefore, removed: removedBehind, inserted: '' },
  ].filter(hasEffect)
}

/**
 * Both ways at once, for two lists that begin on the same text; in each an edit stands after the ones before it.
 * @param isLeft what `edits` insert in the very gap where `past` inserts comes first
 */
export function transformLists(edits: readonly Edit[], past: readonly Edit[], isLeft: boolean): Crossing {
  if (edits.length === 0 || past.length === 0) return { edits, past, isCollision: false }
  if (edits.length === 1 && past.length === 1) {
    const [edit, other] = [edits[0]!, past[0]!]
    return {
      edits: transform(edit, other, isLeft),
      past: transform(other, edit, !isLeft),
      isCollision: collide(edit, other),
    }
  }
  if (edits.length < past.length) {
    const mirrored = transformLists(past, edits, !isLeft)
    return { edits: mirrored.past, past: mirrored.edits, isCollision: mirrored.isCollision }
  }
  const half = edits.length >> 1
  const head = transformLists(edits.slice(0, half), past, isLeft)
  const tail = transformLists(edits.slice(half), head.past, isLeft)
  return {
    edits: [...head.edits, ...tail.edits],
    past: tail.past,
    isCollision: head.isCollision || tail.isCollision,
  }
}

/**
 * Where a cursor or one end of an anchor stands after `edit`.
 * @param stick the side it keeps to when text is put at its place or in place of what is around it
 */
export function transformPosition(position: number, edit: Edit, stick: 'left' | 'right'): number {
  if (position < edit.at) return position
  if (position > edit.at && position >= endOf(edit)) return position + growthOf(edit)
  return stick === 'left' ? edit.at : edit.at + edit.inserted.length
}

/** @param edit that fits the text */
export function apply(text: string, edit: Edit): string {
  return text.slice(0, edit.at) + edit.inserted + text.slice(endOf(edit))
}

/**
 * Whether merging two edits of the same text does what neither author has seen: different text in one gap or for
 * overlapping ranges, or text put strictly inside what the other takes away.
 */
export function collide(a: Edit, b: Edit): boolean {
  if (isSameReplacement(a, b)) return false
  if (insertsInside(a, b) || insertsInside(b, a)) return true
  const inOneGap = a.at === b.at && a.inserted !== '' && b.inserted !== ''
  const overlap = Math.max(a.at, b.at) < Math.min(endOf(a), endOf(b))
  return (inOneGap || overlap) && a.inserted !== b.inserted
}

const insertsInside = (edit: Edit, range: Edit): boolean =>
  edit.inserted !== '' && range.at < edit.at && edit.at < endOf(range)

/** Whether who has `vector` has seen the `count`-th edit of a slot. A slot that the vector lacks counts 0. */
function isCovered(vector: readonly number[], slot: number, count: number): boolean {
  return (vector[slot] ?? 0) >= count
}

/**
 * An edit brought into the bounds of the text it is about to change. What lies past the end is brought to the end. No
 * surrogate pair is cut: a range is widened to whole pairs, and what is inserted within a pair goes behind it.
 */
export function fit(edit: Edit, text: Units): Edit {
  const start = Math.min(edit.at, text.length)
  const end = Math.min(endOf(edit), text.length)
  const wideEnd = isWithinPair(text, end) ? end + 1 : end
  if (edit.removed === 0) return { ...edit, at: wideEnd }
  const wideStart = isWithinPair(text, start) ? start - 1 : start
  return { at: wideStart, removed: wideEnd - wideStart, inserted: edit.inserted }
}

/** The same for all that `transform` made of one edit: each stands after the ones before it, and right of them. */
export function fitAll(edits: readonly Edit[], text: Units): readonly Edit[] {
  const fitting: Edit[] = []
  let [grown, grownFitting] = [0, 0]
  for (const edit of edits) {
    const fitted = fit({ ...edit, at: edit.at - grown }, text)
    if (hasEffect(fitted)) fitting.push({ ...fitted, at: fitted.at + grownFitting })
    grown += growthOf(edit)
    grownFitting += growthOf(fitted)
  }
  return fitting
}

const isWithinPair = (text: Units, gap: number): boolean =>
  gap > 0 &&
  gap < text.length &&
  (text.charCodeAt(gap - 1) & 0xfc00) === 0xd800 &&
  (text.charCodeAt(gap) & 0xfc00) === 0xdc00

/* The server's half of a connection. */

/** The edits of a document in their one order, as far as they are at hand: at least the newest. */
export interface EditLog {
  /** `seq` of the oldest edit at hand. */
  readonly first: number
  /** `seq` of the newest. */
  readonly last: number
  /** @param seq `first` … `last` */
  at(seq: number): LoggedEdit
}

/** The vector is older than the log reaches back. */
export class StaleState extends Error {
  readonly code = 'STALE_STATE'
  override readonly name = 'StaleState'
  constructor() {
    super('The state vector is too old: join the PRD again and make the edit on the text you get')
  }
}

/** An edit of somebody else, as it stands after everything the connection has seen or made. */
interface Unseen {
  readonly logged: LoggedEdit
  readonly edits: readonly Edit[]
}

/** An own edit that met an edit of another slot which its sender had not seen (`collide`). */
export interface Collision {
  /** As its sender made it. */
  readonly own: Edit
  /** As it applies now; none when nothing is left to do. */
  readonly applied: readonly Edit[]
  readonly other: LoggedEdit
}

/** What a connection sent, brought over what it had not seen. */
export interface Rebased {
  /** As they apply at the end of the log: each stands after the ones before it. `fitAll` is still to be done. */
  readonly edits: readonly Edit[]
  /** What their sender had not seen, the oldest first. */
  readonly unseen: readonly LoggedEdit[]
  readonly collisions: readonly Collision[]
  /** The unseen ones, brought over what the connection sent: for `Lane.accept`. */
  readonly crossed: readonly Unseen[]
}

/**
 * What the server knows of the text of one connection that edits through one slot of the vector. That text holds the
 * connection's own edits, all of them, and those of others in the order of the log up to the last one that the vector
 * beside an edit covers. Of its own slot the vector says nothing, so a client may raise it before it sends or after.
 *
 * The others' edits that are not in that text yet are kept as they would apply to it. They are taken from the log when
 * the connection next sends: one that only reads costs nothing. What a connection has shown to have seen stays seen.
 */
export class Lane {
  readonly slot: number
  private readonly joined: number
  /** The log has been looked at up to here; 0 until the connection sends. */
  private through = 0
  private newestSeen: LoggedEdit | undefined
  private unseen: readonly Unseen[] = []

  /** @param joined `seq` when the connection got its slot: older edits in that slot are another's */
  constructor(slot: number, joined: number) {
    this.slot = slot
    this.joined = joined
  }

  /**
   * Brings edits, made on the connection's text one after the other, over what it had not seen. What comes of them goes
   * to the end of the log in this slot, with a call of `accept`, before anything else happens to the log; or nothing is
   * done, and it is as if they had not been sent.
   * @param vector no slot but its own above 0: everything in the log has been seen
   * @throws StaleState
   */
  rebase(edits: readonly Edit[], vector: readonly number[], log: EditLog): Rebased {
    if (vector.some((count, slot) => count > 0 && slot !== this.slot)) this.catchUp(vector, log)
    else this.seeAll(log)
    const rebased: Edit[] = []
    const collisions: Collision[] = []
    let crossed = this.unseen
    for (const own of edits) {
      const met = this.cross(own, crossed)
      rebased.push(...met.applied)
      for (const other of met.collided) collisions.push({ own, applied: met.applied, other })
      crossed = met.crossed
    }
    return { edits: rebased, unseen: this.unseen.map(({ logged }) => logged), collisions, crossed }
  }

  /** What `rebase` gave is in the log. */
  accept({ crossed }: Rebased): void {
    this.unseen = crossed
  }

  /**
   * What brings the text of the connection, with all that it sent before, to the end of the log: in order, each
   * standing after the ones before it. An edit of the log may be there in two parts, or not at all when nothing is left
   * to do. To a vector older than what the connection has shown to have seen (it has lost its text) the log itself.
   * @throws StaleState
   */
  missing(vector: readonly number[], log: EditLog): readonly LoggedEdit[] {
    const hasLostText = this.newestSeen ? !covers(vector, this.newestSeen) : !vector.some((count) => count > 0)
    if (hasLostText) return newest(log, 0, (logged) => covers(vector, logged)).edits
    this.catchUp(vector, log)
    return this.unseen.flatMap(({ logged, edits }) => edits.map((edit) => ({ ...logged, ...edit })))
  }

  /** The connection has everything up to `seq`, whatever its vectors say: it was told by other means than edits. */
  advance(seq: number): void {
    this.through = seq
    this.unseen = []
  }

  private seeAll(log: EditLog): void {
    this.newestSeen = newest(log, this.through, (each) => !this.isOwn(each)).end ?? this.newestSeen
    this.advance(log.last)
  }

  private catchUp(vector: readonly number[], log: EditLog): void {
    const { edits, end } = newest(log, this.through, (each) => !this.isOwn(each) && covers(vector, each))
    const lastSeen = end ? this.unseen.length - 1 : this.unseen.findLastIndex(({ logged }) => covers(vector, logged))
    const kept = this.unseen.slice(lastSeen + 1)
    if (kept.length > 0 && kept[0]!.logged.seq < log.first) throw new StaleState()
    const others = edits.filter((each) => !this.isOwn(each))
    this.newestSeen = end ?? this.unseen[lastSeen]?.logged ?? this.newestSeen
    this.unseen = [...kept, ...others.map((logged) => ({ logged, edits: [logged] }))]
    this.through = log.last
  }

  private cross(own: Edit, unseen: readonly Unseen[]) {
    let applied: readonly Edit[] = [own]
    const crossed: Unseen[] = []
    const collided: LoggedEdit[] = []
    for (const { logged, edits } of unseen) {
      const crossing = transformLists(applied, edits, isLeftOf(this.slot, logged.slot))
      applied = crossing.edits
      crossed.push({ logged, edits: crossing.past })
      if (crossing.isCollision) collided.push(logged)
    }
    return { applied, crossed, collided }
  }

  private isOwn({ slot, seq }: LoggedEdit): boolean {
    return slot === this.slot && seq > this.joined
  }
}

const covers = (vector: readonly number[], { slot, count }: LoggedEdit): boolean => isCovered(vector, slot, count)

/** The log's edits from the end back to the first that is an `isEnd`, or to `after`; the oldest first. */
function newest(log: EditLog, after: number, isEnd: (logged: LoggedEdit) => boolean) {
  const edits: LoggedEdit[] = []
  for (let seq = log.last; seq > after; seq -= 1) {
    if (seq < log.first) throw new StaleState()
    const logged = log.at(seq)
    if (isEnd(logged)) return { edits: edits.reverse(), end: logged }
    edits.push(logged)
  }
  return { edits: edits.reverse(), end: undefined }
}

/* The wire's operations. */

/** An operation of the document, section 2.3: offsets and lengths in UTF-16 units. */
export type Operation =
  | { readonly type: 'insert'; readonly position: number; readonly content: string }
  | { readonly type: 'delete'; readonly position: number; readonly length: number }
  | { readonly type: 'replace'; readonly position: number; readonly length: number; readonly content: string }

/** The message says what to send instead. */
export class InvalidOperation extends Error {
  readonly code = 'INVALID_OPERATION'
  override readonly name = 'InvalidOperation'
}

/**
 * What a client sent as an operation, judged as far as it can be without a text: its sender's text is not at hand, so a
 * place past the end stays there through every `transform`, and `fit` brings it to the end as it is now. A `delete` may
 * give the removed text as `content` for its length.
 * @throws InvalidOperation
 */
export function normalize(operation: unknown): Edit {
  const { type, position, length, content } = (operation ?? {}) as Readonly<Record<string, unknown>>
  const at = units(position, 'position')
  switch (type) {
    case 'insert':
      return { at, removed: 0, inserted: wellFormed(content) }
    case 'delete':
      return {
        at,
        removed: length === undefined && content !== undefined ? wellFormed(content).length : units(length, 'length'),
        inserted: '',
      }
    case 'replace':
      return { at, removed: units(length, 'length'), inserted: wellFormed(content) }
    default:
      throw new InvalidOperation("operation.type must be 'insert', 'delete' or 'replace'")
  }
}

function units(value: unknown, name: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw new InvalidOperation(`operation.${name} must be a whole number of UTF-16 units, 0 or more`)
}

function wellFormed(content: unknown): string {
  if (typeof content !== 'string') throw new InvalidOperation('operation.content must be a string')
  // Stored as text, which in PostgreSQL cannot hold it.
  if (content.includes('\0')) throw new InvalidOperation('operation.content must not hold the character U+0000')
  if (content.isWellFormed()) return content
  throw new InvalidOperation('operation.content must not hold half of a surrogate pair: send whole characters')
}

/** The operation that makes an edit. */
export function operationOf({ at: position, removed: length, inserted: content }: Edit): Operation {
  if (length === 0) return { type: 'insert', position, content }
  if (content === '') return { type: 'delete', position, length }
  return { type: 'replace', position, length, content }
}
