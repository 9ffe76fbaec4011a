import type { Generated } from 'kysely'
import type { Migrations } from '../../kernel/database.ts'
import { numberedTable, timeType } from '../../kernel/tables.ts'
import type { IntegrationKind } from './integrations/kinds.ts'
import type { AiErrorCode, LinkType } from './wire.ts'

export const jobStatuses = ['queued', 'running', 'completed', 'failed', 'cancelled', 'refused'] as const
export type JobStatus = (typeof jobStatuses)[number]
export const suggestionStatuses = ['open', 'dismissed', 'gone'] as const
export type SuggestionStatus = (typeof suggestionStatuses)[number]
/** What is known of an integration since its settings were last changed. */
export const healths = ['unknown', 'ok', 'failing'] as const
export type Health = (typeof healths)[number]

/** Sections 4 and 8. Times are wall-clock milliseconds. */
export interface IntegrationTables {
  /** Answers of the AI that were asked for; rows are the truth of the queue. */
  prd_ai_jobs: {
    id: Generated<number>
    prd_id: number
    account_id: number
    status: JobStatus
    prompt: string
    section: string
    /** JSON: what the client told of its place. */
    context: string
    /** Relative position, JSON: where the answer belongs. Null: it was refused before. */
    anchor: string | null
    /** When a queued one may begin. */
    due: number
    attempts: number
    created_at: number
    started_at: number | null
    ended_at: number | null
    tokens_used: number | null
    /** The whole answer, once completed. */
    response: string | null
    /** JSON: what may follow it. */
    suggestions: string | null
    error_code: AiErrorCode | null
    error_message: string | null
    /** 0: who asked was away when it ended, and is to be told on joining. */
    told: number
  }
  /** What the linter found, so that nothing is told twice. */
  prd_suggestions: {
    id: Generated<number>
    prd_id: number
    rule: string
    /** What it is about, within the rule. */
    subject: string
    section: string
    title: string
    description: string
    confidence: number
    status: SuggestionStatus
    created_at: number
    dismissed_by: number | null
  }
  prd_integrations: {
    organization_id: number
    kind: IntegrationKind
    /** JSON, nothing secret. */
    settings: string
    /** Sealed with a key from the server's secret. */
    secrets: string
    status: Health
    /** In our words; empty: there is nothing to say. */
    status_message: string
    status_at: number
    updated_by: number
    updated_at: number
  }
  /** Which item of a PRD is which issue. */
  prd_jira_items: {
    prd_id: number
    /** Random, and a label of the issue. */
    item_key: string
    kind: 'story' | 'requirement'
    /** Relative positions of its first character and the last one of its title, JSON. */
    anchor: string
    /** JSON of jira/record.ts: what both sides had when they last agreed, and which Jira that was. */
    agreed: string
    project_key: string
    /** Null: it has none yet, or is being created. */
    issue_id: string | null
    issue_key: string | null
    /** Jira's time of change when they last agreed. */
    jira_updated: number
    synced_at: number
  }
  /** The last synchronisation of each PRD. */
  prd_jira_syncs: {
    prd_id: number
    sync_type: string
    project_key: string
    status: 'queued' | 'running' | 'completed'
    asked_by: number
    asked_at: number
    ended_at: number | null
    /** JSON of jira/record.ts, counted on from its first try; null: nothing has come of it yet. */
    result: string | null
  }
  prd_craft_links: {
    prd_id: number
    initiative_id: string
    title: string
    status: string
    /** JSON array of strings. */
    objectives: string
    link_type: LinkType
    /** Null: the server, by itself. */
    linked_by: number | null
    linked_at: number
    /** Craft's time of what is known of the initiative. */
    initiative_at: number
  }
  /** Deliveries of the webhook that were taken, so that none is taken twice. */
  prd_craft_deliveries: {
    organization_id: number
    delivery: string
    received_at: number
  }
}

export const integrationMigrations: Migrations = {
  'prd-002-integrations': async (db, dialect) => {
    const time = timeType(dialect)
    const { schema } = db
    await numberedTable(db, dialect, 'prd_ai_jobs')
      .addColumn('prd_id', 'integer', (c) => c.notNull())
      .addColumn('account_id', 'integer', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('prompt', 'text', (c) => c.notNull())
      .addColumn('section', 'text', (c) => c.notNull())
      .addColumn('context', 'text', (c) => c.notNull())
      .addColumn('anchor', 'text')
      .addColumn('due', time, (c) => c.notNull())
      .addColumn('attempts', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('started_at', time)
      .addColumn('ended_at', time)
      .addColumn('tokens_used', 'integer')
      .addColumn('response', 'text')
      .addColumn('suggestions', 'text')
      .addColumn('error_code', 'text')
      .addColumn('error_message', 'text')
      .addColumn('told', 'integer', (c) => c.notNull())
      .execute()
    await schema.createIndex('prd_ai_jobs_prd').on('prd_ai_jobs').columns(['prd_id', 'id']).execute()
    await schema.createIndex('prd_ai_jobs_account').on('prd_ai_jobs').columns(['account_id', 'created_at']).execute()
    await schema.createIndex('prd_ai_jobs_status').on('prd_ai_jobs').columns(['status', 'due']).execute()
    await schema.createIndex('prd_ai_jobs_time').on('prd_ai_jobs').column('created_at').execute()
    await numberedTable(db, dialect, 'prd_suggestions')
      .addColumn('prd_id', 'integer', (c) => c.notNull())
      .addColumn('rule', 'text', (c) => c.notNull())
      .addColumn('subject', 'text', (c) => c.notNull())
      .addColumn('section', 'text', (c) => c.notNull())
      .addColumn('title', 'text', (c) => c.notNull())
      .addColumn('description', 'text', (c) => c.notNull())
      .addColumn('confidence', 'double precision', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('dismissed_by', 'integer')
      .execute()
    await schema
      .createIndex('prd_suggestions_what')
      .unique()
      .on('prd_suggestions')
      .columns(['prd_id', 'rule', 'subject'])
      .execute()
    await schema
      .createTable('prd_integrations')
      .addColumn('organization_id', 'integer', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('settings', 'text', (c) => c.notNull())
      .addColumn('secrets', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('status_message', 'text', (c) => c.notNull())
      .addColumn('status_at', time, (c) => c.notNull())
      .addColumn('updated_by', 'integer', (c) => c.notNull())
      .addColumn('updated_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('prd_integrations_pk', ['organization_id', 'kind'])
      .execute()
    await schema
      .createTable('prd_jira_items')
      .addColumn('prd_id', 'integer', (c) => c.notNull())
      .addColumn('item_key', 'text', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('anchor', 'text', (c) => c.notNull())
      .addColumn('agreed', 'text', (c) => c.notNull())
      .addColumn('project_key', 'text', (c) => c.notNull())
      .addColumn('issue_id', 'text')
      .addColumn('issue_key', 'text')
      .addColumn('jira_updated', time, (c) => c.notNull())
      .addColumn('synced_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('prd_jira_items_pk', ['prd_id', 'item_key'])
      .execute()
    await schema
      .createTable('prd_jira_syncs')
      .addColumn('prd_id', 'integer', (c) => c.primaryKey())
      .addColumn('sync_type', 'text', (c) => c.notNull())
      .addColumn('project_key', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('asked_by', 'integer', (c) => c.notNull())
      .addColumn('asked_at', time, (c) => c.notNull())
      .addColumn('ended_at', time)
      .addColumn('result', 'text')
      .execute()
    await schema
      .createTable('prd_craft_links')
      .addColumn('prd_id', 'integer', (c) => c.notNull())
      .addColumn('initiative_id', 'text', (c) => c.notNull())
      .addColumn('title', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('objectives', 'text', (c) => c.notNull())
      .addColumn('link_type', 'text', (c) => c.notNull())
      .addColumn('linked_by', 'integer')
      .addColumn('linked_at', time, (c) => c.notNull())
      .addColumn('initiative_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('prd_craft_links_pk', ['prd_id', 'initiative_id'])
      .execute()
    await schema.createIndex('prd_craft_links_initiative').on('prd_craft_links').column('initiative_id').execute()
    await schema
      .createTable('prd_craft_deliveries')
      .addColumn('organization_id', 'integer', (c) => c.notNull())
      .addColumn('delivery', 'text', (c) => c.notNull())
      .addColumn('received_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('prd_craft_deliveries_pk', ['organization_id', 'delivery'])
      .execute()
    await schema.createIndex('prd_craft_deliveries_time').on('prd_craft_deliveries').column('received_at').execute()
  },
}
