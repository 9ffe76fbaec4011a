import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { apply, type Edit } from '../../src/modules/prd/merge.ts'
import type { Desk } from '../candidate.ts'
import type { Chair } from './editor.ts'
import { openEditor } from './editors.ts'
import { type Cost, meter } from './meter.ts'

export interface TraceOrder {
  pid: number
  desk: Desk
  file: string
  /** Transactions to replay; all when not given. */
  most?: number
}

export interface ReplayResult extends Cost {
  /** Edits, and the transactions they were made in. */
  edits: number
  transactions: number
  invalid: string[]
}

export interface LoadResult {
  /** From the first question on an open connection to the whole text. */
  loadMs: number
  characters: number
  invalid: string[]
}

interface TraceFile {
  startContent: string
  endContent: string
  txns: { patches: [position: number, removed: number, inserted: string][] }[]
}

export interface Trace {
  steps: Edit[][]
  text: string
}

/** Edits sent and not acknowledged. */
const IN_FLIGHT = 200
const STALL_MS = 30_000

/** A trace counts code points, everything here UTF-16 units. */
const offset = (text: string, codePoints: number): number => {
  let at = 0
  for (let left = codePoints; left > 0; left--) at += text.codePointAt(at)! > 0xffff ? 2 : 1
  return at
}

const hasPairs = (text: string): boolean => /[\ud800-\udfff]/.test(text)

/**
 * The edits of a recorded session, the ones that make its beginning first, and the text they lead to.
 * @throws where they do not lead to the text that the file says
 */
export const readTrace = (file: string, most = Infinity): Trace => {
  const bytes = readFileSync(file)
  const json = file.endsWith('.gz') ? gunzipSync(bytes) : bytes
  const { startContent, endContent, txns } = JSON.parse(json.toString('utf8')) as TraceFile
  const steps: Edit[][] = startContent === '' ? [] : [[{ at: 0, removed: 0, inserted: startContent }]]
  let text = startContent
  let isBasic = !hasPairs(startContent)
  for (const { patches } of txns.slice(0, most)) {
    steps.push(
      patches.map(([position, length, inserted]) => {
        const at = isBasic ? position : offset(text, position)
        const removed = isBasic ? length : offset(text.slice(at), length)
        isBasic &&= !hasPairs(inserted)
        text = apply(text, { at, removed, inserted })
        return { at, removed, inserted }
      }),
    )
  }
  if (most >= txns.length && text !== endContent) throw new Error(`${file}: the edits do not lead to its endContent`)
  return { steps, text }
}

const chairAt = (desk: Desk): Chair => ({
  desk,
  document: desk.documents[0]!,
  index: 0,
  isScreen: true,
  cursor: 0,
  onSeen: () => undefined,
})

/** One client does all of it as fast as it is acknowledged. */
export const replay = async ({ pid, desk, file, most }: TraceOrder): Promise<ReplayResult> => {
  const { steps, text } = readTrace(file, most)
  const editor = await openEditor(chairAt(desk))
  try {
    const measured = meter(pid)
    const problem = await new Promise<string | undefined>((resolve) => {
      let next = 0
      let timer: NodeJS.Timeout | undefined
      const stalled = (): void => resolve(`${editor.sent - editor.acknowledged} edits were not acknowledged`)
      const put = (): void => {
        if (editor.refusal !== undefined) return resolve(`refused: ${editor.refusal}`)
        while (next < steps.length && editor.sent - editor.acknowledged < IN_FLIGHT) editor.put(steps[next++]!)
        clearTimeout(timer)
        if (next === steps.length && editor.sent === editor.acknowledged) return resolve(undefined)
        timer = setTimeout(stalled, STALL_MS)
      }
      editor.onAcknowledged = put
      put()
    })
    const cost = measured()
    const invalid = problem === undefined ? [] : [problem]
    if (editor.text !== text) invalid.push('the text of the client is not that of the trace')
    const edits = steps.reduce((sum, step) => sum + step.length, 0)
    return { ...cost, edits, transactions: steps.length, invalid }
  } finally {
    editor.close()
  }
}

/** Somebody opens the document that was made by `replay`. */
export const load = async ({ desk, file, most }: TraceOrder): Promise<LoadResult> => {
  const { text } = readTrace(file, most)
  const editor = await openEditor(chairAt(desk))
  const invalid = editor.text === text ? [] : ['the text of the server is not that of the trace']
  editor.close()
  return { loadMs: editor.loadMs, characters: text.length, invalid }
}
