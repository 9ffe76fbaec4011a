import type { Random } from '../../../testing/random.ts'
import type { Answer, User } from '../../../testing/world.ts'
import type { Tab } from '../testing.ts'

const api = '/api/helpdesk'

/** No limit is in the way of random deeds. */
export const lawless = {
  helpdeskFramesPerMinute: 0,
  helpdeskMessagesPerMinute: 0,
  helpdeskStatusesPerMinute: 0,
  helpdeskWritesPerMinute: 0,
  maxConnectionsPerAccount: 1_000,
  upgradesPerMinutePerAddress: 0,
  accessTokenMs: 1e9,
  pongWaitMs: 1e9,
}

/** Who does the random deeds, and on what. */
export interface Stage {
  readonly random: Random
  readonly admin: User
  readonly agent: User
  readonly people: readonly User[]
  /** Some are deleted, and others made. */
  readonly channels: number[]
  /** One of a person's tabs that are connected now. */
  readonly tabOf: (user: User) => Tab | undefined
}

/** Random deeds, of which some are refused. */
export class Mischief {
  /** Answers over REST. */
  readonly statuses: number[] = []
  /** Who was taken out of which channel, ever: `channel:user`. */
  readonly removed = new Set<string>()
  private readonly stage: Stage
  private said = 0

  constructor(stage: Stage) {
    this.stage = stage
  }

  async deed(): Promise<void> {
    const { random, people, channels, tabOf } = this.stage
    const user = random.pick(people)
    const channelId = random.pick(channels)
    const tab = random.int(2) === 0 ? tabOf(user) : undefined
    const n = random.int(100)
    if (n < 45) await this.say(user, channelId, tab)
    else if (n < 62) await this.read(user, channelId, tab)
    else if (n < 72) await this.change(channelId)
    else if (n < 86) tabOf(user)?.emit('join_channel', channelId)
    else if (n < 91) await this.member(user, channelId)
    else if (n < 94) await this.showTo(channelId)
    else if (n < 97) await this.rights(user)
    else await this.replace()
  }

  private async say(user: User, channelId: number, tab: Tab | undefined): Promise<void> {
    const message = `message ${(this.said += 1)}`
    if (tab) tab.emit('chat:send_message', { channelId, message })
    else await this.keep(user.post(`${api}/channels/${channelId}/messages`, { message }))
  }

  private async read(user: User, channelId: number, tab: Tab | undefined): Promise<void> {
    const { random } = this.stage
    const { items = [] } = (await user.get(`${api}/channels/${channelId}/messages?limit=5`)).body as {
      items?: { id: number }[]
    }
    const messageId = items.length > 0 && random.int(2) === 0 ? random.pick(items).id : null
    if (tab) tab.emit('message_read', { channelId, messageId })
    else await this.keep(user.post(`${api}/channels/${channelId}/read`, { messageId }))
  }

  private async change(channelId: number): Promise<void> {
    const { random, admin, agent, tabOf } = this.stage
    const by = random.pick([admin, agent])
    const text = `text ${(this.said += 1)}`
    const what = random.pick(['name', 'topic', 'description', 'archived', 'name and topic'])
    const changes =
      what === 'archived'
        ? { archived: random.int(4) === 0 }
        : what === 'name and topic'
          ? { name: text, topic: text }
          : { [what]: text }
    const tab = random.int(2) === 0 ? tabOf(by) : undefined
    if (tab) tab.emit('channel_updated', { channelId, changes })
    else await this.keep(by.patch(`${api}/channels/${channelId}`, changes))
  }

  private async member(user: User, channelId: number): Promise<void> {
    const { random, admin } = this.stage
    const path = `${api}/channels/${channelId}/members`
    if (random.int(3) === 0) {
      this.removed.add(`${channelId}:${user.id}`)
      await this.keep(admin.delete(`${path}/${user.id}`))
    } else await this.keep(admin.post(path, { userId: user.id }))
  }

  private async showTo(channelId: number): Promise<void> {
    const { random, admin } = this.stage
    const visibility = random.pick(['public', 'public', 'public', 'internal', 'private'])
    await this.keep(admin.patch(`${api}/channels/${channelId}`, { visibility }))
  }

  private async rights(user: User): Promise<void> {
    const { random, admin, agent } = this.stage
    if (user === admin) return
    const path = `${api}/users/${user.id}/permissions`
    if (user === agent) await this.keep(admin.put(path, { role: random.pick(['agent', 'agent', 'agent', 'customer']) }))
    else await this.keep(admin.put(path, { denied: random.int(5) === 0 ? ['chat.access'] : [] }))
  }

  private async replace(): Promise<void> {
    const { random, admin, channels } = this.stage
    const at = random.int(channels.length)
    await this.keep(admin.delete(`${api}/channels/${channels[at]}`))
    const { status, body } = await admin.post(`${api}/channels`, { name: `channel ${(this.said += 1)}` })
    this.statuses.push(status)
    channels[at] = body.id as number
  }

  private async keep(answering: Promise<Answer>): Promise<void> {
    const { status, body } = await answering
    if (status >= 500) throw new Error(`${status} ${JSON.stringify(body)}`)
    this.statuses.push(status)
  }
}
