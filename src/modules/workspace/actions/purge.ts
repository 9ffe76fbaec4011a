import { jobs, type Job } from '../../../kernel/jobs.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { effect, workspaceSubject } from '../events.ts'
import {
  deleteAttachment,
  deleteChannel,
  deleteChannelMembers,
  deleteFollowsUpTo,
  deleteMentionsUpTo,
  deleteMessagesUpTo,
  deleteReactionsUpTo,
  messageAfter,
  someAttachments,
  someChannel,
} from '../store/workspaces.ts'
import { FILE } from './attachments.ts'

/** Job: goes on removing what a deleted workspace held. */
export const PURGE = 'workspace.purge'

/**
 * Rows removed in one go. A message costs 0.2 to 0.3 ms with its words in the search index, and everybody waits for
 * the transaction: 100 000 messages at once would have been half a minute without an answer to anybody.
 */
const PORTION = 400
/** A channel costs about as much as this many of its messages. */
const CHANNEL_COST = 4
const ALL = 2_147_483_647

/**
 * Removes what is left of a workspace whose own row is gone, up to a portion; the rest is for the job. A small one is
 * gone at once.
 */
export async function purge(unit: Unit, workspace: number): Promise<void> {
  if (!(await removePortion(unit, workspace))) await jobs.schedule(unit, PURGE, String(workspace), unit.now)
}

export async function continuePurge({ key }: Job, unit: Unit): Promise<void> {
  const workspace = Number(key)
  await purge(unit, workspace)
  // Nothing is under this name; it makes the database drop the deleted text from its files now.
  effect(unit, 'workspace.purged', [{ kind: 'forget', subject: `${workspaceSubject(workspace)}/purged` }])
}

/** @returns whether nothing is left */
async function removePortion(unit: Unit, workspace: number): Promise<boolean> {
  let budget = PORTION
  const attachments = await unit.all(someAttachments, { workspace, limit: budget })
  for (const { uuid } of attachments) {
    await jobs.schedule(unit, FILE, uuid, unit.now)
    await unit.run(deleteAttachment, { uuid })
  }
  budget -= attachments.length
  while (budget > 0) {
    const channel = (await unit.get(someChannel, { workspace }))?.id
    if (channel === undefined) return true
    const last = await unit.get(messageAfter, { channel, skip: budget - 1 })
    const upTo = { channel, until: last?.id ?? ALL }
    await unit.run(deleteReactionsUpTo, upTo)
    await unit.run(deleteMentionsUpTo, upTo)
    await unit.run(deleteFollowsUpTo, upTo)
    budget -= CHANNEL_COST + (await unit.run(deleteMessagesUpTo, upTo))
    if (last) return false
    await unit.run(deleteChannelMembers, { channel })
    await unit.run(deleteChannel, { channel })
  }
  return false
}
