import type { LiveDocument } from '../document/document.ts'
import { fit, transformPosition, type Edit } from '../merge.ts'

/** Where an answer goes in a document that others are editing: section 4.2. All offsets are UTF-16 units. */

/** As it is in a row, JSON: the place before what was there when it was asked for, and the place behind it. */
interface Anchors {
  readonly start: string
  readonly until: string
}

/** How far from where a piece of the answer is expected it is looked for, between what others put there. */
const NEAR = 1_000
/** Shorter pieces are looked for only where they are expected: others may type the same letters. */
const TELLING = 4

/** The place at an offset of the text as it is; past the end is the end, and no surrogate pair is cut. */
export function anchorAt(document: LiveDocument, position: number): string {
  const { at } = fit({ at: position, removed: 0, inserted: '' }, document.text)
  const anchors: Anchors = { start: document.anchor(at, 'left'), until: document.anchor(at, 'right') }
  return JSON.stringify(anchors)
}

/**
 * Follows one answer. What a client puts into the text of it stands between `start` and `until`, where nothing stood
 * when it was asked for: so it is known from what was there before, and the answer goes on behind it.
 */
export class Placement {
  private readonly anchors: Anchors
  /** What offsets are of. */
  private document: LiveDocument | undefined
  private seq = 0
  private start = 0
  /** Behind what of the answer is in the text. */
  private from = 0
  private until = 0
  private readonly pieces: string[] = []
  /** Pieces that are in the text. */
  private accepted = 0

  /** @param anchor of `anchorAt` */
  constructor(anchor: string) {
    this.anchors = JSON.parse(anchor) as Anchors
  }

  /** Where the answer begins. */
  begin(document: LiveDocument): number {
    this.bring(document)
    return this.start
  }

  /** Where the next piece goes: behind those that were told, as if all of them were in the text. */
  next(document: LiveDocument): number {
    this.bring(document)
    this.accept(document)
    let at = this.from
    for (let i = this.accepted; i < this.pieces.length; i += 1) at += this.pieces[i]!.length
    return at
  }

  /** A piece that people were told. */
  tell(piece: string): void {
    if (piece !== '') this.pieces.push(piece)
  }

  /** To where the text has moved it. */
  private bring(document: LiveDocument): void {
    const { log } = document
    if (this.document !== document || this.seq + 1 < log.first) this.findAgain(document)
    else for (let seq = this.seq + 1; seq <= log.last; seq += 1) this.follow(log.at(seq))
    this.document = document
    this.seq = document.seq
  }

  private follow(edit: Edit): void {
    const isHere = edit.at <= this.until && edit.at + edit.removed >= this.start
    const count = isHere ? this.piecesIn(edit.inserted) : 0
    this.start = transformPosition(this.start, edit, 'left')
    this.until = transformPosition(this.until, edit, 'right')
    this.from = count > 0 ? edit.at + edit.inserted.length : transformPosition(this.from, edit, 'left')
    this.accepted += count
  }

  /** How many of the next pieces a text is, put together; 0: it is something else. */
  private piecesIn(text: string): number {
    let length = 0
    for (let i = this.accepted; length < text.length; i += 1) {
      const piece = this.pieces[i]
      if (piece === undefined || !text.startsWith(piece, length)) return 0
      length += piece.length
      if (length === text.length) return i + 1 - this.accepted
    }
    return 0
  }

  /** The document was read again, or what has happened to it since is not at hand. */
  private findAgain(document: LiveDocument): void {
    const { start, until } = this.anchors
    const found = document.positionsOf(new Set([start, until]))
    this.start = found.get(start)!
    this.until = Math.max(this.start, found.get(until)!)
    this.from = this.start
    this.accepted = 0
  }

  /** What was put in otherwise than piece by piece. */
  private accept({ text }: LiveDocument): void {
    while (this.accepted < this.pieces.length) {
      const piece = this.pieces[this.accepted]!
      const there = text.slice(this.from, Math.min(this.until, this.from + NEAR + piece.length))
      const at = there.startsWith(piece) ? 0 : piece.length < TELLING ? -1 : there.indexOf(piece)
      if (at < 0) return
      this.from += at + piece.length
      this.accepted += 1
    }
  }
}
