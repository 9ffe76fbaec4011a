import type { Generated } from 'kysely'
import type { IdentityTables } from '../../identity/tables.ts'
import type { Migrations } from '../../kernel/database.ts'
import { createSearchIndex } from '../../kernel/search.ts'
import { numberedTable, timeType } from '../../kernel/tables.ts'
import type { CallType, MessageType, PresenceStatus, Priority, Role } from './wire.ts'

export const visibilities = ['public', 'internal', 'private'] as const
/** public: everybody with chat.access; internal: agents and admins; private: its members. */
export type Visibility = (typeof visibilities)[number]
export const ticketStatuses = ['open', 'pending', 'on_hold', 'resolved', 'closed'] as const
export type TicketStatus = (typeof ticketStatuses)[number]
export const ticketPriorities = ['urgent', 'high', 'normal', 'low'] as const
export type TicketPriority = (typeof ticketPriorities)[number]
export const callStates = ['ringing', 'accepted', 'ended', 'rejected', 'missed', 'busy', 'failed'] as const
export type CallState = (typeof callStates)[number]

/** Times are wall-clock milliseconds. */
export interface HelpdeskTables extends IdentityTables {
  /** What the helpdesk keeps of an account; none yet is a customer who has set nothing. */
  helpdesk_people: {
    user_id: number
    role: Role
    /** JSON: permission → true (granted) or false (denied), where it differs from the role. */
    grants: string
    status: PresenceStatus
    status_message: string | null
    custom_status: string | null
    /** When the status was set; null: never. */
    status_at: number | null
  }
  helpdesk_channels: {
    id: Generated<number>
    name: string
    description: string
    topic: string
    visibility: Visibility
    created_by: number
    created_at: number
    updated_at: number
    archived_at: number | null
    /** Its messages are being removed; nobody sees it any more. */
    deleted_at: number | null
  }
  helpdesk_members: {
    channel_id: number
    user_id: number
    added_by: number
    added_at: number
    /** Everything up to this message has been read; 0: nothing. */
    last_read_id: number
    /** When a tab of theirs last joined it over a socket, and last left it. */
    joined_at: number | null
    left_at: number | null
  }
  helpdesk_messages: {
    id: Generated<number>
    channel_id: number
    user_id: number
    content: string
    type: MessageType
    reply_to_id: number | null
    created_at: number
  }
  /** Files uploaded here, and those a client says it keeps elsewhere. */
  helpdesk_files: {
    id: Generated<number>
    uuid: string
    channel_id: number
    uploaded_by: number
    /** The message it belongs to; null: not sent yet. */
    message_id: number | null
    name: string
    mime_type: string
    size: number
    /** 1: we have its bytes; 0: the client's word for a file that is elsewhere. */
    stored: number
    created_at: number
    /** When everybody was told of it. */
    announced_at: number | null
  }
  helpdesk_broadcasts: {
    id: Generated<number>
    uuid: string
    message: string
    priority: Priority
    sent_by: number
    sent_at: number
  }
  helpdesk_tickets: {
    id: Generated<number>
    subject: string
    description: string
    status: TicketStatus
    priority: TicketPriority
    requester_id: number
    assignee_id: number | null
    channel_id: number | null
    /** When it must be resolved by; null: no promise. */
    due_at: number | null
    /** 1: somebody has set it; it does not move with the priority any more. */
    due_by_hand: number
    created_by: number
    created_at: number
    updated_at: number
    resolved_at: number | null
  }
  helpdesk_calls: {
    id: Generated<number>
    uuid: string
    caller_id: number
    callee_id: number
    type: CallType
    state: CallState
    /** Why it came to its end, in a word; null while it lasts. */
    reason: string | null
    started_at: number
    answered_at: number | null
    ended_at: number | null
    ended_by: number | null
  }
}

export const helpdeskMigrations: Migrations = {
  'helpdesk-001': async (db, dialect) => {
    const time = timeType(dialect)
    const { schema } = db
    await schema
      .createTable('helpdesk_people')
      .addColumn('user_id', 'integer', (c) => c.primaryKey())
      .addColumn('role', 'text', (c) => c.notNull())
      .addColumn('grants', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('status_message', 'text')
      .addColumn('custom_status', 'text')
      .addColumn('status_at', time)
      .execute()
    await numberedTable(db, dialect, 'helpdesk_channels')
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('description', 'text', (c) => c.notNull())
      .addColumn('topic', 'text', (c) => c.notNull())
      .addColumn('visibility', 'text', (c) => c.notNull())
      .addColumn('created_by', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('updated_at', time, (c) => c.notNull())
      .addColumn('archived_at', time)
      .addColumn('deleted_at', time)
      .execute()
    await schema
      .createTable('helpdesk_members')
      .addColumn('channel_id', 'integer', (c) => c.notNull())
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('added_by', 'integer', (c) => c.notNull())
      .addColumn('added_at', time, (c) => c.notNull())
      .addColumn('last_read_id', 'integer', (c) => c.notNull())
      .addColumn('joined_at', time)
      .addColumn('left_at', time)
      .addPrimaryKeyConstraint('helpdesk_members_pk', ['channel_id', 'user_id'])
      .execute()
    await schema.createIndex('helpdesk_members_user').on('helpdesk_members').column('user_id').execute()
    await numberedTable(db, dialect, 'helpdesk_messages')
      .addColumn('channel_id', 'integer', (c) => c.notNull())
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('content', 'text', (c) => c.notNull())
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('reply_to_id', 'integer')
      .addColumn('created_at', time, (c) => c.notNull())
      .execute()
    await schema
      .createIndex('helpdesk_messages_channel')
      .on('helpdesk_messages')
      .columns(['channel_id', 'id'])
      .execute()
    await createSearchIndex(db, dialect, 'helpdesk_messages', ['content'])
    await numberedTable(db, dialect, 'helpdesk_files')
      .addColumn('uuid', 'text', (c) => c.notNull().unique())
      .addColumn('channel_id', 'integer', (c) => c.notNull())
      .addColumn('uploaded_by', 'integer', (c) => c.notNull())
      .addColumn('message_id', 'integer')
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('mime_type', 'text', (c) => c.notNull())
      .addColumn('size', time, (c) => c.notNull())
      .addColumn('stored', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('announced_at', time)
      .execute()
    await schema.createIndex('helpdesk_files_message').on('helpdesk_files').column('message_id').execute()
    await schema.createIndex('helpdesk_files_channel').on('helpdesk_files').columns(['channel_id', 'id']).execute()
    await schema
      .createIndex('helpdesk_files_uploads')
      .on('helpdesk_files')
      .columns(['uploaded_by', 'channel_id', 'name'])
      .execute()
    await numberedTable(db, dialect, 'helpdesk_broadcasts')
      .addColumn('uuid', 'text', (c) => c.notNull().unique())
      .addColumn('message', 'text', (c) => c.notNull())
      .addColumn('priority', 'text', (c) => c.notNull())
      .addColumn('sent_by', 'integer', (c) => c.notNull())
      .addColumn('sent_at', time, (c) => c.notNull())
      .execute()
    await numberedTable(db, dialect, 'helpdesk_tickets')
      .addColumn('subject', 'text', (c) => c.notNull())
      .addColumn('description', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('priority', 'text', (c) => c.notNull())
      .addColumn('requester_id', 'integer', (c) => c.notNull())
      .addColumn('assignee_id', 'integer')
      .addColumn('channel_id', 'integer')
      .addColumn('due_at', time)
      .addColumn('due_by_hand', 'integer', (c) => c.notNull())
      .addColumn('created_by', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('updated_at', time, (c) => c.notNull())
      .addColumn('resolved_at', time)
      .execute()
    await schema
      .createIndex('helpdesk_tickets_requester')
      .on('helpdesk_tickets')
      .columns(['requester_id', 'id'])
      .execute()
    await schema
      .createIndex('helpdesk_tickets_assignee')
      .on('helpdesk_tickets')
      .columns(['assignee_id', 'id'])
      .execute()
    await schema.createIndex('helpdesk_tickets_channel').on('helpdesk_tickets').column('channel_id').execute()
    await createSearchIndex(db, dialect, 'helpdesk_tickets', ['subject', 'description'])
    await numberedTable(db, dialect, 'helpdesk_calls')
      .addColumn('uuid', 'text', (c) => c.notNull().unique())
      .addColumn('caller_id', 'integer', (c) => c.notNull())
      .addColumn('callee_id', 'integer', (c) => c.notNull())
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('reason', 'text')
      .addColumn('started_at', time, (c) => c.notNull())
      .addColumn('answered_at', time)
      .addColumn('ended_at', time)
      .addColumn('ended_by', 'integer')
      .execute()
    await schema.createIndex('helpdesk_calls_caller').on('helpdesk_calls').columns(['caller_id', 'id']).execute()
    await schema.createIndex('helpdesk_calls_callee').on('helpdesk_calls').columns(['callee_id', 'id']).execute()
    await schema.createIndex('helpdesk_calls_open').on('helpdesk_calls').columns(['state', 'id']).execute()
  },
}
