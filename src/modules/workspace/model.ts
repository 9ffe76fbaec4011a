import type { Frame } from '../../testing/client.ts'

/** What is known of a channel. `at` and the like: the place in the log up to which a read over REST has told it. */
interface Channel {
  readonly id: string
  name: string
  created_by: string
  /** Unknown after an update: "reload it". */
  type: string | undefined
  /** Unknown until an update. */
  description: string | undefined
  /** Whether the person is in it: then members and messages are known. */
  inside: boolean
  members: Set<string>
  at: number
  membersAt: number
  historyAt: number
}

/** A message as REST shows it; of a deleted one only its place. */
export interface Message {
  readonly id: string
  readonly channel_id: string
  readonly user_id: string | undefined
  content: string
  attachments: unknown[]
  reactions: { readonly emoji: string; readonly user_id: string }[]
  readonly created_at: string | undefined
  updated_at: string | null
  deleted_at: string | null
  readonly parent_message_id: string | null
  reply_count: number
  last_reply_at: string | null
}

type Known = Message & { at: number; repliesAt: number }

/** What REST told of one channel, and the places in the log at which it was read. */
export interface Read {
  readonly channel: { id: string; name: string; created_by: string; type: string; description: string }
  readonly at: number
  readonly members: readonly string[]
  readonly membersAt: number
  /** Newest first; absent for who is not in it. */
  readonly history: readonly Message[]
  readonly historyAt: number
  readonly replies: ReadonlyMap<string, { readonly items: readonly Message[]; readonly at: number }>
}

const BEGINNING = -1

/**
 * What a client believes that applies the documented frames and nothing else. Over REST it reads what was there before
 * it came, and what was in a channel before its person came in.
 */
export class Model {
  /** Channels into which the person came: what is in them is to be read over REST now. */
  readonly wanted = new Set<string>()
  /** Frames that tell of things this client ought to know and does not, or of nothing new. */
  readonly oddities: string[] = []
  /** Who is not offline. */
  readonly presence = new Map<string, string>()
  private readonly channels = new Map<string, Channel>()
  private readonly messages = new Map<string, Known>()
  private readonly me: string

  constructor(me: string) {
    this.me = me
  }

  /** @param offset of the frame in the log, when it has a position */
  apply({ type, data }: Frame, offset = Number.POSITIVE_INFINITY): void {
    const known = (at: number | undefined): boolean => at !== undefined && offset <= at
    const text = (key: string): string => data[key] as string
    const channel = this.channels.get(type.startsWith('channel.') ? text('id') : text('channel_id'))
    const message = this.messages.get(text('id') ?? text('message_id') ?? text('parent_message_id'))
    switch (type) {
      case 'channel.created': {
        if (known(channel?.at)) return
        if (channel) this.odd(`${type} again`, data)
        const { id, name, created_by, type: kind } = data as unknown as Channel & { type: string }
        this.channels.set(id, { ...(channel ?? blank(id)), name, created_by, type: kind })
        this.channels.get(id)!.members.add(created_by)
        // What is not public is seen from inside only; of a public one that is one's own, only REST says whether
        // one is still in it.
        if (kind !== 'public') this.channels.get(id)!.inside = true
        else if (created_by === this.me) this.wanted.add(id)
        return
      }
      case 'channel.updated':
        if (!channel) return this.odd(type, data)
        if (known(channel.at)) return
        channel.name = text('name')
        channel.description = text('description')
        channel.type = undefined
        return
      case 'channel.deleted':
        if (!channel) return this.odd(type, data)
        if (!known(channel.at)) this.dropChannel(channel.id)
        return
      case 'member.joined':
        if (!channel) return this.odd(type, data)
        if (known(channel.membersAt)) return
        // Who made it is taken to be in it, until they come back into what they have left.
        const again = channel.members.has(text('user_id')) && text('user_id') !== channel.created_by
        if (channel.inside && again) this.odd(`${type} again`, data)
        channel.members.add(text('user_id'))
        if (text('user_id') === this.me) {
          channel.inside = true
          this.wanted.add(channel.id)
        }
        return
      case 'member.left':
        if (!channel) return this.odd(type, data)
        if (known(channel.membersAt)) return
        if (!channel.members.delete(text('user_id'))) this.odd(`${type} again`, data)
        if (text('user_id') === this.me) {
          channel.inside = false
          this.wanted.delete(channel.id)
          this.dropMessages(channel.id)
        }
        return
      case 'message.new': {
        if (!channel?.inside) return this.odd(type, data)
        const parent = data['parent_message_id'] as string | undefined
        const root = parent === undefined ? undefined : this.messages.get(parent)
        if (known(root ? root.repliesAt : channel.historyAt)) return
        // It has been deleted meanwhile, and what it said forgotten; its replies say that it was there.
        if (parent !== undefined && !root) this.messages.set(parent, { ...place(parent, channel.id), deleted_at: '?' })
        this.messages.set(text('id'), { ...place(text('id'), channel.id), ...data, parent_message_id: parent ?? null })
        return
      }
      case 'message.updated':
        if (!message) return this.odd(type, data)
        if (known(message.at)) return
        if (message.content === text('content')) this.odd(`${type} without a change`, data)
        message.content = text('content')
        message.updated_at = text('updated_at')
        return
      case 'message.deleted':
        if (!message) return this.odd(type, data)
        if (known(message.at)) return
        // It is gone, unless replies hold its place: that is told next. What was known of them may be long past.
        Object.assign(message, { content: '', reactions: [], attachments: [], deleted_at: text('deleted_at') })
        Object.assign(message, { reply_count: 0, last_reply_at: null })
        return
      case 'reaction.added':
      case 'reaction.removed': {
        if (!message) return this.odd(type, data)
        if (known(message.at)) return
        const same = ({ emoji, user_id }: Message['reactions'][number]) =>
          emoji === data['emoji'] && user_id === data['user_id']
        const others = message.reactions.filter((reaction) => !same(reaction))
        if ((type === 'reaction.added') === others.length < message.reactions.length) this.odd(`${type} again`, data)
        message.reactions = others
        if (type === 'reaction.added') message.reactions.push({ emoji: text('emoji'), user_id: text('user_id') })
        return
      }
      case 'thread.updated':
        if (!message) return this.odd(type, data)
        if (known(message.at)) return
        message.reply_count = data['reply_count'] as number
        message.last_reply_at = data['last_reply_at'] as string | null
        return
      case 'presence.updated':
        if (text('status') === 'offline') this.presence.delete(text('user_id'))
        else this.presence.set(text('user_id'), text('status'))
        return
      default:
    }
  }

  /** The person has just made this channel: the answer said so. */
  founded(id: string): void {
    this.channels.get(id)!.inside = true
    this.wanted.delete(id)
  }

  /** What REST says of a channel takes the place of what was believed of it. */
  learn({ channel, at, members, membersAt, history, historyAt, replies }: Read): void {
    this.dropChannel(channel.id)
    const { id, name, created_by, type, description } = channel
    const inside = members.includes(this.me)
    const stamps = { at, membersAt, historyAt }
    this.channels.set(id, { id, name, created_by, type, description, inside, members: new Set(members), ...stamps })
    if (!inside) return
    for (const message of history) {
      const under = replies.get(message.id)
      this.messages.set(message.id, known(message, historyAt, under?.at ?? historyAt))
      for (const reply of under?.items ?? []) this.messages.set(reply.id, known(reply, under!.at, under!.at))
    }
  }

  /** Ids of all channels that are believed to be there. */
  get seen(): readonly string[] {
    return [...this.channels.keys()]
  }

  /** In a form that can be compared. */
  get state(): object {
    const channels = [...this.channels.values()].toSorted(byId)
    return {
      channels: channels.map(({ id, name, created_by, inside }) => ({ id, name, created_by, inside })),
      members: channels.filter(({ inside }) => inside).map(({ id, members }) => [id, [...members].toSorted()]),
      messages: [...this.messages.values()].filter(isShown).toSorted(byId).map(shown),
    }
  }

  /** What is known of some channels only: for each that this knows, and the other too. @returns where they differ */
  differences(other: Model): string[] {
    return [...this.channels.values()].flatMap(({ id, type, description }) => {
      const theirs = other.channels.get(id)
      const differs = (mine: string | undefined, their: string | undefined) => mine !== undefined && mine !== their
      if (!theirs) return [`${id} is not there`]
      const found = differs(type, theirs.type) || differs(description, theirs.description)
      return found ? [`${id}: ${type} ${description}, but ${theirs.type} ${theirs.description}`] : []
    })
  }

  private odd(type: string, data: object): void {
    this.oddities.push(`${type} ${JSON.stringify(data)}`)
  }

  private dropChannel(id: string): void {
    this.channels.delete(id)
    this.wanted.delete(id)
    this.dropMessages(id)
  }

  private dropMessages(channelId: string): void {
    for (const [id, message] of this.messages) if (message.channel_id === channelId) this.messages.delete(id)
  }
}

const blank = (id: string): Channel => ({
  id,
  name: '',
  created_by: '',
  type: undefined,
  description: undefined,
  inside: false,
  members: new Set(),
  at: BEGINNING,
  membersAt: BEGINNING,
  historyAt: BEGINNING,
})

const place = (id: string, channelId: string): Known => ({
  id,
  channel_id: channelId,
  user_id: undefined,
  content: '',
  attachments: [],
  reactions: [],
  created_at: undefined,
  updated_at: null,
  deleted_at: null,
  parent_message_id: null,
  reply_count: 0,
  last_reply_at: null,
  at: BEGINNING,
  repliesAt: BEGINNING,
})

/** Without what no frame tells: who takes part in a thread, what is pinned. */
function known(row: Message, at: number, repliesAt: number): Known {
  const { id, channel_id, user_id, content, attachments, reactions, created_at, updated_at } = row
  const { deleted_at, parent_message_id, reply_count, last_reply_at } = row
  const told = { id, channel_id, user_id, content, attachments, reactions, created_at, updated_at }
  return { ...told, deleted_at, parent_message_id, reply_count, last_reply_at, at, repliesAt }
}

const byId = (a: { id: string }, b: { id: string }): number => a.id.localeCompare(b.id)

const isShown = ({ deleted_at, reply_count }: Message): boolean => deleted_at === null || reply_count > 0

/** Of a deleted message nobody can know who wrote it, and when, who was not there when it was. */
function shown(message: Known): object {
  const { id, channel_id, user_id, content, attachments, created_at, updated_at } = message
  const { deleted_at, parent_message_id, reply_count, last_reply_at } = message
  const reactions = message.reactions.map((reaction) => `${reaction.emoji} ${reaction.user_id}`).toSorted()
  const place = { id, channel_id, parent_message_id, reply_count, last_reply_at, deleted_at }
  if (deleted_at !== null) return { ...place, left: [content, ...attachments, ...reactions] }
  return { ...place, user_id, content, attachments, reactions, created_at, updated_at }
}
