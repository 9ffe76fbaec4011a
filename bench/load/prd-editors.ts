import { io, type Socket } from 'socket.io-client'
import type { WebSocket } from 'ws'
import * as Y from 'yjs'
import { apply, isLeftOf, type Edit, operationOf, transformLists } from '../../src/modules/prd/merge.ts'
import { type Chair, Editor } from './editor.ts'
import { skim } from './skim.ts'
import { YjsEditor } from './yjs-editor.ts'

type Outcome = { ok: true; replica: number; stateVector: number[] } | { ok: false; code: string; message: string }

const connect = async ({ desk: { port, tokens }, index }: Chair): Promise<Socket> => {
  const socket = io(`http://127.0.0.1:${port}/prds`, {
    auth: { token: tokens[index % tokens.length] },
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  return socket
}

const ask = async (socket: Socket, event: string, argument: object) => {
  const outcome = (await socket.timeout(30_000).emitWithAck(event, argument)) as Outcome
  if (!outcome.ok) throw new Error(`${event}: ${outcome.code}: ${outcome.message}`)
  return outcome
}

const heard = <T>(socket: Socket, event: string): Promise<T> =>
  new Promise((resolve) => socket.once(event, (argument: T) => resolve(argument)))

const refusalOf = (outcome: Outcome): string | undefined =>
  outcome.ok ? undefined : `${outcome.code}: ${outcome.message}`

/** `content-update` with its bytes beside it, as Socket.IO writes it: a text frame, then one of bytes. */
const UPDATE = Buffer.from('451-/prds,["content-update"')

/** Yjs updates over Socket.IO. */
export class RichEditor extends YjsEditor {
  private socket: Socket | undefined

  async open(): Promise<void> {
    const { document: prdId, isScreen } = this.chair
    const socket = (this.socket = await connect(this.chair))
    let stateVector: readonly number[] = []
    socket.on('content-update', ({ update, stateVector: after }: { update?: Uint8Array; stateVector: number[] }) => {
      if (update === undefined) return // before it has spoken Yjs
      this.received += 1
      stateVector = after
      Y.applyUpdate(this.doc, new Uint8Array(update), this)
    })
    const start = performance.now()
    await ask(socket, 'join-prd', { prdId, mode: 'edit' })
    const answer = heard<{ missingUpdates: { update: Uint8Array }[] }>(socket, 'sync-response')
    socket.emit('sync-request', { prdId, stateVector: Y.encodeStateVector(this.doc) })
    for (const { update } of (await answer).missingUpdates) Y.applyUpdate(this.doc, new Uint8Array(update), this)
    this.loadMs = performance.now() - start
    this.doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin === this) return
      const argument = { prdId, update, ...(isScreen && { stateVector }) }
      socket.emit('content-update', argument, (outcome: Outcome) => this.answered(refusalOf(outcome)))
    })
    if (isScreen) this.watch()
    else this.look(socket)
  }

  close(): void {
    this.socket?.disconnect()
  }

  /** Counts the updates before they are decoded. */
  private look(socket: Socket): void {
    let bytesAreSkipped = false
    const { ws } = socket.io.engine.transport as unknown as { ws: WebSocket }
    skim(ws, (bytes, isBinary) => {
      if (isBinary) return bytesAreSkipped
      bytesAreSkipped = bytes.length > UPDATE.length && UPDATE.every((byte, i) => bytes[i] === byte)
      if (bytesAreSkipped) this.received += 1
      return bytesAreSkipped
    })
  }
}

interface Told {
  operation?: { position: number; length?: number; content?: string }
  stateVector: number[]
}

/** Operations over Socket.IO: the client's half of `merge.ts`. Who is no screen leaves out the text alone. */
export class PlainEditor extends Editor {
  text = ''
  private socket: Socket | undefined
  private replica = 0
  private vector: number[] = []
  /** What was sent and not answered, as it stands after everything that came. */
  private pending: (readonly Edit[])[] = []

  async open(): Promise<void> {
    const { document: prdId, isScreen } = this.chair
    const socket = (this.socket = await connect(this.chair))
    socket.on('content-update', (told: Told) => this.take(told))
    const start = performance.now()
    const joined = heard<{ initialState: { content: string; stateVector: number[] } }>(socket, 'joined-prd')
    const { replica } = await ask(socket, 'join-prd', { prdId, mode: 'edit' })
    const { initialState } = await joined
    this.loadMs = performance.now() - start
    this.replica = replica
    this.vector = initialState.stateVector
    if (isScreen) this.text = initialState.content
  }

  put(edits: readonly Edit[]): void {
    for (const edit of edits) {
      this.sent += 1
      if (this.chair.isScreen) this.text = apply(this.text, edit)
      this.pending.push([edit])
      const argument = { prdId: this.chair.document, operation: operationOf(edit), stateVector: this.vector }
      this.socket!.emit('content-update', argument, (outcome: Outcome) => {
        this.pending.shift()
        if (outcome.ok) this.vector = outcome.stateVector
        this.answered(refusalOf(outcome))
      })
    }
  }

  close(): void {
    this.socket?.disconnect()
  }

  private take({ operation, stateVector }: Told): void {
    if (operation === undefined) return
    this.received += 1
    const { position, length = 0, content = '' } = operation
    const author = stateVector.findIndex((count, slot) => count > (this.vector[slot] ?? 0))
    this.vector = stateVector
    let others: readonly Edit[] = [{ at: position, removed: length, inserted: content }]
    this.pending = this.pending.map((own) => {
      const { edits, past } = transformLists(own, others, isLeftOf(this.replica, author))
      others = past
      return edits
    })
    for (const edit of others) {
      if (this.chair.isScreen) this.text = apply(this.text, edit)
      this.seen(edit)
    }
  }
}
