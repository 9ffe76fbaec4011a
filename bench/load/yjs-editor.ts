import * as Y from 'yjs'
import type { Edit } from '../../src/modules/prd/merge.ts'
import { Editor } from './editor.ts'

/** An editor whose text is a Yjs text. */
export abstract class YjsEditor extends Editor {
  protected readonly doc = new Y.Doc()
  private readonly content = this.doc.getText('content')

  get text(): string {
    // eslint-disable-next-line typescript/no-base-to-string -- a Yjs text is one
    return this.content.toString()
  }

  put(edits: readonly Edit[]): void {
    this.sent += 1
    this.doc.transact(() => {
      for (const { at, removed, inserted } of edits) {
        if (removed > 0) this.content.delete(at, removed)
        if (inserted !== '') this.content.insert(at, inserted)
      }
    })
  }

  /** From here on, what others do is told to the chair. */
  protected watch(): void {
    this.content.observe((event) => {
      if (event.transaction.local) return
      let at = 0
      // The delta is made when it is asked for, by walking through the text.
      for (const { retain = 0, insert, delete: removed = 0 } of event.delta) {
        at += retain
        const inserted = typeof insert === 'string' ? insert : ''
        if (inserted !== '' || removed > 0) this.seen({ at, removed, inserted })
        at += inserted.length
      }
    })
  }
}
