import { perform, type Caller } from '../../../kernel/action.ts'
import { invalid } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { showStanding, type ChannelStanding } from '../lists/unread.ts'
import { checkIsIn } from '../policy.ts'
import type { ChannelAccess } from '../store/access.ts'
import { advanceRead, messageIn, newestIn, setRead, unreadIn } from '../store/reading.ts'
import { reachChannel, type Parts } from './parts.ts'

const END = 2_147_483_647

/** Everything up to a message has been read; without one, everything. Never back: devices report late. */
export function markRead(
  { unitOfWork }: Parts,
  caller: Caller,
  channelId: string,
  messageId: string | undefined,
): Promise<ChannelStanding> {
  return perform(unitOfWork, caller, async (unit) => {
    const channel = await reachOwn(unit, caller, channelId)
    const read =
      messageId === undefined ? await newestBefore(unit, channel, END) : await find(unit, channel, messageId)
    await unit.run(advanceRead, { channel: channel.id, user: channel.actor_id, read })
    return standingIn(unit, channel)
  })
}

/** The message and what came after it are to be read again. */
export function markUnread(
  { unitOfWork }: Parts,
  caller: Caller,
  channelId: string,
  messageId: string,
): Promise<ChannelStanding> {
  return perform(unitOfWork, caller, async (unit) => {
    const channel = await reachOwn(unit, caller, channelId)
    const read = await newestBefore(unit, channel, await find(unit, channel, messageId))
    await unit.run(setRead, { channel: channel.id, user: channel.actor_id, read })
    return standingIn(unit, channel)
  })
}

async function reachOwn(unit: Unit, caller: Caller, channelId: string): Promise<ChannelAccess> {
  const channel = await reachChannel(unit, caller, channelId)
  checkIsIn(channel)
  return channel
}

async function find(unit: Unit, channel: ChannelAccess, uuid: string): Promise<number> {
  const message = await unit.get(messageIn, { uuid, channel: channel.id })
  if (!message) throw invalid({ message_id: 'must be a message of this channel' })
  return message.id
}

/** The marker stands on a message of its own channel, or at 0. */
async function newestBefore(unit: Unit, channel: ChannelAccess, before: number): Promise<number> {
  return (await unit.get(newestIn, { channel: channel.id, before }))?.id ?? 0
}

async function standingIn(unit: Unit, channel: ChannelAccess): Promise<ChannelStanding> {
  return showStanding((await unit.get(unreadIn, { channel: channel.id, user: channel.actor_id }))!)
}
