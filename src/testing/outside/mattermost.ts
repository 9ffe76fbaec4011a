import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'

/**
 * A Mattermost server, as far as posting and staying in touch need it. Followed: "Mattermost API" (Authentication,
 * Errors, Rate limiting, WebSocket), "Get a user", "Get a channel by name and team name", "Create a post", "Get posts
 * for a channel" and "Open a WebSocket connection" of the API reference at docs.mattermost.com/api/reference; and, for
 * what these leave open, the server's sources: a token that is refused over the WebSocket ends the connection without
 * a word, `hello` comes before the answer to the challenge, `pending_post_id` is remembered for 30 seconds and kept
 * nowhere, mentions are read from the text after its Markdown. Left out: sessions that end by themselves, and the
 * server's own pings.
 */

export interface StoredPost {
  readonly id: string
  readonly create_at: number
  readonly user_id: string
  readonly channel_id: string
  readonly message: string
  readonly props: Readonly<Record<string, unknown>>
}

interface Channel {
  readonly id: string
  readonly name: string
  readonly isPrivate: boolean
  /** Whether the token's account is in it. */
  isMember: boolean
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

type Frame = Readonly<Record<string, unknown>>

const API = '/api/v4'
const MOST_CHARACTERS = 16_383
/** The server's `pendingPostIDsCacheTTL`, milliseconds. */
const PENDING_MS = 30_000

export class MattermostDouble {
  token = 'mattermost-token-of-the-bot'
  readonly username = 'prd-bot'
  readonly userId = newId()
  /** In the order in which they were made. */
  readonly posts: StoredPost[] = []
  /** Method, path without its query, and status of what was asked over REST. */
  readonly requests: string[] = []
  /** Of Authorization headers, and of challenges. */
  readonly tokens: string[] = []
  /** Frames of its clients. */
  readonly frames: Frame[] = []
  /** It reads no more of what comes over its WebSocket. */
  isDeaf = false
  /** It accepts tokens over its WebSocket and greets nobody. */
  isSullen = false
  /** What is before it does not let WebSockets through. */
  refusesUpgrades = false
  /** Wall clock, milliseconds. */
  now: () => number = Date.now
  private readonly team: string
  private readonly channels = new Map<string, Channel>()
  private readonly pending = new Map<string, { readonly at: number; id: string }>()
  private readonly failing: number[] = []
  private readonly lost: string[] = []
  private readonly waiting = new Set<() => void>()
  private readonly greeted = new Map<WebSocket, { seq: number }>()
  private readonly http: Server
  private readonly sockets = new WebSocketServer({ noServer: true })
  private port = 0

  constructor(team = 'product') {
    this.team = team
    this.http = createServer((request, response) => void this.serve(request, response))
    this.http.on('upgrade', (request, socket, head) => {
      if (this.refusesUpgrades || pathOf(request) !== `${API}/websocket`) {
        return socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n')
      }
      this.sockets.handleUpgrade(request, socket, head, (opened) => this.accept(opened))
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Clients whose token was accepted. */
  get connections(): number {
    return this.greeted.size
  }

  /** @param how whether the token's account is in it, and others may find it; it is, and they may */
  channel(name: string, how: { readonly isPrivate?: boolean; readonly isMember?: boolean } = {}): Channel {
    const { isPrivate = false, isMember = true } = how
    const channel = { id: newId(), name, isPrivate, isMember }
    this.channels.set(name, channel)
    return channel
  }

  /** The next calls over REST are answered with these. */
  fail(...statuses: readonly number[]): void {
    this.failing.push(...statuses)
  }

  /** The next calls with this method do all they should, but for their answer: the connection is cut. */
  loseAnswer(method: string): void {
    this.lost.push(method)
  }

  /** Cuts all WebSockets off, as a server that is killed. */
  dropSockets(): void {
    for (const client of this.sockets.clients) client.terminate()
  }

  /** The token is accepted no more, and its connections end. */
  revoke(): void {
    this.token = newId()
    this.dropSockets()
  }

  /** An event to all connections. @param skipped events before it that get lost */
  publish(event: string, data: object = {}, skipped = 0): void {
    for (const [socket, state] of this.greeted) {
      state.seq += skipped
      this.sendEvent(socket, event, data)
    }
  }

  /** Resolves once this is so; it is looked at whenever something has come or gone. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.waiting.add(resolve))
  }

  /** The same port again, after `close`. */
  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.http.listen(this.port, '127.0.0.1', resolve))
    this.port = (this.http.address() as AddressInfo).port
    return this
  }

  async close(): Promise<void> {
    this.dropSockets()
    this.http.closeAllConnections()
    if (this.http.listening) await new Promise((resolve) => this.http.close(resolve))
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const { method = 'GET' } = request
    const answer = this.answer(request, text)
    this.requests.push(`${method} ${pathOf(request)} ${answer.status}`)
    if (this.lost[0] === method) {
      this.lost.shift()
      return void request.socket.destroy()
    }
    const isText = typeof answer.body === 'string'
    response.writeHead(answer.status, {
      'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
      'x-ratelimit-limit': '10',
      'x-ratelimit-remaining': '9',
      'x-ratelimit-reset': '1',
      'x-request-id': newId(),
      'x-version-id': '11.9.0',
      ...answer.headers,
    })
    response.end(isText ? answer.body : JSON.stringify(answer.body))
  }

  private answer(request: IncomingMessage, text: string): Answer {
    const { method, headers } = request
    const path = pathOf(request)
    const [, token = ''] = /^bearer (.*)$/i.exec(headers.authorization ?? '') ?? []
    this.tokens.push(token)
    const status = this.failing.shift()
    if (status === 429) {
      return { status, body: 'limit exceeded\n', headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' } }
    }
    if (status !== undefined) return fault(status, 'app.something.internal.app_error', `secret words of ${path}`)
    if (token !== this.token) {
      return fault(401, 'api.context.session_expired.app_error', 'Invalid or expired session, please login again.')
    }
    if (method === 'GET' && path === `${API}/users/me`) {
      return { status: 200, body: { id: this.userId, username: this.username, is_bot: true, roles: 'system_user' } }
    }
    const named = /^\/api\/v4\/teams\/name\/([^/]+)\/channels\/name\/([^/]+)$/.exec(path)
    if (method === 'GET' && named) return this.channelByName(named[1]!, named[2]!)
    if (method === 'POST' && path === `${API}/posts`) return this.createPost(text)
    const listed = /^\/api\/v4\/channels\/([^/]+)\/posts$/.exec(path)
    if (method === 'GET' && listed) return this.listPosts(listed[1]!, new URL(request.url!, this.url).searchParams)
    return fault(404, 'api.context.404.app_error', 'Sorry, we could not find the page.')
  }

  private channelByName(team: string, name: string): Answer {
    if (team !== this.team) return fault(404, 'app.team.get_by_name.missing.app_error', 'Unable to find the team.')
    const channel = this.channels.get(name)
    if (!channel || (channel.isPrivate && !channel.isMember)) {
      return fault(404, 'app.channel.get_by_name.missing.app_error', 'Channel does not exist.')
    }
    const type = channel.isPrivate ? 'P' : 'O'
    return { status: 200, body: { id: channel.id, name, display_name: name, type, delete_at: 0 } }
  }

  private createPost(text: string): Answer {
    const { channel_id, message, pending_post_id, props } = JSON.parse(text) as Record<string, unknown>
    const channel = [...this.channels.values()].find(({ id }) => id === channel_id)
    if (!channel?.isMember) return forbidden
    if (typeof message !== 'string' || [...message].length > MOST_CHARACTERS) {
      return fault(400, 'api.context.invalid_body_param.app_error', 'Invalid or missing post in request body.')
    }
    const key = typeof pending_post_id === 'string' ? pending_post_id : ''
    const seen = this.pending.get(key)
    const known = key !== '' && seen && this.now() - seen.at < PENDING_MS ? seen.id : undefined
    let post = this.posts.find(({ id }) => id === known)
    if (!post) {
      post = {
        id: newId(),
        create_at: this.now(),
        user_id: this.userId,
        channel_id: channel.id,
        message,
        props: (props ?? {}) as Record<string, unknown>,
      }
      this.posts.push(post)
      this.pending.set(key, { at: this.now(), id: post.id })
      this.publish('posted', { post: JSON.stringify(post) })
    }
    return { status: 201, body: { ...post, pending_post_id: key } }
  }

  private listPosts(id: string, query: URLSearchParams): Answer {
    if (![...this.channels.values()].some((channel) => channel.id === id && channel.isMember)) return forbidden
    const [page, perPage] = [Number(query.get('page') ?? 0), Math.min(200, Number(query.get('per_page') ?? 60))]
    const all = this.posts.filter(({ channel_id }) => channel_id === id).reverse()
    const rows = all.slice(page * perPage, (page + 1) * perPage)
    return {
      status: 200,
      body: { order: rows.map((post) => post.id), posts: Object.fromEntries(rows.map((post) => [post.id, post])) },
    }
  }

  private accept(socket: WebSocket): void {
    socket.on('close', () => {
      this.greeted.delete(socket)
      this.changed()
    })
    socket.on('error', () => undefined)
    socket.on('message', (data: RawData) => {
      if (this.isDeaf) return
      this.read(socket, JSON.parse((data as Buffer).toString()) as Frame)
      this.changed()
    })
  }

  private changed(): void {
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const resolve of waiting) resolve()
  }

  private read(socket: WebSocket, frame: Frame): void {
    this.frames.push(frame)
    const { action, seq, data } = frame as { action?: string; seq?: number; data?: { token?: unknown } }
    const reply = (body: object): void => socket.send(JSON.stringify({ ...body, seq_reply: seq }))
    const refuse = (id: string): void =>
      reply({ status: 'FAIL', error: { id: `api.web_socket_router.${id}.app_error`, message: id, status_code: 400 } })
    if (!action) return refuse('no_action')
    if (!(Number(seq) > 0)) return refuse('bad_seq')
    if (action === 'authentication_challenge') {
      this.tokens.push(String(data?.token))
      if (data?.token !== this.token) return socket.terminate()
      if (this.isSullen) return
      this.greeted.set(socket, { seq: 0 })
      this.sendEvent(socket, 'hello', { server_version: '11.9.0', connection_id: newId() })
      return reply({ status: 'OK' })
    }
    if (!this.greeted.has(socket)) return refuse('not_authenticated')
    if (action === 'ping') return reply({ status: 'OK', data: { text: 'pong', version: '11.9.0', node_id: '' } })
    refuse('bad_action')
  }

  private sendEvent(socket: WebSocket, event: string, data: object): void {
    const state = this.greeted.get(socket)!
    const broadcast = { omit_users: null, user_id: this.userId, channel_id: '', team_id: '' }
    socket.send(JSON.stringify({ event, data, broadcast, seq: state.seq }))
    state.seq += 1
  }
}

/** Who would be notified by a post: by the server's rule for words, once Markdown's escapes and references are gone. */
export function mentionsIn(message: string): readonly string[] {
  const read = message
    .replaceAll(/\\([!-/:-@[-`{-~])|&(?:#(\d+)|#x([0-9a-f]+)|(amp|lt|commat));/gi, (_, escaped, dec, hex, name) => {
      if (escaped !== undefined) return String(escaped)
      if (name !== undefined) return { amp: '&', lt: '<', commat: '@' }[String(name).toLowerCase()] ?? ''
      return String.fromCodePoint(dec === undefined ? Number.parseInt(String(hex), 16) : Number(dec))
    })
  return read
    .split(/[^:.\-_@\p{L}\p{N}]+/u)
    .map((word) => word.replace(/^[:.\-_]+/, ''))
    .filter((word) => /^@./.test(word))
}

const newId = (): string => randomBytes(13).toString('hex')
const pathOf = ({ url = '/' }: IncomingMessage): string => url.split('?', 1)[0]!

function fault(status: number, id: string, message: string): Answer {
  return { status, body: { id, message, detailed_error: '', request_id: newId(), status_code: status } }
}

const forbidden = fault(403, 'api.context.permissions.app_error', 'You do not have the appropriate permissions.')
