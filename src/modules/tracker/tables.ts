import type { Generated } from 'kysely'
import type { Migrations } from '../../kernel/database.ts'
import { createSearchIndex } from '../../kernel/search.ts'
import { numberedTable, timeType } from '../../kernel/tables.ts'
import type { IdentityTables } from '../../identity/tables.ts'
import type { bugPriorities, bugStatuses } from './wire.ts'

/** Times are wall-clock milliseconds; the wire shows whole seconds. */
export interface TrackerTables extends IdentityTables {
  tracker_projects: {
    id: Generated<number>
    name: string
    description: string
    created_by: number
    created_at: number
    updated_at: number
  }
  tracker_members: {
    project_id: number
    user_id: number
    added_at: number
  }
  tracker_reports: {
    id: Generated<number>
    project_id: number
    title: string
    description: string
    status: (typeof bugStatuses)[number]
    priority: (typeof bugPriorities)[number]
    creator_id: number
    assignee_id: number | null
    /** When it last became pending; what reminders count from. */
    pending_since: number
    /** When it last came from another project; null when it never did. */
    moved_at: number | null
    created_at: number
    updated_at: number
  }
  tracker_comments: {
    id: Generated<number>
    bug_report_id: number
    user_id: number
    content: string
    created_at: number
    updated_at: number
  }
  tracker_notifications: {
    id: Generated<number>
    user_id: number
    bug_report_id: number
    kind: string
    /** The document's payload, JSON: what is shown is what was sent. */
    payload: string
    created_at: number
    /** Null while no client of the user has provably received it. */
    delivered_at: number | null
    read_at: number | null
  }
}

export const trackerMigrations: Migrations = {
  'tracker-001-tables': async (db, dialect) => {
    const { schema } = db
    const time = timeType(dialect)
    const table = (name: string) => numberedTable(db, dialect, name)
    await table('tracker_projects')
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('description', 'text', (c) => c.notNull())
      .addColumn('created_by', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('updated_at', time, (c) => c.notNull())
      .execute()
    await schema
      .createTable('tracker_members')
      .addColumn('project_id', 'integer', (c) => c.notNull())
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('added_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('tracker_members_pk', ['project_id', 'user_id'])
      .execute()
    await schema.createIndex('tracker_members_user').on('tracker_members').column('user_id').execute()
    await table('tracker_reports')
      .addColumn('project_id', 'integer', (c) => c.notNull())
      .addColumn('title', 'text', (c) => c.notNull())
      .addColumn('description', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('priority', 'text', (c) => c.notNull())
      .addColumn('creator_id', 'integer', (c) => c.notNull())
      .addColumn('assignee_id', 'integer')
      .addColumn('pending_since', time, (c) => c.notNull())
      .addColumn('moved_at', time)
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('updated_at', time, (c) => c.notNull())
      .execute()
    await schema.createIndex('tracker_reports_project').on('tracker_reports').columns(['project_id', 'id']).execute()
    await schema.createIndex('tracker_reports_assignee').on('tracker_reports').column('assignee_id').execute()
    await table('tracker_comments')
      .addColumn('bug_report_id', 'integer', (c) => c.notNull())
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('content', 'text', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('updated_at', time, (c) => c.notNull())
      .execute()
    await schema.createIndex('tracker_comments_report').on('tracker_comments').columns(['bug_report_id', 'id']).execute()
    await table('tracker_notifications')
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('bug_report_id', 'integer', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('payload', 'text', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('delivered_at', time)
      .addColumn('read_at', time)
      .execute()
    await schema
      .createIndex('tracker_notifications_user')
      .on('tracker_notifications')
      .columns(['user_id', 'id'])
      .execute()
    await schema
      .createIndex('tracker_notifications_report')
      .on('tracker_notifications')
      .column('bug_report_id')
      .execute()
    await createSearchIndex(db, dialect, 'tracker_reports', ['title', 'description'])
  },
}
