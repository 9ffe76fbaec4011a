import type { Edit } from '../merge.ts'

/** A piece is made this long, and cut up when it is twice that: copying as much takes about as long as finding it. */
const PIECE = 2_000
/** A piece that falls below this is put together with the one behind it, so that deletions leave no crumbs. */
const SHORT = 500

/**
 * A text in pieces, so that an edit copies the piece it falls into and not the whole. All offsets are UTF-16 units. It
 * remembers the piece it was last asked for, since the next edit is mostly near the last one.
 */
export class Text {
  private pieces: string[]
  private units: number
  private index = 0
  private start = 0

  constructor(text = '') {
    this.pieces = cut(text)
    this.units = text.length
  }

  get length(): number {
    return this.units
  }

  /** NaN outside of the text, as with a string. */
  charCodeAt(offset: number): number {
    if (!(offset >= 0 && offset < this.units)) return Number.NaN
    this.find(offset)
    return this.pieces[this.index]!.charCodeAt(offset - this.start)
  }

  /** @param from 0 … length @param to from … length */
  slice(from: number, to: number = this.units): string {
    if (to <= from || from >= this.units) return ''
    this.find(from)
    let taken = this.pieces[this.index]!.slice(from - this.start, to - this.start)
    let end = this.start + this.pieces[this.index]!.length
    for (let index = this.index + 1; end < to && index < this.pieces.length; index += 1) {
      const piece = this.pieces[index]!
      taken += piece.slice(0, to - end)
      end += piece.length
    }
    return taken
  }

  /**
   * @returns the text that it took away
   * @throws RangeError when the edit does not fit the text
   */
  edit({ at, removed, inserted }: Edit): string {
    if (!(at >= 0 && removed >= 0 && at + removed <= this.units)) throw new RangeError('The edit does not fit the text')
    const taken = this.slice(at, at + removed)
    this.find(at)
    const last = this.lastPiece(at + removed)
    const before = this.pieces[this.index]!.slice(0, at - this.start)
    const after = this.pieces[last.index]!.slice(at + removed - last.start)
    this.replace(last.index, before + inserted + after)
    this.units += inserted.length - removed
    return taken
  }

  toString(): string {
    return this.pieces.join('')
  }

  /** Puts `text` in place of the pieces from the present one to the one at `last`. */
  private replace(last: number, text: string): void {
    const isFinal = last === this.pieces.length - 1
    const isShort = text.length < SHORT && !isFinal
    if (last === this.index && !isShort && text.length < 2 * PIECE) {
      this.pieces[last] = text
      return
    }
    const behind = isShort ? last + 2 : last + 1
    const pieces = cut(isShort ? text + this.pieces[last + 1]! : text)
    this.pieces = [...this.pieces.slice(0, this.index), ...pieces, ...this.pieces.slice(behind)]
    this.index = 0
    this.start = 0
  }

  /** The piece that ends at or behind `offset`, from the present one on. */
  private lastPiece(offset: number): { index: number; start: number } {
    let { index, start } = this
    while (start + this.pieces[index]!.length < offset) {
      start += this.pieces[index]!.length
      index += 1
    }
    return { index, start }
  }

  /** Makes the piece that holds the unit at `offset` the present one; for the end of the text the last piece. */
  private find(offset: number): void {
    while (this.start > offset) {
      this.index -= 1
      this.start -= this.pieces[this.index]!.length
    }
    while (this.index < this.pieces.length - 1 && this.start + this.pieces[this.index]!.length <= offset) {
      this.start += this.pieces[this.index]!.length
      this.index += 1
    }
  }
}

/** At least one piece. */
function cut(text: string): string[] {
  const pieces: string[] = []
  for (let from = 0; from < text.length || from === 0; from += PIECE) pieces.push(text.slice(from, from + PIECE))
  return pieces
}
