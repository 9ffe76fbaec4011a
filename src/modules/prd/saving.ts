import type { Ticket } from '../../kernel/timing-wheel.ts'
import type { Unit } from '../../kernel/unit-of-work.ts'
import type { Parts } from './actions/parts.ts'
import { suggest } from './actions/suggesting.ts'
import type { LiveDocument } from './document/document.ts'
import { toId } from './ids.ts'
import { expireOperations, findSaved, markSaved } from './store/operations.ts'
import { timestamp } from './wire.ts'

/** After the last one has left: who only reloads the page is back by then. Milliseconds. */
const SOON_MS = 2_000
/** Edits removed at once: what people type must not wait for it. */
const EXPIRED_AT_ONCE = 10_000
/** Milliseconds until the next are. */
const REST_MS = 1_000

interface Watched {
  readonly document: LiveDocument
  /** Number of the edit up to which people were told that all is saved. */
  seq: number
  /** Monotonic milliseconds of the next automatic save. */
  due: number
  /** Since when nobody has it open, as far as was looked; monotonic milliseconds. */
  emptySince: number | undefined
  ticket: Ticket | undefined
}

/**
 * Writes documents as a whole now and then, and takes those out of memory that nobody has open. What people type is
 * durable long before, edit by edit; this bounds what is to be read when a document is opened, and lets people trust
 * that it is saved (section 5.2). One ticket for each document in memory.
 */
export class Saving {
  private readonly parts: Parts
  private readonly watched = new Map<number, Watched>()
  private readonly growing = new Set<LiveDocument>()

  constructor(parts: Parts) {
    this.parts = parts
  }

  /** It has come into memory. */
  opened(document: LiveDocument): void {
    const { clock, documents, settings } = this.parts
    const now = clock.monotonic()
    const seq = document.seq - documents.unsaved(document.id)
    // Whoever opens it may be about to join, or not.
    const watched = { document, seq, due: now + settings.autoSaveMs, emptySince: now, ticket: undefined }
    this.watched.set(document.id, watched)
    this.schedule(watched, settings.idleMs)
  }

  closed({ id }: LiveDocument): void {
    this.watched.get(id)?.ticket?.cancel()
    this.watched.delete(id)
  }

  /** Nobody has joined it any more. */
  emptied(id: number): void {
    const watched = this.watched.get(id)
    if (!watched) return
    watched.emptySince = this.parts.clock.monotonic()
    this.schedule(watched, Math.min(SOON_MS, this.parts.settings.idleMs))
  }

  /** The server goes away: the next one need not read the edits one by one. */
  async saveAll(): Promise<void> {
    for (const { document } of [...this.watched.values()]) {
      if (this.parts.documents.unsaved(document.id) > 0) await this.snapshot(document)
    }
  }

  /** It has many edits that are not in its snapshot: they are written without a word. */
  grown(document: LiveDocument): void {
    if (this.growing.has(document)) return
    this.growing.add(document)
    this.snapshot(document)
      .catch(this.parts.hub.onError)
      .finally(() => this.growing.delete(document))
  }

  /** Without a word, and not for a PRD that is deleted. */
  private snapshot(document: LiveDocument): Promise<void> {
    const { documents, unitOfWork } = this.parts
    const { id } = document
    return unitOfWork.run(async (unit) => {
      const isThere = documents.peek(id) === document && (await unit.get(findSaved, { prd: id }))
      if (isThere) await documents.save(unit, document)
    })
  }

  /** Single edits have had their time, once a snapshot has them. */
  async expire(unit: Unit): Promise<void> {
    const { hub, settings, unitOfWork } = this.parts
    const removed = await unit.run(expireOperations, { before: unit.now - settings.historyMs, limit: EXPIRED_AT_ONCE })
    if (removed < EXPIRED_AT_ONCE) return
    unit.after(() => {
      hub.wheel.schedule(REST_MS, () => void unitOfWork.run((next) => this.expire(next)).catch(hub.onError))
    })
  }

  private schedule(watched: Watched, delayMs: number): void {
    if (this.watched.get(watched.document.id) !== watched) return
    watched.ticket?.cancel()
    watched.ticket = this.parts.hub.wheel.schedule(delayMs, () => void this.turn(watched))
  }

  private isJoined({ document }: Watched): boolean {
    return this.parts.live.connections(document.id).size > 0
  }

  private async turn(watched: Watched): Promise<void> {
    const { clock, hub, settings } = this.parts
    watched.ticket = undefined
    let next: number
    try {
      next = await (this.isJoined(watched) ? this.saveWhenDue(watched) : this.putAway(watched))
    } catch (error) {
      hub.onError(error)
      next = clock.monotonic() + Math.min(settings.idleMs, settings.autoSaveMs)
    }
    // Unless the last one has left meanwhile.
    if (watched.ticket === undefined) this.schedule(watched, next - clock.monotonic())
  }

  /** @returns when to look again, monotonic milliseconds */
  private async saveWhenDue(watched: Watched): Promise<number> {
    const { clock, settings } = this.parts
    watched.emptySince = undefined
    if (clock.monotonic() < watched.due) return watched.due
    // Before it is tried: what fails is tried again at the next turn.
    watched.due = clock.monotonic() + settings.autoSaveMs
    if (watched.document.seq > watched.seq) await this.save(watched)
    return watched.due
  }

  /** Section 5.2, before the eyes of everybody who has joined. */
  private async save(watched: Watched): Promise<void> {
    const { database, hub, live, settings, unitOfWork } = this.parts
    const { document } = watched
    const { id } = document
    const prdId = toId('prd', id)
    const prd = await database.latest.get(findSaved, { prd: id })
    if (!prd) return
    live.tell(id, 'auto-save-start', { prdId, changesSince: timestamp(prd.saved_at) })
    await unitOfWork.run((unit) =>
      this.write(unit, watched, () => {
        const savedAt = timestamp(unit.now)
        live.tell(id, 'auto-save-complete', { prdId, savedAt, nextSaveIn: Math.round(settings.autoSaveMs / 1_000) })
      }),
    )
    // It is saved, whatever becomes of this.
    await suggest(this.parts, document).catch(hub.onError)
  }

  /** Nobody has it open: it is saved soon, and after a while leaves memory. @returns when to look again */
  private async putAway(watched: Watched): Promise<number> {
    const { clock, documents, settings, unitOfWork } = this.parts
    const { document } = watched
    const now = clock.monotonic()
    watched.emptySince ??= now
    const isIdle = now - watched.emptySince >= settings.idleMs
    if (!isIdle && documents.unsaved(document.id) === 0) return watched.emptySince + settings.idleMs
    if (isIdle) watched.emptySince = now
    await unitOfWork.run(async (unit) => {
      if (documents.unsaved(document.id) > 0) await this.write(unit, watched)
      if (isIdle) documents.release(unit, document, () => this.isJoined(watched))
    })
    return watched.emptySince === undefined ? watched.due : watched.emptySince + settings.idleMs
  }

  private async write(unit: Unit, watched: Watched, done?: () => void): Promise<void> {
    const { documents } = this.parts
    const { document } = watched
    // Thrown away, or out of memory, since: it has nothing that is not in the database, or what must not be there.
    if (documents.peek(document.id) !== document) return
    // Of a PRD that was deleted nothing is written: its rows are being removed.
    if ((await unit.run(markSaved, { prd: document.id, at: unit.now })) === 0) return
    const { seq } = document
    await documents.save(unit, document)
    unit.after(() => {
      watched.seq = seq
      done?.()
    })
  }
}
