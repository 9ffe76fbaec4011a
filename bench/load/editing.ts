import { setTimeout as sleep } from 'node:timers/promises'
import type { Desk } from '../candidate.ts'
import { percentile, Samples } from '../stats.ts'
import type { Editor } from './editor.ts'
import { openEditor, until } from './editors.ts'
import { type Cost, meter } from './meter.ts'

export interface EditingOrder {
  /** Root of the server's process tree. */
  pid: number
  /** All of its documents are edited; they are empty. */
  desk: Desk
  /** Of each document. */
  editors: number
  /** How many of them have the whole text before them, and take the time. */
  screens: number
  /** Of each editor. */
  keystrokesPerSecond: number
  warmupMs: number
  windowMs: number
  /** How long, after the last keystroke, is waited for all to be acknowledged and seen; 20 s when not given. */
  drainMs?: number
}

export interface EditingResult extends Cost {
  /** Keystrokes of the window. */
  typed: number
  /** From the edit in its author's document to its being in a screen's: one for each keystroke and screen. */
  seenMs: Float64Array
  /** How late keystrokes were typed, the 99th of 100: what the load generator itself adds. */
  lateMs: number
  invalid: string[]
}

/** Keystrokes are told apart by their characters: each of a document is the next one of these. */
const FIRST = 0x4e00
const CHARACTERS = 20_000
/** Characters between the places where two people type. */
const APART = 200
/** Documents that are opened at one time. */
const AT_ONCE = 8
/** Keystrokes of one turn: who is late must still hear the others. */
const AT_ONCE_TYPED = 256
/** Of the keystrokes that were due. */
const LEAST_TYPED = 0.98
const DRAIN_MS = 20_000

class Room {
  readonly document: string
  readonly editors: Editor[] = []
  screens: Editor[] = []
  typed = 0
  /** When each character was typed last. */
  private readonly at = new Float64Array(CHARACTERS)
  private readonly onSeen: (typedAt: number) => void

  constructor(document: string, onSeen: (typedAt: number) => void) {
    this.document = document
    this.onSeen = onSeen
  }

  async open({ desk, editors, screens }: EditingOrder, index: number): Promise<void> {
    const chair = {
      desk,
      document: this.document,
      onSeen: (inserted: string) => {
        for (let i = 0; i < inserted.length; i++) this.onSeen(this.at[inserted.charCodeAt(i) - FIRST]!)
      },
    }
    const base = 'a'.repeat(APART * editors)
    const sit = async (seat: number): Promise<Editor> =>
      openEditor({ ...chair, index: index * editors + seat, isScreen: seat < screens, cursor: seat * APART })
    const first = await sit(0)
    first.put([{ at: 0, removed: 0, inserted: base }])
    if (!(await until(() => first.acknowledged === first.sent, DRAIN_MS))) throw new Error('the first edit is lost')
    this.editors.push(first, ...(await Promise.all(Array.from({ length: editors - 1 }, (_, i) => sit(i + 1)))))
    this.screens = this.editors.slice(0, screens)
    for (const editor of this.editors) editor.reset()
  }

  type(editor: Editor): void {
    const character = this.typed++ % CHARACTERS
    this.at[character] = performance.now()
    editor.type(String.fromCharCode(FIRST + character))
  }

  isQuiet(): boolean {
    return this.editors.every((editor) => editor.acknowledged === editor.sent && editor.has(this.typed - editor.sent))
  }

  /** What is wrong after everybody has typed. */
  async check(desk: Desk): Promise<string | undefined> {
    const refusal = this.editors.find((editor) => editor.refusal !== undefined)?.refusal
    if (refusal !== undefined) return `refused: ${refusal}`
    if (!this.isQuiet()) return 'edits were lost, doubled or not acknowledged'
    const chair = { desk, document: this.document, index: 0, isScreen: true, cursor: 0, onSeen: () => undefined }
    const late = await openEditor(chair)
    const { text } = late
    late.close()
    if (text.length !== APART * this.editors.length + this.typed) return `the text has ${text.length} characters`
    return this.screens.every((screen) => screen.text === text) ? undefined : 'the texts differ'
  }
}

const share = async <T>(items: T[], work: (item: T, index: number) => Promise<void>): Promise<void> => {
  let next = 0
  const run = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++
      await work(items[index]!, index).catch((error: unknown) => {
        next = items.length
        throw error
      })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, run))
}

/** Everybody types at a steady speed, whatever the server does, each at a place of their own and from a moment on. */
export const editing = async (order: EditingOrder): Promise<EditingResult> => {
  const { pid, desk, warmupMs, windowMs, drainMs = DRAIN_MS } = order
  const seen = new Samples()
  const late = new Samples()
  let [from, to] = [Infinity, Infinity]
  const rooms = desk.documents.map(
    (document) =>
      new Room(document, (typedAt) => {
        if (typedAt >= from && typedAt < to) seen.add(performance.now() - typedAt)
      }),
  )
  try {
    await share(rooms, (room, index) => room.open(order, index))
    const periodMs = 1000 / order.keystrokesPerSecond
    const typists = rooms
      .flatMap((room) => room.editors.map((editor) => ({ room, editor, phase: Math.random() * periodMs })))
      .toSorted((a, b) => a.phase - b.phase)
    const start = performance.now()
    let next = 0
    let typed = 0
    const type = (): void => {
      for (let left = AT_ONCE_TYPED; left > 0; left--) {
        const { room, editor, phase } = typists[next % typists.length]!
        const due = start + Math.floor(next / typists.length) * periodMs + phase
        const now = performance.now()
        if (due > now || now >= to) return
        if (now >= from) {
          typed += 1
          late.add(now - due)
        }
        next += 1
        room.type(editor)
      }
    }
    const run = async (ms: number): Promise<void> => {
      for (const end = performance.now() + ms; performance.now() < end; ) {
        type()
        await sleep(1)
      }
    }
    await run(warmupMs)
    const measured = meter(pid)
    from = performance.now()
    await run(windowMs)
    to = performance.now()
    const cost = measured()
    await until(() => rooms.every((room) => room.isQuiet()), drainMs)
    const wrong = new Map<string, number>()
    await share(rooms, async (room) => {
      const what = await room.check(desk)
      if (what !== undefined) wrong.set(what, (wrong.get(what) ?? 0) + 1)
    })
    const invalid = [...wrong].map(([what, count]) => `${count} documents: ${what}`)
    const due = (windowMs / periodMs) * typists.length
    if (typed < due * LEAST_TYPED) invalid.push(`${typed} keystrokes of ${due} were typed: the load generator is late`)
    return { ...cost, typed, seenMs: seen.take(), lateMs: percentile(late.take().sort(), 0.99), invalid }
  } finally {
    for (const room of rooms) for (const editor of room.editors) editor.close()
  }
}
