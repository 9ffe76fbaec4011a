import { randomUUID } from 'node:crypto'
import { jobs } from '../../../kernel/jobs.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import type { SettingsOf } from '../integrations/kinds.ts'
import { findIntegration } from '../store/integrations.ts'
import type { Access } from '../tables.ts'

/** Job: posts one thing in one channel. */
export const MATTERMOST_POST = 'prd.mattermost-post'

/** What is announced, by row: its words are read when they are posted, so that nothing is posted that has gone. */
export type News =
  | { readonly type: 'prd_approved' | 'prd_rejected'; readonly approval: number }
  | { readonly type: 'version_created'; readonly version: number }
  | { readonly type: 'comment_mention'; readonly comment: number; readonly mentioned: readonly number[] }
  | { readonly type: 'comment_mention'; readonly reply: number; readonly mentioned: readonly number[] }

/** Payload of the job. */
export interface Errand {
  readonly organization: number
  readonly prd: number
  readonly channel: string
  readonly news: News
  /** What makes a repeat known to Mattermost. */
  readonly nonce: string
  /** Wall clock, milliseconds: it cannot have been posted before. */
  readonly at: number
}

/**
 * In the unit of what is announced: a job for each channel that the organisation has chosen for it. What is hidden
 * from the organisation is not announced: a channel has readers of its own.
 */
export async function announce(
  unit: Unit,
  { id: prd, organization_id: organization, access }: Announced,
  news: News,
): Promise<void> {
  if (access === 'none') return
  const row = await unit.get(findIntegration, { organization, kind: 'mattermost' })
  if (!row) return
  for (const channel of channelsFor(JSON.parse(row.settings) as SettingsOf<'mattermost'>, news.type)) {
    const errand: Errand = { organization, prd, channel, news, nonce: randomUUID(), at: unit.now }
    await jobs.schedule(unit, MATTERMOST_POST, `${keyOf(news)}:${channel}`, unit.now, errand)
  }
}

interface Announced {
  readonly id: number
  readonly organization_id: number
  readonly access: Access
}

/** Each once. */
export function channelsFor({ channels }: SettingsOf<'mattermost'>, type: News['type']): readonly string[] {
  return [...new Set(channels.filter(({ events }) => events.includes(type)).map(({ name }) => name))]
}

function keyOf(news: News): string {
  if ('approval' in news) return `approval:${news.approval}`
  if ('version' in news) return `version:${news.version}`
  return 'reply' in news ? `reply:${news.reply}` : `comment:${news.comment}`
}
