import type { LiveDocument } from '../document/document.ts'
import { itemAt } from '../document/placing.ts'
import type { Id } from '../document/update-reader.ts'
import { itemsOf, type Item, type ItemKind } from './items.ts'

/** Where an item that is known stands in a document that is being edited. */

/** As far as a row is needed to find its item again. */
export interface Placed {
  readonly kind: ItemKind
  /** What `placeOf` gave. */
  readonly anchor: string
  /** Its title when it was last looked at; undefined when that is not known. */
  readonly title: string | undefined
}

/** Relative positions, JSON: of the first character of an item, and of the last one of its title. */
export const placeOf = (document: LiveDocument, { start, titleEnd }: Pick<Item, 'start' | 'titleEnd'>): string =>
  JSON.stringify([document.anchor(start, 'right'), document.anchor(titleEnd, 'left')])

export interface Matched<R> {
  readonly items: readonly Item[]
  readonly found: ReadonlyMap<R, Item>
  /** Items that belong to no row. */
  readonly others: readonly Item[]
}

/**
 * An item is still the one of before while its first character or the last one of its title is there, whatever else was
 * changed; else where one of the same kind has its title, as when it was moved by cutting and pasting.
 */
export function matchItems<R extends Placed>(document: LiveDocument, rows: readonly R[], most = Infinity): Matched<R> {
  const text = document.text.toString()
  const pairs = rows.map((row) => ({ row, anchors: JSON.parse(row.anchor) as readonly [string, string] }))
  const living = (anchor: string): boolean => isLiving(document, anchor)
  const positions = document.positionsOf(pairs.flatMap(({ anchors }) => anchors))
  const known = new Map<number, ItemKind>()
  for (const { row, anchors } of pairs) if (living(anchors[0])) known.set(positions.get(anchors[0])!, row.kind)
  const items = itemsOf(text, known, most)
  const free = new Set(items)
  const found = new Map<R, Item>()
  const take = (row: R, item: Item | undefined): void => {
    if (!item || found.has(row)) return
    free.delete(item)
    found.set(row, item)
  }
  const first = (fits: (item: Item) => boolean): Item | undefined => items.find((item) => free.has(item) && fits(item))
  for (const { row, anchors } of pairs) {
    const at = positions.get(anchors[0])!
    if (living(anchors[0])) take(row, first((item) => item.start <= at && at < Math.max(item.titleEnd, item.start + 1)))
  }
  for (const { row, anchors } of pairs) {
    const at = positions.get(anchors[1])!
    if (!found.has(row) && living(anchors[1])) take(row, first((item) => item.titleStart < at && at <= item.titleEnd))
  }
  for (const { row } of pairs) {
    if (!found.has(row)) take(row, first((item) => item.kind === row.kind && item.title === row.title))
  }
  return { items, found, others: items.filter((item) => free.has(item)) }
}

function isLiving({ yjs }: LiveDocument, anchor: string): boolean {
  const { item: id } = JSON.parse(anchor) as { readonly item?: Id }
  const item = id && itemAt(yjs, id)
  return item !== undefined && !item.deleted
}

/** Wall clock of the last edit that changed something between two offsets; undefined when it is too long ago. */
export function touchedAt({ log }: LiveDocument, from: number, to: number): number | undefined {
  let [start, end] = [from, to]
  for (let seq = log.last; seq >= log.first; seq -= 1) {
    const { at, removed, inserted, time } = log.at(seq)
    const behind = at + inserted.length
    if (at <= end && behind >= start && (inserted !== '' || removed > 0)) {
      // What ends where it begins, or begins where it ends, stands beside it.
      const isBeside = inserted !== '' && removed === 0 && (behind === start || at === end)
      if (!isBeside) return time
    }
    const grown = inserted.length - removed
    if (behind <= start) start -= grown
    if (behind <= end) end -= grown
  }
  return undefined
}
