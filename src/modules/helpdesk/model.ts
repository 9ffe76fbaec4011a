import assert from 'node:assert/strict'
import type { User } from '../../testing/world.ts'
import { parsePosition } from '../../wire/position.ts'
import type { Told } from './mischief/resuming.ts'
import type { Payload } from './wire.ts'

type Message = Payload<'chat:new_message'>

/** A channel as a client knows it. */
export interface Known {
  name: string
  description: string
  topic: string
  archived: boolean
  /** Whether its person was a member when it was read; only members have what follows. */
  isMember: boolean
  /** Up to which message its person has read; 0: none. */
  readUpTo: number
  /** Messages of others after that. */
  unread: number
  /** Oldest first. */
  messages: Message[]
}

interface Held extends Omit<Known, 'unread'> {
  /** The place in the log up to which a read over REST has told it. */
  at: number
  /** On this connection it is known that the tab is in the channel. */
  confirmed: boolean
}

/**
 * What a client believes that applies the document's events and nothing else. Over REST it reads a channel when it
 * comes into it, and everything when it is told to reload.
 */
export class Model {
  /** Channels into which the tab came: what is in them is to be read over REST now. */
  readonly wanted = new Set<number>()
  private readonly channels = new Map<number, Held>()
  private readonly me: number

  constructor(me: number) {
    this.me = me
  }

  /** Ids of what is known. */
  get ids(): readonly number[] {
    return [...this.channels.keys()]
  }

  apply({ name, data, position }: Told): void {
    const offset = position === undefined ? Infinity : parsePosition(position)!.offset
    const channelId = data.channelId as number
    const known = this.channels.get(channelId)
    switch (name) {
      case 'resync':
        this.channels.clear()
        this.wanted.clear()
        return
      case 'user_joined':
        if (data.userId !== this.me) return
        if (known) known.confirmed = true
        else this.wanted.add(channelId)
        return
      case 'user_left':
        if (data.userId === this.me) this.forget(channelId)
        return
      case 'chat:new_message':
        if (known && offset > known.at) known.messages.push(data as Message)
        return
      case 'message_read_receipt': {
        if (!known || offset <= known.at || data.userId !== this.me) return
        const upTo = (data.messageId as number | null) ?? known.messages.at(-1)?.id ?? 0
        known.readUpTo = Math.max(known.readUpTo, upTo)
        return
      }
      case 'channel_updated': {
        const { changes } = data as Payload<'channel_updated'>
        if (changes.deleted) return this.forget(channelId)
        if (known && offset > known.at) Object.assign(known, changes)
        return
      }
      default:
    }
  }

  /** The tab has left it. */
  forget(channelId: number): void {
    this.channels.delete(channelId)
    this.wanted.delete(channelId)
  }

  /** The connection is over: where it never heard that it was in a channel, it cannot know what it has missed. */
  disconnected(): void {
    this.wanted.clear()
    for (const [id, channel] of this.channels) {
      if (!channel.confirmed) this.channels.delete(id)
      channel.confirmed = false
    }
  }

  /** Channels of which nothing was said on this connection are not seen any more. */
  settle(): void {
    for (const [id, { confirmed }] of this.channels) if (!confirmed) this.channels.delete(id)
  }

  async readWanted(user: User): Promise<void> {
    for (const id of this.wanted) {
      const read = await readChannel(user, id)
      if (read) this.channels.set(id, { ...read.known, at: read.at, confirmed: true })
      this.wanted.delete(id)
    }
  }

  /** In a form that can be compared with what REST says. */
  state(id: number): Known {
    const { at: _at, confirmed: _confirmed, ...known } = this.channels.get(id)!
    const unread = known.messages.filter((message) => message.id > known.readUpTo && message.userId !== this.me)
    return { ...known, unread: unread.length }
  }
}

interface Unread {
  readonly channelId: number
  readonly unreadCount: number
  readonly lastReadMessageId: number | null
}

/** A channel as REST has it now, and where in the log that was; undefined when it is not seen. */
export async function readChannel(user: User, id: number): Promise<{ known: Known; at: number } | undefined> {
  // The markers first, and the history last: what comes in between is in the log after the first position.
  const unread = await user.get('/api/helpdesk/unread?limit=200')
  if (unread.status === 403) return undefined
  const channel = await user.get(`/api/helpdesk/channels/${id}`)
  const history = await user.get(`/api/helpdesk/channels/${id}/messages?limit=200`)
  if (channel.status === 404 || history.status === 404) return undefined
  assert.equal(history.body.nextBefore, null, `${id} has too many messages for this`)
  const mine = (unread.body.items as Unread[]).find(({ channelId }) => channelId === id)
  const messages = (history.body.items as (Message & Record<string, unknown>)[])
    .map(({ file: _file, ticket: _ticket, ...message }) => message as Message)
    .reverse()
  const { name, description, topic, archivedAt } = channel.body
  const places = [unread.body.position, channel.headers.get('switchboard-position'), history.body.position] as string[]
  const [at, ...others] = places.map((position) => parsePosition(position)!.offset)
  assert.ok(others.every((other) => other === at), 'read at a quiet moment')
  return {
    known: {
      name,
      description,
      topic,
      archived: archivedAt !== null,
      isMember: mine !== undefined,
      readUpTo: mine?.lastReadMessageId ?? 0,
      unread: mine?.unreadCount ?? 0,
      messages,
    },
    at: at!,
  }
}
