import { timestamp } from '../wire.ts'

interface StandingRow {
  channel_id: string
  last_read_message_id: string | null
  unread_count: number | null
  mention_count: number | null
  last_message_at: number | null
}

/** How a person stands in a channel, in absolute numbers: what a client shows needs no arithmetic. */
export interface ChannelStanding {
  channel_id: string
  last_read_message_id: string | null
  unread_count: number
  mention_count: number
}

export const showStanding = (row: StandingRow): ChannelStanding => ({
  channel_id: row.channel_id,
  last_read_message_id: row.last_read_message_id,
  unread_count: row.unread_count ?? 0,
  mention_count: row.mention_count ?? 0,
})

/** The same with when the channel last said something, for the order of a list of channels. */
export const showUnread = (row: StandingRow): ChannelStanding & { last_message_at: string | null } => ({
  ...showStanding(row),
  last_message_at: row.last_message_at === null ? null : timestamp(row.last_message_at),
})
