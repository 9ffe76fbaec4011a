import type { Client } from '../../testing/client.ts'
import { pages } from '../../testing/pages.ts'
import type { User, World } from '../../testing/world.ts'
import { parsePosition } from '../../wire/position.ts'
import { drained, type DatingFrame } from './testing.ts'
import { SYSTEM_ID, type Payload } from './wire.ts'

/** A message as a client knows it. */
export interface Known {
  readonly id: string
  readonly sender: string
  readonly content: string
  readonly type: string
  readonly created_at: string
  is_read: boolean
  viewed_at: string | null
  /** Of others' messages nobody is told. */
  delivered_at: string | null
}

type Said = Omit<Known, 'is_read' | 'viewed_at' | 'delivered_at'>

interface Talk {
  /** Oldest first. */
  messages: Known[]
  /** The place in the log up to which a read over REST has told it. */
  at: number
}

/** What there is to know of the conversations that last, and of who is there. */
export interface State {
  readonly talks: Readonly<Record<string, { readonly unread: number; readonly messages: readonly Known[] }>>
  readonly online: Readonly<Record<string, boolean>>
}

const BEGINNING = -1

/**
 * What a client believes that applies the documented frames and nothing else. Over REST it reads what was there before
 * it came, and a conversation of which it is told something it cannot place.
 */
export class Model {
  /** Conversations to read over REST now. */
  readonly wanted = new Set<string>()
  /** Uuids of people. */
  readonly online = new Set<string>()
  /** Frames that tell what is known already, or contradict it. */
  readonly oddities: string[] = []
  private readonly me: string
  private readonly talks = new Map<string, Talk>()

  /** @param me uuid of the person */
  constructor(me: string) {
    this.me = me
  }

  /** @param at offset of the log at which the history was read */
  load(conversation: string, messages: Known[], at: number): void {
    this.talks.set(conversation, { messages, at })
    this.wanted.delete(conversation)
  }

  /**
   * @param offset of the event; absent where the client did not ask for positions
   * @param live whether it comes as it happens, so that counts are those of now
   */
  apply({ event, data }: DatingFrame, offset = Number.MAX_SAFE_INTEGER, live = true): void {
    if (event === 'user:online') this.online.add(data['user_id'] as string)
    if (event === 'user:offline') this.online.delete(data['user_id'] as string)
    if (event === 'message:new') {
      const { message } = data as unknown as Payload<'message:new'>
      this.add(message.conversation_id, { ...message, sender: message.sender_id }, offset)
      return
    }
    const conversation = data['conversation_id'] as string | undefined
    if (conversation === undefined || offset <= this.talk(conversation).at) return
    const talk = this.talk(conversation)
    const id = data['message_id'] as string
    const index = talk.messages.findIndex((message) => message.id === id)
    switch (event) {
      case 'conversation:unread': {
        const { last_message: last, unread_count } = data as unknown as Payload<'conversation:unread'>
        const known = talk.messages.some((message) => message.id === last.id)
        if (known && live) this.odd(event, `${last.id}, which is known`)
        if (!known) this.add(conversation, { ...last, sender: last.sender_id }, offset)
        if (live && this.unread(talk) !== unread_count) this.odd(event, `${unread_count} and not ${this.unread(talk)}`)
        return
      }
      case 'message:delivered': {
        const message = talk.messages[index]
        if (!message) this.wanted.add(conversation)
        else if (message.sender !== this.me || message.viewed_at !== null) this.odd(event, id)
        else if (message.delivered_at !== null) this.odd(event, `${id} twice`)
        else message.delivered_at = data['delivered_at'] as string
        return
      }
      case 'message:viewed': {
        if (index === -1) return void this.wanted.add(conversation)
        this.view(talk, index, data['viewed_at'] as string, live)
        return
      }
      case 'message:deleted':
        // One that came and went unseen is nothing to forget.
        if (index !== -1) talk.messages.splice(index, 1)
        else if (live) this.odd(event, id)
        return
      default:
    }
  }

  /** Of the conversations that last: nobody is told that one has ended. @param partners of each, by its id */
  stateOf(partners: ReadonlyMap<string, string>): State {
    const talks: Record<string, State['talks'][string]> = {}
    const online: Record<string, boolean> = {}
    for (const [id, partner] of partners) {
      const talk = this.talk(id)
      talks[id] = { unread: this.unread(talk), messages: talk.messages }
      online[partner] = this.online.has(partner)
    }
    return { talks, online }
  }

  private talk(conversation: string): Talk {
    // Of a new one everything is told from its beginning.
    const talk = this.talks.get(conversation) ?? { messages: [], at: BEGINNING }
    this.talks.set(conversation, talk)
    return talk
  }

  private add(conversation: string, message: Said, offset: number): void {
    const talk = this.talk(conversation)
    if (offset <= talk.at) return
    const { id, sender, content, type, created_at } = message
    if (talk.messages.some((known) => known.id === id)) return this.odd('message:new', `${id} twice`)
    talk.messages.push({ id, sender, content, type, created_at, is_read: false, viewed_at: null, delivered_at: null })
  }

  /** Everything from the side of this message up to it; a word of the server is read with the partner's. */
  private view({ messages }: Talk, index: number, at: string, live: boolean): void {
    const mine = messages[index]!.sender === this.me
    for (const message of messages.slice(0, index + 1)) {
      if ((message.sender === this.me) !== mine || message.is_read) continue
      message.is_read = true
      if (message.sender !== SYSTEM_ID) message.viewed_at = at
      // In a replay the receipt of one that is deleted later is missing, as its text is.
      if (live && mine && message.delivered_at === null)
        this.odd('message:viewed', `${message.id} before it was delivered`)
    }
  }

  private unread = ({ messages }: Talk): number =>
    messages.filter(({ sender, is_read }) => sender !== this.me && !is_read).length

  private odd(event: string, what: string): void {
    this.oddities.push(`${event}: ${what}`)
  }
}

interface Item extends Omit<Known, 'sender'> {
  readonly sender_id: string
}

const knownOf = (me: string, item: Item): Known => ({
  id: item.id,
  sender: item.sender_id,
  content: item.content,
  type: item.type,
  created_at: item.created_at,
  is_read: item.is_read,
  viewed_at: item.viewed_at,
  delivered_at: item.sender_id === me ? item.delivered_at : null,
})

/** A conversation as REST has it now; undefined when it has ended. */
export async function readTalk(user: User, id: string): Promise<{ messages: Known[]; at: number } | undefined> {
  const path = `/api/dating/conversations/${id}/messages`
  const first = await user.get(`${path}?limit=200`)
  if (first.status === 403) return undefined
  const { items, next_before, position } = first.body
  // Pages of different moments would not fit together.
  if (next_before !== null) throw new Error(`${id} has too many messages for this`)
  const messages = (items as Item[]).map((item) => knownOf(user.uuid, item)).reverse()
  return { messages, at: parsePosition(position as string)!.offset }
}

interface Listed {
  readonly id: string
  readonly partner: { readonly id: string; readonly online: boolean }
  readonly unread_count: number
  readonly last_message: { readonly id: string } | null
}

const list = (user: User): Promise<Listed[]> => pages<Listed>(user, '/api/dating/conversations')

/** Partner of each conversation that lasts. */
export async function partnersOf(user: User): Promise<Map<string, string>> {
  return new Map((await list(user)).map(({ id, partner }) => [id, partner.id]))
}

/** Everything over REST, as it is at a quiet moment. */
export async function readState(user: User): Promise<State> {
  const talks: Record<string, State['talks'][string]> = {}
  const online: Record<string, boolean> = {}
  for (const { id, partner, unread_count, last_message } of await list(user)) {
    const { messages } = (await readTalk(user, id))!
    if (last_message?.id !== messages.at(-1)?.id) throw new Error(`${id} ends with ${last_message?.id}, it is listed`)
    talks[id] = { unread: unread_count, messages }
    online[partner.id] = partner.online
  }
  return { talks, online }
}

/** What is to be read, again or for the first time. */
export async function readWanted(user: User, model: Model): Promise<void> {
  for (const id of model.wanted) {
    const talk = await readTalk(user, id)
    if (talk) model.load(id, talk.messages, talk.at)
    model.wanted.delete(id)
  }
}

/** Of a client that begins: all conversations are to be read. */
export async function readAll(user: User, model: Model): Promise<void> {
  for (const id of (await partnersOf(user)).keys()) model.wanted.add(id)
  await readWanted(user, model)
}

/**
 * Nothing is on its way any more: commands are committed, proofs of delivery asked and answered, signals told.
 * @returns what came to each until then
 */
export async function quiet({ app }: World, clients: readonly Client[]): Promise<DatingFrame[][]> {
  const frames = clients.map((): DatingFrame[] => [])
  for (let still = 0; still < 2;) {
    await app.unitOfWork.settled()
    const came = await Promise.all(clients.map(drained))
    for (const [i, some] of came.entries()) frames[i]!.push(...some)
    still = came.some((some) => some.length > 0) || app.hub.leftovers['receipts']! > 0 ? 0 : still + 1
  }
  return frames
}
