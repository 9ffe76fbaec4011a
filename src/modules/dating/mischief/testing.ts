import type { Client } from '../../../testing/client.ts'
import type { Random } from '../../../testing/random.ts'
import type { Answer, User } from '../../../testing/world.ts'
import { partnersOf } from '../model.ts'
import { send } from '../testing.ts'

/** No limit is in the way of random deeds. */
export const lawless = {
  datingMessagesPerMinute: 0,
  datingMessagesPerHour: 0,
  datingMessagesPerDay: 0,
  datingConnectionsPerMinute: 0,
  datingConnections: 1_000,
  datingConversationsPerDay: 0,
  datingLikesPerDay: 0,
  datingFramesPerMinute: 0,
  datingWritesPerMinute: 0,
  datingTypingPerMinute: 0,
  maxConnectionsPerAccount: 1_000,
  upgradesPerMinutePerAddress: 0,
  accessTokenMs: 1e9,
  pongWaitMs: 1e9,
}

/** Random deeds of people who have matched, or have parted, in any order, of which some are refused. */
export class Mischief {
  /** Answers over REST. */
  readonly statuses: number[] = []
  private readonly random: Random
  private readonly people: readonly User[]
  private readonly deviceOf: (user: User) => Client | undefined
  private said = 0

  /** @param deviceOf one of their devices that are connected, to do it with over the socket */
  constructor(random: Random, people: readonly User[], deviceOf: (user: User) => Client | undefined) {
    this.random = random
    this.people = people
    this.deviceOf = deviceOf
  }

  /** @returns what was done, for messages */
  async deed(): Promise<string> {
    const { random } = this
    const user = random.pick(this.people)
    const other = random.pick(this.people.filter(({ uuid }) => uuid !== user.uuid))
    const conversation = [...(await partnersOf(user))].find(([, partner]) => partner === other.uuid)?.[0]
    const kind = conversation === undefined ? 'like' : this.choose()
    const what = `${user.name}: ${kind} ${other.name}`
    if (kind === 'like') {
      await this.keep(user.delete(`/api/dating/blocks/${other.uuid}`))
      await this.keep(user.post('/api/dating/likes', { user_id: other.uuid }))
    } else await this.inConversation(kind, user, other, conversation!)
    return what
  }

  private choose(): string {
    const n = this.random.int(100)
    if (n < 38) return 'send'
    if (n < 60) return 'read'
    if (n < 70) return 'delete'
    if (n < 74) return 'status'
    if (n < 80) return 'join'
    if (n < 84) return 'leave'
    if (n < 94) return 'share'
    return n < 97 ? 'unmatch' : 'block'
  }

  private async inConversation(kind: string, user: User, other: User, conversation_id: string): Promise<void> {
    const { random } = this
    const path = `/api/dating/conversations/${conversation_id}`
    const device = this.deviceOf(user)
    const bySocket = device !== undefined && random.int(2) === 0
    switch (kind) {
      case 'send': {
        const message = { content: `message ${(this.said += 1)}`, type: 'text' }
        if (bySocket) send(device, 'message:send', { conversation_id, ...message })
        else await this.keep(user.post(`${path}/messages`, message))
        return
      }
      case 'read':
      case 'delete': {
        const { body } = await user.get(`${path}/messages?limit=8`)
        const items = ((body.items ?? []) as { id: string; sender_id: string }[])
          // Of an own one the answer would say, to this device alone, that it has been viewed.
          .filter(({ sender_id }) => kind === 'delete' || sender_id !== user.uuid)
        if (items.length === 0) return
        const message_id = random.pick(items).id
        if (bySocket) send(device, `message:${kind}`, { conversation_id, message_id })
        else if (kind === 'read') await this.keep(user.post(`${path}/read`, { message_id }))
        else await this.keep(user.delete(`/api/dating/messages/${message_id}`))
        return
      }
      case 'status':
        if (device) send(device, 'user:status', { status: random.pick(['online', 'away', 'busy', 'offline']) })
        return
      case 'join':
      case 'leave':
        if (device) send(device, `conversation:${kind}`, { conversation_id })
        return
      case 'share':
        return this.keep(user.put(`${path}/sharing`, { shares: random.int(3) > 0 }))
      case 'unmatch':
        return this.keep(user.delete(path))
      default:
        return this.keep(user.post('/api/dating/blocks', { user_id: other.uuid }))
    }
  }

  private async keep(answering: Promise<Answer>): Promise<void> {
    const { status, body } = await answering
    if (status >= 500) throw new Error(`${status} ${JSON.stringify(body)}`)
    this.statuses.push(status)
  }
}
