import { transformPosition, type Edit } from '../modules/prd/merge.ts'
import type { FollowUpType, Payload } from '../modules/prd/wire.ts'
import type { PrdClient, PrdSocket } from './prd.ts'

/** `waiting` for its turn, `writing`, `complete`, or `failed`, which includes cancelled. */
export type DraftStatus = 'waiting' | 'writing' | 'complete' | 'failed'

/** An answer of the AI. What was not accepted is in nobody's text. */
export interface Draft {
  readonly jobId: string
  readonly status: DraftStatus
  /** Whose prompt it answers; null while that is not known, which it is for one's own. */
  readonly userId: string | null
  /** As in the prompt. */
  readonly section: string
  /** So far: Markdown of a machine. Show it as text, and what comes of it as untrusted. */
  readonly text: string
  /** Offset in the text here, where it belongs now. */
  readonly position: number
  readonly suggestions: readonly { readonly type: FollowUpType; readonly description: string }[]
  /** Why it failed. */
  readonly error: Payload<'ai-error'>['error'] | undefined
}

/** What is asked for: section 4.1. Offsets are of the text here. */
export interface DraftRequest {
  readonly prompt: string
  readonly section?: string
  readonly selectedText?: string
  readonly cursorPosition?: number
}

export interface PrdDraftsOptions {
  readonly socket: PrdSocket
  /** As on the wire: `prd_12`. */
  readonly prdId: string
  readonly client: Pick<PrdClient, 'edit' | 'document' | 'text' | 'watch'>
  /** One has begun, grown, moved or ended. */
  readonly onDraft?: (draft: Draft) => void
}

type Answer = { readonly ok: true; readonly jobId: string } | { readonly ok: false; code: string; message: string }
interface Known {
  draft: Draft
  /** Its offset in the server's text, while what that is here is not known yet. */
  outside: number | undefined
}

/**
 * Drafts of the AI in one PRD, one's own and those of others: specs/prd.md, section 4. The server puts no draft into the
 * text; `accept` does, where it belongs by then.
 *
 * @example
 * const client = new PrdClient({ socket, prdId, onChange })
 * const drafts = new PrdDrafts({ socket, prdId, client, onDraft: show })
 * await drafts.ask({ prompt: 'Add error cases', section: 'user-stories' })
 */
export class PrdDrafts {
  private readonly options: PrdDraftsOptions
  private readonly known = new Map<string, Known>()
  private readonly listeners: readonly (readonly [event: string, listener: (argument: unknown) => void])[]
  private readonly unwatch: () => void

  constructor(options: PrdDraftsOptions) {
    this.options = options
    const to =
      <T>(heard: (data: T) => void) =>
      (data: unknown): void =>
        heard(data as T)
    this.listeners = [
      ['joined-prd', to<Payload<'joined-prd'>>((data) => this.joined(data))],
      ['ai-stream-start', to<Payload<'ai-stream-start'>>((data) => this.started(data))],
      ['ai-stream-chunk', to<Payload<'ai-stream-chunk'>>((data) => this.grown(data))],
      ['ai-stream-complete', to<Payload<'ai-stream-complete'>>((data) => this.completed(data))],
      ['ai-error', to<Payload<'ai-error'>>((data) => this.failed(data))],
    ]
    for (const [event, listener] of this.listeners) options.socket.on(event, listener)
    this.unwatch = options.client.watch({ joined: () => this.found(), changed: (edits) => this.moved(edits) })
  }

  /** Those that are neither accepted nor dismissed. */
  get all(): readonly Draft[] {
    return [...this.known.values()].map(({ draft }) => draft)
  }

  /**
   * @returns the id of the job
   * @throws Error with the server's words, and its code as `cause`, when it is refused
   */
  ask({ prompt, section = '', selectedText, cursorPosition }: DraftRequest): Promise<string> {
    const { client, prdId, socket } = this.options
    const context = {
      ...(selectedText !== undefined && { selectedText }),
      ...(cursorPosition !== undefined && { cursorPosition: client.document.outside(cursorPosition) }),
    }
    return new Promise((resolve, reject) => {
      socket.emit('ai-prompt', { prdId, prompt, section, context }, (answer: Answer) => {
        if (!answer.ok) return reject(new Error(answer.message, { cause: answer.code }))
        const { jobId } = answer
        if (!this.known.has(jobId)) this.put(jobId, { section, position: cursorPosition ?? client.text.length })
        resolve(jobId)
      })
    })
  }

  /** Its end is told by `onDraft`, as a failure with the code CANCELLED. */
  cancel(jobId: string): void {
    this.options.socket.emit('ai-cancel', { prdId: this.options.prdId, jobId })
  }

  /**
   * Puts a draft into the text, as an edit of one's own.
   * @returns the edit; undefined when there is no such draft, or nothing in it
   */
  accept(jobId: string): Edit | undefined {
    const known = this.known.get(jobId)
    if (known?.draft.status !== 'complete' || known.outside !== undefined) return undefined
    this.known.delete(jobId)
    return this.options.client.edit({ at: known.draft.position, removed: 0, inserted: known.draft.text })
  }

  /** It is not shown any more, here. */
  dismiss(jobId: string): void {
    this.known.delete(jobId)
  }

  close(): void {
    this.unwatch()
    for (const [event, listener] of this.listeners) this.options.socket.off(event, listener)
  }

  /** What is still being written is told anew from its beginning; what ended meanwhile is told to who asked. */
  private joined({ prdId }: Payload<'joined-prd'>): void {
    if (prdId !== this.options.prdId) return
    for (const { draft } of this.known.values()) {
      if (draft.status === 'writing') this.put(draft.jobId, { status: 'waiting', text: '' })
    }
  }

  /** Offsets that came before the text did. */
  private found(): void {
    for (const known of this.known.values()) {
      if (known.outside === undefined) continue
      const position = this.options.client.document.inside(known.outside)
      known.outside = undefined
      this.put(known.draft.jobId, { position })
    }
  }

  private moved(edits: readonly Edit[]): void {
    for (const { draft, outside } of this.known.values()) {
      if (outside !== undefined) continue
      const position = edits.reduce((at, edit) => transformPosition(at, edit, 'left'), draft.position)
      if (position !== draft.position) this.put(draft.jobId, { position })
    }
  }

  private started({ jobId, prdId, userId, section }: Payload<'ai-stream-start'>): void {
    if (prdId !== this.options.prdId) return
    this.put(jobId, { status: 'writing', userId, section, text: '' })
  }

  private grown({ jobId, chunk, position }: Payload<'ai-stream-chunk'>): void {
    const known = this.known.get(jobId)
    if (!known) return
    const { document } = this.options.client
    const text = known.draft.text + chunk
    if (known.draft.text !== '') this.put(jobId, { text })
    else if (document.phase === 'joined') this.put(jobId, { text, position: document.inside(position) })
    else {
      known.outside = position
      this.put(jobId, { text })
    }
  }

  private completed({ jobId, fullResponse, suggestions }: Payload<'ai-stream-complete'>): void {
    if (this.known.has(jobId)) this.put(jobId, { status: 'complete', text: fullResponse, suggestions })
  }

  private failed({ jobId, error }: Payload<'ai-error'>): void {
    if (!this.known.has(jobId)) return
    this.put(jobId, { status: 'failed', error })
    this.known.delete(jobId)
  }

  private put(jobId: string, changes: Partial<Draft>): void {
    const known = this.known.get(jobId) ?? { draft: this.empty(jobId), outside: undefined }
    this.known.set(jobId, known)
    known.draft = { ...known.draft, ...changes }
    this.options.onDraft?.(known.draft)
  }

  private empty(jobId: string): Draft {
    const position = this.options.client.text.length
    return { jobId, status: 'waiting', userId: null, section: '', text: '', position, suggestions: [], error: undefined }
  }
}
