import { setTimeout as sleep } from 'node:timers/promises'
import type { Chair, Editor } from './editor.ts'
import { HocuspocusEditor } from './hocuspocus-editor.ts'
import { PlainEditor, RichEditor } from './prd-editors.ts'

const EDITORS = { plain: PlainEditor, rich: RichEditor, hocuspocus: HocuspocusEditor }

export const openEditor = async (chair: Chair): Promise<Editor> => {
  const editor = new EDITORS[chair.desk.client](chair)
  await editor.open()
  return editor
}

/** Waits until it is so; `false` when that takes too long. */
export const until = async (isSo: () => boolean, limitMs: number): Promise<boolean> => {
  for (const end = performance.now() + limitMs; !isSo(); ) {
    if (performance.now() > end) return false
    await sleep(10)
  }
  return true
}
