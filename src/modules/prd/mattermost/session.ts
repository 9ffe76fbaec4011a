import { WebSocketClient } from '@mattermost/client'
import { socketUrl, type MattermostAccess } from './client.ts'

/** Its client's own timers are not wanted: who holds the session connects again, and looks whether it is alive. */
const NEVER = 2 ** 31 - 1

/**
 * Characters of events between two pings: a crowded server sends far less, and to read these takes a third of a second.
 * Each event counts as so many more.
 */
const MOST_CHARACTERS = 32_000_000
const EVENT_CHARACTERS = 100

/** WebSocketClient writes to the console, what it was sent among it. Synchronous, so that nobody else notices. */
const silence = new Proxy(console, { get: () => () => undefined })

function quietly(work: () => void): void {
  const { console } = globalThis
  globalThis.console = silence
  try {
    work()
  } finally {
    globalThis.console = console
  }
}

export interface SessionListener {
  /** Mattermost has accepted the token: it greets nobody else. */
  onHello(): void
  /** Once, and nothing after it. @param reason our own words */
  onEnd(reason: string): void
}

type Handlers = Pick<WebSocket, 'onopen' | 'onmessage' | 'onclose' | 'onerror'>

/** A socket as WebSocketClient is given it: it hears nothing of its end, so that it does not connect by itself. */
class Relay implements Handlers {
  onopen: WebSocket['onopen'] = null
  onmessage: WebSocket['onmessage'] = null
  onclose: WebSocket['onclose'] = null
  onerror: WebSocket['onerror'] = null
  private readonly socket: WebSocket

  constructor(socket: WebSocket) {
    this.socket = socket
  }

  get readyState(): number {
    return this.socket.readyState
  }

  send(data: string): void {
    this.socket.send(data)
  }

  close(): void {
    this.socket.close()
  }
}

/** One connection to a Mattermost server's WebSocket, by its official client, from its opening to its end. */
export class MattermostSession {
  private readonly client: WebSocketClient
  private readonly listener: SessionListener
  private socket: WebSocket | undefined
  private characters = 0
  private isGreeted = false
  private hasTold = false
  private isTorn = false
  private hasEnded = false

  constructor({ settings, secrets, socket }: MattermostAccess, listener: SessionListener) {
    this.listener = listener
    this.client = new WebSocketClient({
      newWebSocketFn: (url) => this.attach(socket(url)),
      clientPingInterval: NEVER,
      minWebSocketRetryTime: NEVER,
      maxWebSocketRetryTime: NEVER,
      reconnectJitterRange: 0,
    })
    // Without one it does not take note of the connection's id (mattermost/mattermost#30388).
    this.client.addMissedMessageListener(() => undefined)
    this.client.addMessageListener(({ event }) => {
      if ((event as string) === 'hello') this.isGreeted = true
    })
    this.client.addCloseListener(() => (this.isTorn = true))
    quietly(() => this.client.initialize(socketUrl(settings.url), secrets.token))
  }

  /** @param onPong when it has answered, whatever it says */
  ping(onPong: () => void): void {
    this.characters = 0
    quietly(() => this.client.sendMessage('ping', {}, onPong))
  }

  /** Its listener hears nothing more. */
  end(): void {
    if (this.hasEnded) return
    this.hasEnded = true
    quietly(() => this.client.close())
    this.socket?.close()
  }

  private attach(socket: WebSocket): WebSocket {
    this.socket = socket
    const relay = new Relay(socket)
    socket.addEventListener('open', (event) => this.pass(() => relay.onopen?.call(socket, event)))
    socket.addEventListener('message', (event) => {
      this.characters += String(event.data).length + EVENT_CHARACTERS
      if (this.characters > MOST_CHARACTERS) return this.over('Mattermost sends more than can be read')
      this.pass(() => relay.onmessage?.call(socket, event))
    })
    socket.addEventListener('error', () => this.over(this.lost))
    socket.addEventListener('close', () => this.over(this.lost))
    return relay as unknown as WebSocket
  }

  private pass(handle: () => void): void {
    if (this.hasEnded) return
    try {
      quietly(handle)
    } catch {
      return this.over('What Mattermost sent over its WebSocket was not understood')
    }
    if (this.isTorn) return this.over('An event of Mattermost was lost on the way')
    if (!this.isGreeted || this.hasTold) return
    this.hasTold = true
    this.listener.onHello()
  }

  private over(reason: string): void {
    if (this.hasEnded) return
    this.end()
    this.listener.onEnd(reason)
  }

  private get lost(): string {
    return this.hasTold
      ? 'The connection to Mattermost was lost'
      : 'Mattermost did not open its WebSocket; a proxy before it may not let WebSockets through'
  }
}
