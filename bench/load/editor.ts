import { type Edit, transformPosition } from '../../src/modules/prd/merge.ts'
import type { Desk } from '../candidate.ts'

/** Who edits what, and how much of the others' work is looked at. */
export interface Chair {
  desk: Desk
  document: string
  /** Of the desk's tokens, the one to come with. */
  index: number
  /** A screen takes in what others do and has the text; who is none counts what comes and looks no further. */
  isScreen: boolean
  /** Where it types, when it types. */
  cursor: number
  /** Text that others put in has appeared on this screen. */
  onSeen: (inserted: string) => void
}

/** A client of a server of documents, made of the library that such a client would use. */
export abstract class Editor {
  /** Edits sent, and of these the ones that were answered. */
  sent = 0
  acknowledged = 0
  /** Frames with edits of others that came. */
  received = 0
  /** UTF-16 units of others that appeared; a screen's. */
  shown = 0
  /** The first answer that was a refusal. */
  refusal: string | undefined
  /** From the first question on an open connection to the whole text. */
  loadMs = 0
  onAcknowledged: () => void = () => undefined
  protected readonly chair: Chair
  private cursor: number

  constructor(chair: Chair) {
    this.chair = chair
    this.cursor = chair.cursor
  }

  /** A screen's. */
  abstract readonly text: string

  /** Does these edits, each on the text after the one before it, and sends them. */
  abstract put(edits: readonly Edit[]): void

  /** Comes in; its text is whole then. */
  abstract open(): Promise<void>

  abstract close(): void

  /** Types behind what it has typed before. */
  type(inserted: string): void {
    const at = this.cursor
    this.cursor += inserted.length
    this.put([{ at, removed: 0, inserted }])
  }

  /** What comes before typing is not counted. */
  reset(): void {
    this.sent = this.acknowledged = this.received = this.shown = 0
  }

  /** Whether exactly so many characters of others have come, each in an edit of its own. */
  has(characters: number): boolean {
    return (this.chair.isScreen ? this.shown : this.received) === characters
  }

  protected answered(refusal?: string): void {
    this.acknowledged += 1
    this.refusal ??= refusal
    this.onAcknowledged()
  }

  /** Somebody else's edit is on the screen, if this is one. */
  protected seen(edit: Edit): void {
    this.cursor = transformPosition(this.cursor, edit, 'left')
    if (!this.chair.isScreen || edit.inserted === '') return
    this.shown += edit.inserted.length
    this.chair.onSeen(edit.inserted)
  }
}
