import type { Reader } from '../../../kernel/database.ts'
import { notFound } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import type { LoggedEdit } from '../merge.ts'
import { findSnapshot, insertOperation, lastOperations, operationsAfter, saveSnapshot } from '../store/operations.ts'
import { LiveDocument, sum, type Author, type Change } from './document.ts'

export interface DocumentsOptions {
  readonly historyEdits: number
  /** A document was thrown away, since what was done to it was not kept: who has it open must read it again. */
  readonly onDropped: (id: number) => void
  /** Edits without a snapshot past which `onGrown` is called. */
  readonly snapshotEdits: number
  /** A document has come into memory. */
  readonly onOpened: (document: LiveDocument) => void
  /** It has, with a commit, got many edits since it was last written as a whole. */
  readonly onGrown: (document: LiveDocument) => void
  /** It is no longer in memory. */
  readonly onClosed: (document: LiveDocument) => void
}

/** Number of the edit that every log begins with. */
const FIRST = 1

interface Kept {
  readonly document: LiveDocument
  /** Number of the edit that the stored snapshot ends with; the first edit needs none, it is all there is. */
  saved: number
  /** Times it was opened. */
  opened: number
  /** A unit that had opened it was committed: until then it may have been read from what is not going to be there. */
  isCertain: boolean
  /** `now` of the group it was read in. */
  readonly group: number
}

/**
 * Documents in memory. They are read, changed and saved inside units of work only, so that everything about one happens
 * in one order: that of the commits.
 */
export class Documents {
  private readonly options: DocumentsOptions
  private readonly kept = new Map<number, Kept>()

  constructor(options: DocumentsOptions) {
    this.options = options
  }

  get size(): number {
    return this.kept.size
  }

  /** The one in memory, if it is there. */
  peek(id: number): LiveDocument | undefined {
    return this.kept.get(id)?.document
  }

  /** @throws not_found when it was never begun */
  async open(unit: Unit, id: number): Promise<LiveDocument> {
    let kept = this.kept.get(id)
    if (kept && !kept.isCertain && kept.group !== unit.now) {
      this.unload(kept.document)
      kept = undefined
    }
    if (!kept) {
      kept = await this.read(unit, id)
      this.kept.set(id, kept)
      this.options.onOpened(kept.document)
    }
    kept.opened += 1
    if (!kept.isCertain) unit.after(() => void (kept.isCertain = true))
    return kept.document
  }

  /** A new document and its first edit, not in memory yet: whoever opens it reads it. */
  async create(unit: Unit, id: number, content: string, author: Author): Promise<void> {
    const document = new LiveDocument(id, { updates: [], vector: [], history: [], historyEdits: 1 })
    await this.append(unit, id, document.begin(content, author))
    document.destroy()
  }

  /** Writes a change into the log; part of the transaction that made it. */
  async append(unit: Unit, id: number, { entries, update }: Change): Promise<void> {
    for (const [i, { seq, slot, count, accountId, at, removed, inserted, time }] of entries.entries()) {
      await unit.run(insertOperation, {
        prd_id: id,
        seq,
        slot,
        count,
        account_id: accountId,
        position: at,
        removed,
        inserted,
        time,
        update: i === 0 ? update : null,
      })
    }
    const kept = this.kept.get(id)
    if (kept && this.unsaved(id) >= this.options.snapshotEdits) unit.after(() => this.options.onGrown(kept.document))
  }

  /** Edits since the last snapshot. */
  unsaved(id: number): number {
    const kept = this.kept.get(id)
    return kept ? kept.document.seq - kept.saved : 0
  }

  /** Writes the whole document as it is, when it has changed since it was last written. */
  async save(unit: Unit, document: LiveDocument): Promise<boolean> {
    const kept = this.kept.get(document.id)
    if (kept?.document !== document || kept.saved === document.seq) return false
    const { id, seq, vector } = document
    const state = document.state()
    await unit.run(saveSnapshot, { prd_id: id, seq, vector: JSON.stringify(vector), state, time: unit.now })
    unit.after(() => void (kept.saved = Math.max(kept.saved, seq)))
    return true
  }

  /**
   * Takes it out of memory with the commit of this unit, unless a unit that is to be committed with this one has opened
   * it and is going to need it.
   * @param isNeeded asked after the commit
   */
  release(unit: Unit, document: LiveDocument, isNeeded: () => boolean): void {
    const kept = this.kept.get(document.id)
    if (kept?.document !== document) return
    const { opened } = kept
    unit.after(() => {
      if (kept.opened === opened && !isNeeded()) this.unload(document)
    })
  }

  /** What is in memory is not what was kept: the next one to open it reads it again. */
  drop(document: LiveDocument): void {
    if (this.unload(document)) this.options.onDropped(document.id)
  }

  private unload(document: LiveDocument): boolean {
    if (this.kept.get(document.id)?.document !== document) return false
    this.kept.delete(document.id)
    document.destroy()
    this.options.onClosed(document)
    return true
  }

  private async read(unit: Unit, id: number): Promise<Kept> {
    const snapshot = await unit.get(findSnapshot, { prd: id })
    const saved = snapshot?.seq ?? FIRST
    const later = await unit.all(operationsAfter, { prd: id, seq: snapshot?.seq ?? 0 })
    if (!snapshot && later.length === 0) throw notFound('This PRD')
    const vector = snapshot ? (JSON.parse(snapshot.vector) as number[]) : []
    for (const { slot, count } of later) {
      while (vector.length <= slot) vector.push(0)
      vector[slot] = count
    }
    const updates = later.flatMap(({ update }) => (update === null ? [] : [new Uint8Array(update)]))
    if (snapshot) updates.unshift(new Uint8Array(snapshot.state))
    const { historyEdits } = this.options
    const history = await readHistory(unit, id, historyEdits)
    // Slots that were taken and never used are in no row: they are free.
    if (sum(vector) !== (later.at(-1)?.seq ?? saved)) throw new Error(`the log of PRD ${id} has a gap`)
    const document = new LiveDocument(id, { updates, vector, history, historyEdits })
    return { document, saved, opened: 0, isCertain: false, group: unit.now }
  }
}

/** The last edits as they are in the database, the oldest first. */
export async function readHistory(reader: Reader, id: number, limit: number): Promise<readonly LoggedEdit[]> {
  const rows = await reader.all(lastOperations, { prd: id, limit })
  return rows.reverse().map(({ seq, slot, count, account_id, position, removed, inserted, time }) => ({
    at: position,
    removed,
    inserted,
    seq,
    slot,
    count,
    accountId: account_id,
    time,
  }))
}
