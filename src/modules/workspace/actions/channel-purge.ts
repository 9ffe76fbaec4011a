import { jobs, type Job } from '../../../kernel/jobs.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { effect } from '../events.ts'
import { deleteFilesUpTo, filesUpTo } from '../store/channels.ts'
import {
  deleteFollowsUpTo,
  deleteMentionsUpTo,
  deleteMessagesUpTo,
  deleteReactionsUpTo,
  messageAfter,
} from '../store/workspaces.ts'
import { FILE } from './attachments.ts'

/** Job: goes on removing what a deleted channel held (its key is the channel's internal id). */
export const CHANNEL_PURGE = 'workspace.channel-purge'

/** Messages removed in one go: everybody waits for the transaction (purge.ts). */
const PORTION = 400
const ALL = 2_147_483_647

/**
 * Removes messages of a channel whose own row is gone, so that nobody reaches them any more, up to a portion; the rest
 * is for the job. A small channel is gone at once.
 */
export async function purgeChannel(unit: Unit, channel: number): Promise<void> {
  const last = await unit.get(messageAfter, { channel, skip: PORTION - 1 })
  const upTo = { channel, until: last?.id ?? ALL }
  for (const { uuid } of await unit.all(filesUpTo, upTo)) await jobs.schedule(unit, FILE, uuid, unit.now)
  await unit.run(deleteFilesUpTo, upTo)
  await unit.run(deleteReactionsUpTo, upTo)
  await unit.run(deleteMentionsUpTo, upTo)
  await unit.run(deleteFollowsUpTo, upTo)
  await unit.run(deleteMessagesUpTo, upTo)
  if (last) await jobs.schedule(unit, CHANNEL_PURGE, String(channel), unit.now)
}

export async function continueChannelPurge({ key }: Job, unit: Unit): Promise<void> {
  await purgeChannel(unit, Number(key))
  // Nothing is under this name; it makes the database drop the deleted text from its files now.
  effect(unit, 'channel.purged', [{ kind: 'forget', subject: `purged/channel:${key}` }])
}
