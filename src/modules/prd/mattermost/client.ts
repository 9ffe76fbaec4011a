import { Client4 } from '@mattermost/client'
import { OutsideFault, type Outgoing } from '../../../kernel/outgoing.ts'

/** Mattermost's REST API v4, as far as posting needs it: its official client, on our guard for outgoing calls. */

/** What is needed of an opened integration. */
export interface MattermostAccess {
  readonly settings: { readonly url: string; readonly team: string }
  readonly secrets: { readonly token?: string }
  readonly fetch: Outgoing['fetch']
  readonly socket: Outgoing['socket']
}

/** Mattermost answered with something else than what was asked for. */
export class MattermostFault extends OutsideFault {
  /** HTTP status of the answer. */
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }

  get isPassing(): boolean {
    return this.status === 429 || this.status >= 500
  }
}

export interface NewPost {
  readonly channelId: string
  /** Markdown. */
  readonly message: string
  /** Never given to another post; how a repeat is known. */
  readonly nonce: string
}

/** Mattermost's own rule for the names of teams and channels in addresses. */
const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/
const USERNAME = /^[a-z0-9._-]{1,64}$/
/** Mattermost's ids have 26 characters of these. */
const ID = /^[a-z0-9]{1,64}$/
/** Where a post carries its nonce: `pending_post_id` is not kept by the server, its properties are. */
const PROPERTY = 'switchboard_nonce'
/** Of a channel that is looked through for a post: enough for minutes of a busy one, and each answer is small. */
const PAGE = 60
const PAGES = 5

/** All methods throw MattermostFault, or OutgoingError of the guard; `signal` ends them with its own reason. */
export class Mattermost {
  private readonly client = new Client4()
  private readonly access: MattermostAccess
  private readonly signal: AbortSignal | undefined

  constructor(access: MattermostAccess, signal?: AbortSignal) {
    this.access = access
    this.signal = signal
    this.client.setUrl(baseUrl(access.settings.url))
    this.client.setToken(access.secrets.token ?? '')
    this.client.setIncludeCookies(false)
    // Private in its declarations, and the one function that all its calls go through.
    Object.assign(this.client, {
      doFetchWithResponse: (url: string, options: RequestInit) => this.call(url, options),
    })
  }

  /** Whose token it is: the username. */
  async me(): Promise<string> {
    const { username } = await this.client.getMe()
    if (typeof username !== 'string' || !USERNAME.test(username)) throw notMattermost()
    return username
  }

  /** @param name of the team's channel, as in its address */
  async channelId(name: string): Promise<string> {
    const { team } = this.access.settings
    if (!NAME.test(team) || !NAME.test(name)) throw missing(team, name)
    try {
      return idOf(await this.client.getChannelByNameAndTeamName(team, name))
    } catch (error) {
      throw error instanceof MattermostFault && [403, 404].includes(error.status) ? missing(team, name) : error
    }
  }

  /** Posts once: repeated within half a minute, Mattermost gives the post it has made already. @returns its id */
  async post({ channelId, message, nonce }: NewPost): Promise<string> {
    return idOf(
      await this.client.createPost({
        channel_id: channelId,
        message,
        pending_post_id: nonce,
        props: { [PROPERTY]: nonce },
      }),
    )
  }

  /**
   * The post with that nonce, among the last 300 of the channel: for repeats that come later than half a minute.
   * @param since it is not older than that, milliseconds of Mattermost's clock
   */
  async find(channelId: string, nonce: string, since: number): Promise<string | undefined> {
    for (let page = 0; page < PAGES; page += 1) {
      const { order, posts } = await this.client.getPosts(channelId, page, PAGE, false)
      if (!Array.isArray(order) || typeof posts !== 'object' || posts === null) throw notMattermost()
      const rows = order.flatMap((id) => posts[id] ?? [])
      const found = rows.find(({ props }) => props?.[PROPERTY] === nonce)
      if (found) return idOf(found)
      if (order.length < PAGE || rows.some(({ create_at }) => create_at < since)) return undefined
    }
    return undefined
  }

  private async call(url: string, options: RequestInit): Promise<{ readonly data: unknown }> {
    const given = this.client.getOptions(options as never) as RequestInit
    const init = { ...given, ...(this.signal && { signal: this.signal }) }
    const response = await this.access.fetch(url, init)
    const text = await response.text()
    if (!response.ok) throw faultOf(response.status)
    try {
      const data: unknown = JSON.parse(text)
      if (typeof data === 'object' && data !== null) return { data }
    } catch {
      // Not JSON: some other server answers there.
    }
    throw notMattermost(response.status)
  }
}

/** Of the WebSocket API v4. */
export const socketUrl = (url: string): string => `${baseUrl(url).replace(/^http/, 'ws')}/api/v4/websocket`

const baseUrl = (url: string): string => url.replace(/\/+$/, '')

function idOf(data: object): string {
  const { id } = data as { id?: unknown }
  if (typeof id !== 'string' || !ID.test(id)) throw notMattermost()
  return id
}

function faultOf(status: number): MattermostFault {
  if (status === 401) return new MattermostFault(status, 'Mattermost does not accept the token; enter a new one')
  if (status === 403) {
    return new MattermostFault(status, "Mattermost does not allow this to the token's account (status 403)")
  }
  if (status === 429) return new MattermostFault(status, 'Mattermost asks for fewer requests (status 429)')
  return new MattermostFault(status, `Mattermost answered with status ${status}`)
}

const missing = (team: string, name: string): MattermostFault =>
  new MattermostFault(
    404,
    `There is no channel ${name} in the team ${team}, or the token's account may not see it; add it to the channel`,
  )

const notMattermost = (status = 200): MattermostFault =>
  new MattermostFault(status, 'What answers at this address is not Mattermost; enter the address its users open')
