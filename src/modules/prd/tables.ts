import { sql, type ColumnDataType, type Generated } from 'kysely'
import type { IdentityTables } from '../../identity/tables.ts'
import type { Dialect, Migrations } from '../../kernel/database.ts'
import { createSearchIndex } from '../../kernel/search.ts'
import { numberedTable, timeType } from '../../kernel/tables.ts'
import { integrationMigrations, type IntegrationTables } from './tables-integrations.ts'
import type { ActivityType, Mode, NotificationType, Resolution } from './wire.ts'

/** admin: everything in the organisation; member: makes PRDs; viewer: reads and comments. */
export const organizationRoles = ['admin', 'member', 'viewer'] as const
export type OrganizationRole = (typeof organizationRoles)[number]
/** What people of the organisation may do with a PRD that was not shared with them by name. */
export const accesses = ['none', 'view', 'edit'] as const
export type Access = (typeof accesses)[number]
export const collaboratorRoles = ['editor', 'viewer'] as const
export type CollaboratorRole = (typeof collaboratorRoles)[number]
export const prdStatuses = ['draft', 'in_review', 'approved', 'rejected'] as const
export type PrdStatus = (typeof prdStatuses)[number]
export const approvalStatuses = ['pending', 'approved', 'rejected', 'cancelled'] as const
export type ApprovalStatus = (typeof approvalStatuses)[number]

/** Times are wall-clock milliseconds. */
export interface PrdTables extends IdentityTables, IntegrationTables {
  prd_organizations: {
    id: Generated<number>
    name: string
    created_by: number
    created_at: number
    /** The last commit of its repository; null: there is none yet. */
    head: string | null
  }
  prd_members: {
    organization_id: number
    account_id: number
    role: OrganizationRole
    added_by: number
    added_at: number
  }
  prd_prds: {
    id: Generated<number>
    organization_id: number
    title: string
    status: PrdStatus
    access: Access
    /** major.minor.patch of the last version. */
    version: string
    owner_id: number
    created_by: number
    created_at: number
    /** When its title, status or text last changed. */
    updated_at: number
    /** When its text was last saved as a whole. */
    saved_at: number
    deleted_at: number | null
  }
  prd_collaborators: {
    prd_id: number
    account_id: number
    role: CollaboratorRole
    added_by: number
    added_at: number
  }
  /** The log of edits: one row raises one slot of the vector by one, and `seq` is the sum of the vector after it. */
  prd_operations: {
    prd_id: number
    seq: number
    slot: number
    count: number
    account_id: number
    /** UTF-16 units. */
    position: number
    removed: number
    inserted: string
    time: number
    /** The Yjs update of the transaction that begins with this edit; null for its further edits. */
    update: Uint8Array | null
  }
  /** The whole text as of an operation; the operations after it are applied to it. */
  prd_snapshots: {
    prd_id: number
    seq: number
    /** JSON. */
    vector: string
    state: Uint8Array
    time: number
  }
  prd_versions: {
    id: Generated<number>
    prd_id: number
    version: string
    changelog: string
    /** Null: the text the PRD began with. */
    commit_hash: string | null
    content: string
    /** The operation it was made after. */
    seq: number
    created_by: number
    created_at: number
  }
  prd_comments: {
    id: Generated<number>
    prd_id: number
    account_id: number
    content: string
    /** Relative positions, JSON: where it stands, and what it is about. */
    anchor: string
    start_anchor: string | null
    end_anchor: string | null
    /** What was selected when it was written. */
    selected_text: string | null
    /** How often that stood in the document then, so that it is known when it comes back; 0: it is not to be looked for. */
    occurrences: number
    created_at: number
    resolved_by: number | null
    resolved_at: number | null
  }
  prd_replies: {
    id: Generated<number>
    comment_id: number
    account_id: number
    content: string
    created_at: number
  }
  prd_conflicts: {
    id: Generated<number>
    prd_id: number
    /** JSON of document/sides.ts: where in the text the two changes are. */
    sides: string
    first_id: number
    /** What the two had put there when it was last written; what it was when it was resolved. Long ones are cut. */
    first_text: string
    second_id: number
    second_text: string
    created_at: number
    /** closed: its text was deleted. Null: open. */
    resolution: Resolution | 'closed' | null
    resolved_by: number | null
    resolved_at: number | null
  }
  prd_approvals: {
    id: Generated<number>
    prd_id: number
    requested_by: number
    approver_id: number
    status: ApprovalStatus
    /** Of the PRD's reviews, counted from 1: what is asked for while one is open belongs to it. */
    round: number
    /** Of who asked, and of who decided. */
    note: string
    answer: string
    requested_at: number
    decided_at: number | null
    /** The operation it was decided after; null while it is open. */
    seq: number | null
  }
  prd_notifications: {
    id: Generated<number>
    account_id: number
    type: NotificationType
    title: string
    message: string
    /** JSON object of strings. */
    data: string
    /** Null: it is about no PRD. */
    prd_id: number | null
    created_at: number
    read_at: number | null
  }
  prd_activities: {
    id: Generated<number>
    organization_id: number
    type: ActivityType
    actor_id: number
    object_type: 'prd' | 'user'
    object_id: number
    object_title: string
    /** Who may not see this PRD does not see this activity; null: everybody of the organisation does. */
    prd_id: number | null
    created_at: number
  }
  prd_templates: {
    id: Generated<number>
    organization_id: number
    name: string
    content: string
    created_by: number
    created_at: number
  }
  /** PRDs that connections have joined: after a crash the ones that were lost. */
  prd_sessions: {
    /** Of the connection, and of this process. */
    connection: string
    prd_id: number
    account_id: number
    mode: Mode
    joined_at: number
  }
}

const bytesType = (dialect: Dialect): ColumnDataType => (dialect === 'sqlite' ? 'blob' : 'bytea')

export const prdMigrations: Migrations = {
  'prd-001': async (db, dialect) => {
    const time = timeType(dialect)
    const bytes = bytesType(dialect)
    const { schema } = db
    await numberedTable(db, dialect, 'prd_organizations')
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('created_by', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('head', 'text')
      .execute()
    await schema
      .createTable('prd_members')
      .addColumn('organization_id', 'integer', (c) => c.notNull())
      .addColumn('account_id', 'integer', (c) => c.notNull())
      .addColumn('role', 'text', (c) => c.notNull())
      .addColumn('added_by', 'integer', (c) => c.notNull())
      .addColumn('added_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('prd_members_pk', ['organization_id', 'account_id'])
      .execute()
    await schema.createIndex('prd_members_account').on('prd_members').column('account_id').execute()
    await numberedTable(db, dialect, 'prd_prds')
      .addColumn('organization_id', 'integer', (c) => c.notNull())
      .addColumn('title', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('access', 'text', (c) => c.notNull())
      .addColumn('version', 'text', (c) => c.notNull())
      .addColumn('owner_id', 'integer', (c) => c.notNull())
      .addColumn('created_by', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('updated_at', time, (c) => c.notNull())
      .addColumn('saved_at', time, (c) => c.notNull())
      .addColumn('deleted_at', time)
      .execute()
    await schema.createIndex('prd_prds_organization').on('prd_prds').columns(['organization_id', 'id']).execute()
    await createSearchIndex(db, dialect, 'prd_prds', ['title'])
    await schema
      .createTable('prd_collaborators')
      .addColumn('prd_id', 'integer', (c) => c.notNull())
      .addColumn('account_id', 'integer', (c) => c.notNull())
      .addColumn('role', 'text', (c) => c.notNull())
      .addColumn('added_by', 'integer', (c) => c.notNull())
      .addColumn('added_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('prd_collaborators_pk', ['prd_id', 'account_id'])
      .execute()
    await schema.createIndex('prd_collaborators_account').on('prd_collaborators').column('account_id').execute()
    await schema
      .createTable('prd_operations')
      .addColumn('prd_id', 'integer', (c) => c.notNull())
      .addColumn('seq', 'integer', (c) => c.notNull())
      .addColumn('slot', 'integer', (c) => c.notNull())
      .addColumn('count', 'integer', (c) => c.notNull())
      .addColumn('account_id', 'integer', (c) => c.notNull())
      .addColumn('position', 'integer', (c) => c.notNull())
      .addColumn('removed', 'integer', (c) => c.notNull())
      .addColumn('inserted', 'text', (c) => c.notNull())
      .addColumn('time', time, (c) => c.notNull())
      .addColumn('update', bytes)
      .addPrimaryKeyConstraint('prd_operations_pk', ['prd_id', 'seq'])
      .execute()
    await schema.createIndex('prd_operations_time').on('prd_operations').columns(['time']).execute()
    await schema
      .createTable('prd_snapshots')
      .addColumn('prd_id', 'integer', (c) => c.primaryKey())
      .addColumn('seq', 'integer', (c) => c.notNull())
      .addColumn('vector', 'text', (c) => c.notNull())
      .addColumn('state', bytes, (c) => c.notNull())
      .addColumn('time', time, (c) => c.notNull())
      .execute()
    await numberedTable(db, dialect, 'prd_versions')
      .addColumn('prd_id', 'integer', (c) => c.notNull())
      .addColumn('version', 'text', (c) => c.notNull())
      .addColumn('changelog', 'text', (c) => c.notNull())
      .addColumn('commit_hash', 'text')
      .addColumn('content', 'text', (c) => c.notNull())
      .addColumn('seq', 'integer', (c) => c.notNull())
      .addColumn('created_by', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .execute()
    await schema.createIndex('prd_versions_number').unique().on('prd_versions').columns(['prd_id', 'version']).execute()
    await schema.createIndex('prd_versions_prd').on('prd_versions').columns(['prd_id', 'id']).execute()
    await numberedTable(db, dialect, 'prd_comments')
      .addColumn('prd_id', 'integer', (c) => c.notNull())
      .addColumn('account_id', 'integer', (c) => c.notNull())
      .addColumn('content', 'text', (c) => c.notNull())
      .addColumn('anchor', 'text', (c) => c.notNull())
      .addColumn('start_anchor', 'text')
      .addColumn('end_anchor', 'text')
      .addColumn('selected_text', 'text')
      .addColumn('occurrences', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('resolved_by', 'integer')
      .addColumn('resolved_at', time)
      .execute()
    await schema.createIndex('prd_comments_prd').on('prd_comments').columns(['prd_id', 'id']).execute()
    await numberedTable(db, dialect, 'prd_replies')
      .addColumn('comment_id', 'integer', (c) => c.notNull())
      .addColumn('account_id', 'integer', (c) => c.notNull())
      .addColumn('content', 'text', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .execute()
    await schema.createIndex('prd_replies_comment').on('prd_replies').columns(['comment_id', 'id']).execute()
    await numberedTable(db, dialect, 'prd_conflicts')
      .addColumn('prd_id', 'integer', (c) => c.notNull())
      .addColumn('sides', 'text', (c) => c.notNull())
      .addColumn('first_id', 'integer', (c) => c.notNull())
      .addColumn('first_text', 'text', (c) => c.notNull())
      .addColumn('second_id', 'integer', (c) => c.notNull())
      .addColumn('second_text', 'text', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('resolution', 'text')
      .addColumn('resolved_by', 'integer')
      .addColumn('resolved_at', time)
      .execute()
    await schema.createIndex('prd_conflicts_prd').on('prd_conflicts').columns(['prd_id', 'id']).execute()
    await schema
      .createIndex('prd_conflicts_open')
      .on('prd_conflicts')
      .columns(['prd_id', 'id'])
      .where(sql.ref('resolution'), 'is', null)
      .execute()
    await numberedTable(db, dialect, 'prd_approvals')
      .addColumn('prd_id', 'integer', (c) => c.notNull())
      .addColumn('requested_by', 'integer', (c) => c.notNull())
      .addColumn('approver_id', 'integer', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('round', 'integer', (c) => c.notNull())
      .addColumn('note', 'text', (c) => c.notNull())
      .addColumn('answer', 'text', (c) => c.notNull())
      .addColumn('requested_at', time, (c) => c.notNull())
      .addColumn('decided_at', time)
      .addColumn('seq', 'integer')
      .execute()
    await schema.createIndex('prd_approvals_prd').on('prd_approvals').columns(['prd_id', 'id']).execute()
    await schema
      .createIndex('prd_approvals_approver')
      .on('prd_approvals')
      .columns(['approver_id', 'status', 'id'])
      .execute()
    await numberedTable(db, dialect, 'prd_notifications')
      .addColumn('account_id', 'integer', (c) => c.notNull())
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('title', 'text', (c) => c.notNull())
      .addColumn('message', 'text', (c) => c.notNull())
      .addColumn('data', 'text', (c) => c.notNull())
      .addColumn('prd_id', 'integer')
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('read_at', time)
      .execute()
    await schema
      .createIndex('prd_notifications_account')
      .on('prd_notifications')
      .columns(['account_id', 'id'])
      .execute()
    await schema.createIndex('prd_notifications_prd').on('prd_notifications').column('prd_id').execute()
    await schema.createIndex('prd_notifications_time').on('prd_notifications').column('created_at').execute()
    await numberedTable(db, dialect, 'prd_activities')
      .addColumn('organization_id', 'integer', (c) => c.notNull())
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('actor_id', 'integer', (c) => c.notNull())
      .addColumn('object_type', 'text', (c) => c.notNull())
      .addColumn('object_id', 'integer', (c) => c.notNull())
      .addColumn('object_title', 'text', (c) => c.notNull())
      .addColumn('prd_id', 'integer')
      .addColumn('created_at', time, (c) => c.notNull())
      .execute()
    await schema
      .createIndex('prd_activities_organization')
      .on('prd_activities')
      .columns(['organization_id', 'id'])
      .execute()
    await schema.createIndex('prd_activities_prd').on('prd_activities').column('prd_id').execute()
    await schema.createIndex('prd_activities_time').on('prd_activities').column('created_at').execute()
    await numberedTable(db, dialect, 'prd_templates')
      .addColumn('organization_id', 'integer', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('content', 'text', (c) => c.notNull())
      .addColumn('created_by', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .execute()
    await schema.createIndex('prd_templates_organization').on('prd_templates').column('organization_id').execute()
    await schema
      .createTable('prd_sessions')
      .addColumn('connection', 'text', (c) => c.notNull())
      .addColumn('prd_id', 'integer', (c) => c.notNull())
      .addColumn('account_id', 'integer', (c) => c.notNull())
      .addColumn('mode', 'text', (c) => c.notNull())
      .addColumn('joined_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('prd_sessions_pk', ['connection', 'prd_id'])
      .execute()
  },
  ...integrationMigrations,
}
