import * as Y from 'yjs'
import { transformPosition, type Edit } from '../merge.ts'

/** A character of a Yjs client, and where it stands. */
interface Mark {
  readonly clock: number
  readonly at: number
}

/** Clients whose last character is remembered: as many as type at one time. */
const MOST = 64
/** Deleted items to the left that are looked past. */
const MOST_DELETED = 64

/**
 * What a Yjs update did to the text, in the cases that typing is: a run of characters behind a character that is known,
 * or one known character less. To find a place in the text, Yjs walks it from the beginning, with every update; here it
 * is remembered where each client typed last.
 */
export class Nearby {
  private readonly marks = new Map<number, Mark>()

  /** Every edit of the text, in the order of the log. */
  follow(edit: Edit): void {
    for (const [client, mark] of this.marks) {
      if (mark.at >= edit.at && mark.at < edit.at + edit.removed) this.marks.delete(client)
      else this.marks.set(client, { ...mark, at: transformPosition(mark.at, edit, 'right') })
    }
  }

  /** After `follow`: what is known from now on. */
  remember({ client, mark }: Known): void {
    this.marks.delete(client)
    if (mark) this.marks.set(client, mark)
    if (this.marks.size > MOST) this.marks.delete(this.marks.keys().next().value!)
  }

  /** @returns undefined when it has to be looked for */
  find(transaction: Y.Transaction): (Known & { readonly edit: Edit }) | undefined {
    const run = runOf(transaction)
    return run ? this.typed(transaction, run) : this.erased(transaction)
  }

  private typed({ doc, deleteSet }: Y.Transaction, { client, clock, end }: Run) {
    if (deleteSet.clients.size > 0) return undefined
    const item = Y.getItem(doc.store, Y.createID(client, clock))
    if (!(item instanceof Y.Item) || item.deleted || !(item.content instanceof Y.ContentString)) return undefined
    // Nothing has been joined to what was there before, yet.
    if (item.id.clock !== clock || item.length !== end - clock) return undefined
    const left = this.endOf(item.left)
    if (left === undefined) return undefined
    const inserted = item.content.str
    return { edit: { at: left + 1, removed: 0, inserted }, client, mark: { clock: end - 1, at: left + inserted.length } }
  }

  private erased({ doc, deleteSet }: Y.Transaction) {
    if (deleteSet.clients.size !== 1) return undefined
    const [client, deletes] = [...deleteSet.clients][0]!
    const [range, ...more] = deletes
    if (!range || more.length > 0 || range.len !== 1) return undefined
    const at = this.placeOf(client, range.clock)
    if (at === undefined) return undefined
    const { left } = Y.getItem(doc.store, Y.createID(client, range.clock))
    // Backspace goes on with the one before.
    const isBefore = left && !left.deleted && left.id.client === client
    const mark = isBefore ? { clock: left.id.clock + left.length - 1, at: at - 1 } : undefined
    return { edit: { at, removed: 1, inserted: '' }, client, mark }
  }

  /** Where the text ends that an item is the last of; -1: there is none. */
  private endOf(item: Y.Item | null): number | undefined {
    let left = item
    for (let steps = 0; left?.deleted; steps += 1) {
      if (steps > MOST_DELETED) return undefined
      left = left.left
    }
    return left ? this.placeOf(left.id.client, left.id.clock + left.length - 1) : -1
  }

  private placeOf(client: number, clock: number): number | undefined {
    const mark = this.marks.get(client)
    return mark?.clock === clock ? mark.at : undefined
  }
}

/** Where a client's last character stands; undefined: that is not known. */
interface Known {
  readonly client: number
  readonly mark: Mark | undefined
}

/** What is known after an edit that had to be looked for. */
export function knownOf(transaction: Y.Transaction, [edit, ...more]: readonly Edit[]): Known | undefined {
  const run = runOf(transaction)
  if (!run || !edit || more.length > 0 || edit.inserted.length !== run.end - run.clock) return undefined
  return { client: run.client, mark: { clock: run.end - 1, at: edit.at + edit.inserted.length - 1 } }
}

/** Characters of one client that a transaction has brought. */
interface Run {
  readonly client: number
  readonly clock: number
  /** Behind the last. */
  readonly end: number
}

/** @returns undefined when it brought none, or those of several clients */
function runOf({ beforeState, afterState }: Y.Transaction): Run | undefined {
  let run: Run | undefined
  for (const [client, end] of afterState) {
    const clock = beforeState.get(client) ?? 0
    if (clock === end) continue
    if (run) return undefined
    run = { client, clock, end }
  }
  return run
}
