import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import { toId } from '../ids.ts'
import type { PrdAccess } from '../store/access.ts'
import type { AiJobRow } from '../store/ai-jobs.ts'
import type { JobStatus } from '../tables-integrations.ts'
import type { PrdTables } from '../tables.ts'
import { timestamp, type AiErrorCode, type Payload } from '../wire.ts'

/** What routes/ai.ts describes. */
export interface AiJob {
  readonly id: string
  readonly prdId: string
  readonly userId: string
  readonly status: JobStatus
  readonly prompt: string
  readonly section: string
  readonly response: string | null
  readonly tokensUsed: number | null
  readonly suggestions: Payload<'ai-stream-complete'>['suggestions']
  readonly error: { readonly code: AiErrorCode; readonly message: string } | null
  readonly createdAt: string
  readonly startedAt: string | null
  readonly endedAt: string | null
}

/** Somebody's own in one PRD, newest first. */
export async function listAiJobs(
  reader: Reader,
  { id: prd, actor_id: account }: PrdAccess,
  { limit, before }: Page<number>,
): Promise<Listed<AiJobRow, string>> {
  let query = builder<PrdTables>(reader.dialect)
    .selectFrom('prd_ai_jobs')
    .selectAll()
    .where('prd_id', '=', prd)
    .where('account_id', '=', account)
    .orderBy('id', 'desc')
    .limit(limit + 1)
  if (before !== undefined) query = query.where('id', '<', before)
  return paged(await reader.query(query.compile()), limit, ({ id }) => toId('job', id))
}

export const showAiJob = (row: AiJobRow): AiJob => ({
  id: toId('job', row.id),
  prdId: toId('prd', row.prd_id),
  userId: toId('user', row.account_id),
  status: row.status,
  prompt: row.prompt,
  section: row.section,
  response: row.response,
  tokensUsed: row.tokens_used,
  suggestions: JSON.parse(row.suggestions ?? '[]') as AiJob['suggestions'],
  error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
  createdAt: timestamp(row.created_at),
  startedAt: row.started_at === null ? null : timestamp(row.started_at),
  endedAt: row.ended_at === null ? null : timestamp(row.ended_at),
})
