import assert from 'node:assert/strict'
import { testWorld, type Answer, type User, type World } from '../../../testing/world.ts'
import { helpdeskAlone, made, Tab } from '../testing.ts'

/**
 * Who asks. ano: without a token on the socket, with one that is none over REST. cus: a customer who is a member of
 * nothing. mem: a customer who is a member of every channel there is. grt: as cus, and granted all that agents and
 * admins may do by permission. noa, mut: as mem, but one is denied chat.access, the other chat.send_messages and calls.
 * agt: an agent, of no private channel. agd: an agent denied chat.manage_channels, a member of the private channel.
 * adm: an admin, a member of no private channel. rem: as mem, taken out of all channels a moment ago. dem: an agent
 * until a moment ago, a member of all but the private channel. off: deactivated. All but ano were admins a moment ago,
 * and had joined every channel.
 */
export const columns = ['ano', 'cus', 'mem', 'grt', 'noa', 'mut', 'agt', 'agd', 'adm', 'rem', 'dem', 'off'] as const
export type Column = (typeof columns)[number]
export type Named = Exclude<Column, 'ano'>
const named = columns.slice(1) as Named[]

/** chief and peer have joined the channels that they see, far has joined another one; spare has no tab. */
export type Listener = 'chief' | 'peer' | 'far'
export const listeners: readonly Listener[] = ['chief', 'peer', 'far']

export const kinds = ['pub', 'int', 'prv'] as const
export type Kind = (typeof kinds)[number]
export const visibilities = { pub: 'public', int: 'internal', prv: 'private' } as const

export const ABSENT = 2_000_000_000
export const ABSENT_UUID = '00000000-0000-4000-8000-000000000000'

/** What a cell says when it is not ok. */
export const codes = {
  U: [401, 'UNAUTHENTICATED'],
  F: [403, 'FORBIDDEN'],
  N: [404, 'NOT_FOUND'],
  C: [409, 'CONFLICT'],
} as const
export type Cell = keyof typeof codes | 'ok' | '-'

/** One row of a table: a cell for each column. */
export function cellsOf(text: string): readonly (readonly [Column, Cell])[] {
  const cells = text.trim().split(/\s+/) as Cell[]
  assert.equal(cells.length, columns.length, text)
  return columns.map((who, n) => [who, cells[n]!])
}

//                        ano cus mem grt noa mut agt agd adm rem dem off
export const ALL = '       U  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  U'
export const ABS = '       U  N   N   N   F   N   N   N   N   N   N   U'
/** H-P3: who sees a channel of each kind. */
export const SEE = {
  pub: '                   U  ok  ok  ok  F   ok  ok  ok  ok  ok  ok  U',
  int: '                   U  N   N   N   F   N   ok  ok  ok  N   N   U',
  prv: '                   U  N   ok  N   F   ok  N   ok  ok  N   N   U',
} as const
/** Who may write in one. */
export const SEND = {
  pub: '                   U  ok  ok  ok  F   F   ok  ok  ok  ok  ok  U',
  int: '                   U  N   N   N   F   N   ok  ok  ok  N   N   U',
  prv: '                   U  N   ok  N   F   F   N   ok  ok  N   N   U',
} as const
/** Who may change one. */
export const MANAGE = {
  pub: '                   U  F   F   ok  F   F   ok  F   ok  F   F   U',
  int: '                   U  N   N   N   F   N   ok  F   ok  N   N   U',
  prv: '                   U  N   F   N   F   F   N   F   ok  N   N   U',
} as const

const unlimited = {
  helpdeskFramesPerMinute: 0,
  helpdeskMessagesPerMinute: 0,
  helpdeskStatusesPerMinute: 0,
  helpdeskCallsPerMinute: 0,
  helpdeskWritesPerMinute: 0,
  helpdeskUnsentFiles: 1_000,
}

export const api = '/api/helpdesk'

/** Everybody, with a tab and something of their own in every channel. */
export class Cast {
  readonly world: World
  readonly users = {} as Record<Named | Listener | 'spare', User>
  readonly tabs = {} as Record<Column | Listener, Tab>
  readonly channels = {} as Record<Kind | 'arc' | 'elsewhere', number>
  /** Of each person in each channel: messages that carry a file. */
  readonly messages = {} as Record<Named | 'chief', Record<Kind | 'elsewhere', number>>
  /** Of each person: uploaded to the private channel, and in no message. */
  readonly unsent = {} as Record<Named | 'chief', string>
  /** Of the chief, in messages. */
  readonly files = {} as Record<Kind, string>
  /** Of each person. */
  readonly tickets = {} as Record<Named | 'peer', number>
  /** Of private channels. */
  private readonly members = new Set<Named | 'peer'>(['mem', 'noa', 'mut', 'agd', 'rem', 'peer'])
  private readonly opened: Tab[] = []

  private constructor(world: World) {
    this.world = world
  }

  static async gather(): Promise<Cast> {
    const cast = new Cast(await testWorld({ modules: helpdeskAlone, config: unlimited }))
    const { users, world, channels } = cast
    // The first account of all is the administrator of the server.
    for (const who of [...listeners, 'spare', ...named] as const) users[who] = await world.user(who)
    for (const who of named) await cast.rights(who, { role: 'admin' })
    for (const kind of kinds) channels[kind] = await cast.channel(kind)
    channels.elsewhere = (await made(users.chief, `${api}/channels`, { name: 'elsewhere' })).id
    channels.arc = (await made(users.chief, `${api}/channels`, { name: 'archived' })).id
    assert.equal((await users.chief.patch(`${api}/channels/${channels.arc}`, { archived: true })).status, 200)
    for (const who of [...listeners, ...named] as const) cast.tabs[who] = await cast.tab(users[who])
    for (const kind of kinds) {
      await cast.tabs.chief.done('join_channel', channels[kind])
      if (kind !== 'int') await cast.tabs.peer.done('join_channel', channels[kind])
      for (const who of named) await cast.tabs[who].done('join_channel', channels[kind])
    }
    await cast.tabs.far.done('join_channel', channels.elsewhere)
    cast.tabs.ano = new Tab(world.url)
    cast.opened.push(cast.tabs.ano)
    await cast.belongings()
    return cast
  }

  private async belongings(): Promise<void> {
    const { users, channels, tickets } = this
    for (const who of ['chief', ...named] as const) {
      this.messages[who] = {} as Record<Kind | 'elsewhere', number>
      for (const kind of [...kinds, 'elsewhere'] as const) {
        const body = { channelId: channels[kind], message: `needle of ${who}`, messageType: 'file' }
        this.messages[who][kind] = (await this.tabs[who].done('chat:send_message', body)).message.id
      }
      this.unsent[who] = (await this.upload(users[who].token, channels.prv)).body.id
    }
    for (const who of ['peer', ...named] as const) {
      tickets[who] = (await made(users.chief, `${api}/tickets`, { subject: who, requesterId: users[who].id })).id
    }
    for (const kind of kinds) {
      const { body } = await this.upload(users.chief.token, channels[kind])
      this.files[kind] = body.id
      const { name: fileName, size: fileSize, mimeType: fileType } = body
      const about = { channelId: channels[kind], messageId: this.messages.chief[kind] }
      await this.tabs.chief.done('file_uploaded', { ...about, fileName, fileSize, fileType })
    }
  }

  /** From admins to what each of them is in the table; what that tells them stays with their tabs. */
  async lower(): Promise<void> {
    const { users, channels } = this
    const out = async (who: Named, ...from: readonly Kind[]): Promise<void> => {
      for (const kind of from) {
        const { status } = await users.chief.delete(`${api}/channels/${channels[kind]}/members/${users[who].id}`)
        assert.equal(status, 204)
      }
    }
    await this.rights('cus', { role: 'customer' })
    await out('cus', 'pub', 'int')
    await this.rights('mem', { role: 'customer' })
    const granted = ['chat.create_channels', 'chat.manage_channels', 'chat.send_broadcasts', 'call.view_history']
    await this.rights('grt', { role: 'customer', granted })
    await out('grt', 'pub', 'int')
    await this.rights('noa', { role: 'customer', denied: ['chat.access'] })
    await this.rights('mut', { role: 'customer', denied: ['chat.send_messages', 'call.audio', 'call.video'] })
    await this.rights('agt', { role: 'agent' })
    await this.rights('agd', { role: 'agent', denied: ['chat.manage_channels'] })
    await this.rights('off', { role: 'customer' })
    await this.rights('dem', { role: 'agent' })
    await this.rights('rem', { role: 'customer' })
    await out('rem', ...kinds)
    this.members.delete('rem')
    await this.rights('dem', { role: 'customer' })
    const gone = await users.chief.post(`/api/tracker/users/${users.off.id}/status`, { status: 'inactive' })
    assert.equal(gone.status, 200)
  }

  /** Another one of that kind, with the members there are by now. */
  async channel(kind: Kind): Promise<number> {
    const { users } = this
    const memberIds = kind === 'prv' ? [...this.members].map((who) => users[who].id) : []
    const body = { name: `a channel: ${kind}`, visibility: visibilities[kind], memberIds }
    return (await made(users.chief, `${api}/channels`, body)).id as number
  }

  async tab(user: User): Promise<Tab> {
    const tab = new Tab(this.world.url)
    this.opened.push(tab)
    tab.emit('authenticate', user.token)
    await tab.find('authenticated')
    return tab
  }

  /** What somebody sends over REST. @param who ano: with a token that is none */
  request(who: Column, method: string, path: string, body?: unknown): Promise<Answer> {
    const token = who === 'ano' ? 'none' : this.users[who].token
    const sent = body === undefined || method === 'GET' ? [] : [body]
    return this.world.request(method, path, sent[0], { authorization: `Bearer ${token}` })
  }

  upload(token: string, channelId: number): Promise<Answer> {
    const form = new FormData()
    form.set('file', new Blob(['text of a log']), 'x.txt')
    return this.world.request('POST', `${api}/files?channelId=${channelId}`, form, { authorization: `Bearer ${token}` })
  }

  /** What everybody but these has got by now. */
  async heard(but: readonly string[] = []): Promise<Record<string, string[]>> {
    const asked = Object.entries(this.tabs).filter(([who]) => who !== 'ano' && who !== 'off' && !but.includes(who))
    const got = await Promise.all(
      asked.map(async ([who, tab]) => [who, (await tab.drained()).map(([name]) => name)] as const),
    )
    return Object.fromEntries(got.filter(([, names]) => names.length > 0))
  }

  async close(): Promise<void> {
    for (const tab of this.opened) tab.close()
    await this.world.close()
  }

  private async rights(who: Named, rights: object): Promise<void> {
    const { chief } = this.users
    const { status, body } = await chief.put(`${api}/users/${this.users[who].id}/permissions`, rights)
    assert.equal(status, 200, JSON.stringify(body))
  }
}
