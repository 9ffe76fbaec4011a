import { invalid } from '../../../kernel/errors.ts'
import { builder } from '../../../kernel/statement.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { mentionsIn } from '../mentions.ts'
import { checkNotGuest } from '../policy.ts'
import type { ChannelAccess, MessageRow } from '../store/access.ts'
import { insertMention, memberIds } from '../store/writing.ts'
import type { WorkspaceTables } from '../tables.ts'
import type { Parts } from './parts.ts'

/** The row that means everybody in the channel: one row, however many they are. */
export const EVERYBODY = 0
/** Names of a text that are looked up; what comes after them is not meant to reach somebody. */
const MAX_NAMES = 200

/**
 * Notes whom a message mentions: people of its channel by name, everybody, or who is online at this moment.
 * @returns the people mentioned by name
 */
export async function mention(
  unit: Unit,
  { live, settings }: Parts,
  channel: ChannelAccess,
  message: MessageRow,
  content: string,
): Promise<readonly number[]> {
  if (!content.includes('@')) return []
  const { names, channel: everybody, here } = mentionsIn(content)
  if (everybody || here) checkNotGuest(channel.role, 'mention everybody in a channel')
  const row = { message_id: message.id, channel_id: channel.id }
  const named = await membersNamed(unit, channel, names.slice(0, MAX_NAMES))
  if (named.length > settings.mentionsPerMessage) {
    throw invalid({ content: `may mention at most ${settings.mentionsPerMessage} people by name; @channel means everybody` })
  }
  const people = new Set(named)
  if (here && !everybody) {
    const online = new Set<number>()
    for (const { accountId, status } of live.roster.present(channel.workspace_uuid)) {
      if (status === 'online') online.add(accountId)
    }
    for (const { user_id } of await unit.all(memberIds, { channel: channel.id })) {
      if (online.has(user_id)) people.add(user_id)
    }
  }
  people.delete(channel.actor_id)
  for (const user_id of people) await unit.run(insertMention, { ...row, user_id })
  if (everybody) await unit.run(insertMention, { ...row, user_id: EVERYBODY })
  return named.filter((id) => id !== channel.actor_id)
}

async function membersNamed(unit: Unit, channel: ChannelAccess, names: readonly string[]): Promise<number[]> {
  if (names.length === 0) return []
  const rows = await unit.query(
    builder<WorkspaceTables>(unit.dialect)
      .selectFrom('accounts as a')
      .innerJoin('workspace_channel_members as cm', 'cm.user_id', 'a.id')
      .select('a.id')
      .where('cm.channel_id', '=', channel.id)
      .where('a.username_key', 'in', names)
      .compile(),
  )
  return rows.map((row) => row.id)
}
