import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { WebSocket } from 'ws'
import { skim } from './skim.ts'
import { YjsEditor } from './yjs-editor.ts'

const SYNC = 0
const UPDATE = 2
const SYNC_STATUS = 8

/** Hocuspocus with its own provider as the client, over `ws` as the others. */
export class HocuspocusEditor extends YjsEditor {
  private provider: HocuspocusProvider | undefined
  private websocket: HocuspocusProviderWebsocket | undefined

  async open(): Promise<void> {
    const { desk, document: name, isScreen } = this.chair
    const websocketProvider = new HocuspocusProviderWebsocket({
      url: `ws://127.0.0.1:${desk.port}`,
      WebSocketPolyfill: WebSocket,
    })
    this.websocket = websocketProvider
    await new Promise<void>((resolve) => websocketProvider.on('open', () => resolve()))
    const start = performance.now()
    const provider = new HocuspocusProvider({ websocketProvider, name, document: this.doc, token: 'bench' })
    this.provider = provider
    const synced = new Promise<void>((resolve) => provider.on('synced', () => resolve()))
    provider.attach()
    await synced
    this.loadMs = performance.now() - start
    // The greeting is acknowledged as an edit is, after the text has come.
    const greeted = new Promise<void>((resolve) => {
      provider.on('unsyncedChanges', ({ number }: { number: number }) => number === 0 && resolve())
    })
    if (provider.hasUnsyncedChanges) await greeted
    // A message begins with the length of the name and the name; here it is shorter than 128 bytes.
    const at = 1 + Buffer.byteLength(name)
    skim(websocketProvider.webSocket as unknown as WebSocket, (bytes) => {
      const isUpdate = bytes[at] === SYNC && bytes[at + 1] === UPDATE
      if (isUpdate) this.received += 1
      if (bytes[at] === SYNC_STATUS) this.answered(bytes[at + 1] === 1 ? undefined : 'not applied')
      return isUpdate && !isScreen
    })
    if (isScreen) this.watch()
  }

  /** The server makes one frame of the edits that come in one turn: who does not look into it cannot count them. */
  override has(characters: number): boolean {
    return this.chair.isScreen ? super.has(characters) : characters === 0 || this.received > 0
  }

  close(): void {
    this.provider?.destroy()
    this.websocket?.destroy()
  }
}
