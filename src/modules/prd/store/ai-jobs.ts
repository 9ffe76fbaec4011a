import type { Insertable, Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { JobStatus } from '../tables-integrations.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

export type AiJobRow = Selectable<PrdTables['prd_ai_jobs']>
/** Of one that waits or runs. */
export type ActiveJob = Pick<AiJobRow, 'id' | 'prd_id' | 'account_id' | 'status'>

const ACTIVE = ['queued', 'running'] as const satisfies readonly JobStatus[]

type NewJob = Pick<
  Insertable<PrdTables['prd_ai_jobs']>,
  'prd_id' | 'account_id' | 'prompt' | 'section' | 'context' | 'created_at'
>

export const insertJob = sql<NewJob & { anchor: string }>()((db, p) =>
  db
    .insertInto('prd_ai_jobs')
    .values({
      prd_id: p.prd_id,
      account_id: p.account_id,
      status: 'queued',
      prompt: p.prompt,
      section: p.section,
      context: p.context,
      anchor: p.anchor,
      due: p.created_at,
      attempts: 0,
      created_at: p.created_at,
      told: 0,
    })
    .returning('id'),
)

type Refused = Pick<AiJobRow, 'prd_id' | 'account_id' | 'section' | 'created_at' | 'error_code' | 'error_message'>

/** What was asked for is not kept. */
export const insertRefused = sql<Refused>()((db, p) =>
  db
    .insertInto('prd_ai_jobs')
    .values({
      prd_id: p.prd_id,
      account_id: p.account_id,
      status: 'refused',
      prompt: '',
      section: p.section,
      context: '{}',
      anchor: null,
      due: p.created_at,
      attempts: 0,
      created_at: p.created_at,
      ended_at: p.created_at,
      error_code: p.error_code,
      error_message: p.error_message,
      told: 1,
    })
    .returning('id'),
)

/** Of somebody, all but the last ones: whoever goes on asking must not fill the table. */
export const deleteEarlierRefused = sql<{ account: number; kept: number }>()((db, p) =>
  db
    .deleteFrom('prd_ai_jobs')
    .where('account_id', '=', p.account)
    .where('status', '=', 'refused')
    .where('id', 'in', (e) =>
      e
        .selectFrom('prd_ai_jobs')
        .select('id')
        .where('account_id', '=', p.account)
        .where('status', '=', 'refused')
        .orderBy('id', 'desc')
        .limit(1_000)
        .offset(p.kept),
    ),
)

export const findJob = sql<{ id: number }>()((db, p) =>
  db.selectFrom('prd_ai_jobs').selectAll().where('id', '=', p.id),
)

/** When the prompt was sent that has as many of the same person's after it; those that were refused do not count. */
export const promptBefore = sql<{ account: number; since: number; later: number }>()((db, p) =>
  db
    .selectFrom('prd_ai_jobs')
    .select('created_at')
    .where('account_id', '=', p.account)
    .where('created_at', '>', p.since)
    .where('status', '<>', 'refused')
    .orderBy('created_at', 'desc')
    .limit(1)
    .offset(p.later),
)

/** All that wait, the oldest first. */
export const queuedJobs = sql<object>()((db) =>
  db.selectFrom('prd_ai_jobs').select(['id', 'account_id', 'due']).where('status', '=', 'queued').orderBy('id'),
)

/** All that wait or run. */
export const activeJobs = sql<object>()((db) =>
  db.selectFrom('prd_ai_jobs').select(['id', 'prd_id', 'account_id', 'status']).where('status', 'in', ACTIVE),
)

export const activeJobsOfPrd = sql<{ prd: number }>()((db, p) =>
  db
    .selectFrom('prd_ai_jobs')
    .select(['id', 'prd_id', 'account_id', 'status'])
    .where('status', 'in', ACTIVE)
    .where('prd_id', '=', p.prd),
)

export const activeJobsOf = sql<{ account: number }>()((db, p) =>
  db
    .selectFrom('prd_ai_jobs')
    .select(['id', 'prd_id', 'account_id', 'status'])
    .where('status', 'in', ACTIVE)
    .where('account_id', '=', p.account),
)

/** How long the last answers took, from their beginning. */
export const lastCompleted = sql<{ limit: number }>()((db, p) =>
  db
    .selectFrom('prd_ai_jobs')
    .select(['started_at', 'ended_at'])
    .where('status', '=', 'completed')
    .orderBy('id', 'desc')
    .limit(p.limit),
)

/** One that waits runs. */
export const markRunning = sql<{ id: number; at: number }>()((db, p) =>
  db
    .updateTable('prd_ai_jobs')
    .set((e) => ({ status: 'running', started_at: p.at, attempts: e('attempts', '+', 1) }))
    .where('id', '=', p.id)
    .where('status', '=', 'queued'),
)

/** One that runs waits again. */
export const markQueued = sql<{ id: number; due: number }>()((db, p) =>
  db
    .updateTable('prd_ai_jobs')
    .set({ status: 'queued', due: p.due, started_at: null })
    .where('id', '=', p.id)
    .where('status', '=', 'running'),
)

type Ended = Pick<AiJobRow, 'id' | 'ended_at' | 'response' | 'suggestions' | 'tokens_used'>

export const markCompleted = sql<Ended>()((db, p) =>
  db
    .updateTable('prd_ai_jobs')
    .set({
      status: 'completed',
      ended_at: p.ended_at,
      response: p.response,
      suggestions: p.suggestions,
      tokens_used: p.tokens_used,
    })
    .where('id', '=', p.id)
    .where('status', '=', 'running'),
)

type Failed = Pick<AiJobRow, 'id' | 'status' | 'ended_at' | 'error_code' | 'error_message' | 'told'>

/** One that waits or runs ends without an answer. */
export const markFailed = sql<Failed>()((db, p) =>
  db
    .updateTable('prd_ai_jobs')
    .set({
      status: p.status,
      ended_at: p.ended_at,
      error_code: p.error_code,
      error_message: p.error_message,
      told: p.told,
    })
    .where('id', '=', p.id)
    .where('status', 'in', ACTIVE),
)

/** What somebody has not been told: it ended while they were away. */
export const untoldJobs = sql<{ prd: number; account: number }>()((db, p) =>
  db
    .selectFrom('prd_ai_jobs')
    .selectAll()
    .where('prd_id', '=', p.prd)
    .where('account_id', '=', p.account)
    .where('told', '=', 0)
    .where('status', 'in', ['completed', 'failed'])
    .orderBy('id'),
)

export const markTold = sql<{ id: number }>()((db, p) =>
  db.updateTable('prd_ai_jobs').set({ told: 1 }).where('id', '=', p.id),
)

/**
 * Of a PRD that is being deleted: prompts sent in the last hour go on counting, as those of no PRD, with nothing in
 * them.
 */
export const keepCounting = sql<{ prd: number; since: number }>()((db, p) =>
  db
    .updateTable('prd_ai_jobs')
    .set({
      prd_id: 0,
      prompt: '',
      section: '',
      context: '{}',
      anchor: null,
      response: null,
      suggestions: null,
    })
    .where('prd_id', '=', p.prd)
    .where('created_at', '>', p.since)
    .where('status', '<>', 'refused'),
)

/** What has had its time; nothing that waits or runs. */
export const expireJobs = sql<{ before: number }>()((db, p) =>
  db
    .deleteFrom('prd_ai_jobs')
    .where('created_at', '<', p.before)
    .where('status', 'not in', ['queued', 'running']),
)
