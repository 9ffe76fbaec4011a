import { sql, type Generated } from 'kysely'
import type { IdentityTables } from '../../identity/tables.ts'
import type { Migrations } from '../../kernel/database.ts'
import { numberedTable, timeType } from '../../kernel/tables.ts'
import type { MessageType, UserStatus } from './wire.ts'

/** Times are wall-clock milliseconds. Ids order things; uuids are what the wire shows. */
export interface DatingTables extends IdentityTables {
  /** Made with the first PUT of a profile; without one a person can be connected, but not be found or liked. */
  dating_profiles: {
    user_id: number
    bio: string
    /** A photo of theirs. */
    avatar: string | null
    /** As the person set it last. */
    status: UserStatus
    /** 1: not shown to people who are no match. */
    hidden: number
    /** A moderator has banned them: everything is forbidden to them. */
    suspended_at: number | null
    created_at: number
    updated_at: number
  }
  dating_likes: { user_id: number; liked_id: number; created_at: number }
  dating_blocks: { user_id: number; blocked_id: number; created_at: number }
  dating_conversations: {
    id: Generated<number>
    uuid: string
    created_at: number
    /** Unmatched or blocked, by one of the two or both: closed to them for good, also after an unblock. */
    ended_at: number | null
    /** A moderator has closed it to joining while a report is looked into: CONVERSATION_FULL. */
    locked_at: number | null
    /** The newest message, or the creation. What lists are ordered by. */
    active_at: number
  }
  /** Two rows for each conversation. */
  dating_participants: {
    conversation_id: number
    user_id: number
    partner_id: number
    /** 1: they agree that personal data is shown; it is when both do. */
    shares: number
    /** Id of the last message they have read; 0: none. */
    read_id: number
  }
  dating_messages: {
    id: Generated<number>
    uuid: string
    conversation_id: number
    /** Null: the server itself, for both. */
    sender_id: number | null
    recipient_id: number | null
    type: MessageType
    /** As it is shown: filtered and masked, or byte for byte when it is end-to-end encrypted. */
    content: string
    /** JSON object. */
    metadata: string
    /** 1: end-to-end encrypted, never looked into. */
    encrypted: number
    /** An uploaded photo that is this message; `content` is then made when it is shown. */
    photo: string | null
    created_at: number
    delivered_at: number | null
    viewed_at: number | null
  }
  /** What was done of things that are limited over hours: survives restarts and the deletion of what was done. */
  dating_uses: {
    id: Generated<number>
    user_id: number
    kind: 'message' | 'conversation' | 'like' | 'report' | 'export'
    at: number
    /** The client's own id of the message (`metadata.client_id`), and the message it made. */
    client_id: string | null
    message: string | null
  }
  dating_photos: {
    uuid: string
    /** File of the thumbnail. */
    thumbnail: string
    owner_id: number
    kind: 'photo' | 'photo_ephemeral'
    mime_type: string
    size: number
    width: number
    height: number
    /** Null until sent. */
    message_id: number | null
    created_at: number
    /** Ephemeral: the recipient has asked for it, which works once. */
    opened_at: number | null
    /** Ephemeral: its one URL has been used. */
    fetched_at: number | null
  }
  dating_reports: {
    id: Generated<number>
    uuid: string
    reporter_id: number
    reported_id: number
    conversation_id: number | null
    reason: string
    note: string
    /** JSON: the reported messages as they were; nothing else of the conversation. */
    evidence: string
    status: 'open' | 'dismissed' | 'acted'
    /** What was done: '' while open. */
    resolution: string
    resolved_by: number | null
    created_at: number
    resolved_at: number | null
  }
  /** Which moderator has read which report: shown to nobody but the export of the people concerned. */
  dating_report_reads: { id: Generated<number>; report_id: number; moderator_id: number; at: number }
}

export const datingMigrations: Migrations = {
  'dating-001': async (db, dialect) => {
    const time = timeType(dialect)
    await db.schema
      .createTable('dating_profiles')
      .addColumn('user_id', 'integer', (c) => c.primaryKey())
      .addColumn('bio', 'text', (c) => c.notNull())
      .addColumn('avatar', 'text')
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('hidden', 'integer', (c) => c.notNull())
      .addColumn('suspended_at', time)
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('updated_at', time, (c) => c.notNull())
      .execute()
    await db.schema.createIndex('dating_profiles_created').on('dating_profiles').column('created_at').execute()
    await db.schema
      .createTable('dating_likes')
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('liked_id', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('dating_likes_pk', ['user_id', 'liked_id'])
      .execute()
    await db.schema.createIndex('dating_likes_liked').on('dating_likes').column('liked_id').execute()
    await db.schema
      .createTable('dating_blocks')
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('blocked_id', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('dating_blocks_pk', ['user_id', 'blocked_id'])
      .execute()
    await db.schema.createIndex('dating_blocks_blocked').on('dating_blocks').column('blocked_id').execute()
    await numberedTable(db, dialect, 'dating_conversations')
      .addColumn('uuid', 'text', (c) => c.notNull().unique())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('ended_at', time)
      .addColumn('locked_at', time)
      .addColumn('active_at', time, (c) => c.notNull())
      .execute()
    await db.schema
      .createTable('dating_participants')
      .addColumn('conversation_id', 'integer', (c) => c.notNull())
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('partner_id', 'integer', (c) => c.notNull())
      .addColumn('shares', 'integer', (c) => c.notNull())
      .addColumn('read_id', 'integer', (c) => c.notNull())
      .addPrimaryKeyConstraint('dating_participants_pk', ['conversation_id', 'user_id'])
      .execute()
    await db.schema
      .createIndex('dating_participants_user')
      .on('dating_participants')
      .columns(['user_id', 'partner_id'])
      .execute()
    await numberedTable(db, dialect, 'dating_messages')
      .addColumn('uuid', 'text', (c) => c.notNull().unique())
      .addColumn('conversation_id', 'integer', (c) => c.notNull())
      .addColumn('sender_id', 'integer')
      .addColumn('recipient_id', 'integer')
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('content', 'text', (c) => c.notNull())
      .addColumn('metadata', 'text', (c) => c.notNull())
      .addColumn('encrypted', 'integer', (c) => c.notNull())
      .addColumn('photo', 'text')
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('delivered_at', time)
      .addColumn('viewed_at', time)
      .execute()
    await db.schema
      .createIndex('dating_messages_conversation')
      .on('dating_messages')
      .columns(['conversation_id', 'id'])
      .execute()
    await db.schema
      .createIndex('dating_messages_undelivered')
      .on('dating_messages')
      .columns(['recipient_id', 'id'])
      .where(sql.ref('delivered_at'), 'is', null)
      .execute()
    await numberedTable(db, dialect, 'dating_uses')
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('at', time, (c) => c.notNull())
      .addColumn('client_id', 'text')
      .addColumn('message', 'text')
      .execute()
    await db.schema.createIndex('dating_uses_user').on('dating_uses').columns(['user_id', 'kind', 'id']).execute()
    await db.schema.createIndex('dating_uses_client').on('dating_uses').columns(['user_id', 'client_id']).execute()
    await db.schema.createIndex('dating_uses_at').on('dating_uses').column('at').execute()
    await db.schema
      .createTable('dating_photos')
      .addColumn('uuid', 'text', (c) => c.primaryKey())
      .addColumn('thumbnail', 'text', (c) => c.notNull())
      .addColumn('owner_id', 'integer', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('mime_type', 'text', (c) => c.notNull())
      .addColumn('size', 'integer', (c) => c.notNull())
      .addColumn('width', 'integer', (c) => c.notNull())
      .addColumn('height', 'integer', (c) => c.notNull())
      .addColumn('message_id', 'integer')
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('opened_at', time)
      .addColumn('fetched_at', time)
      .execute()
    await db.schema.createIndex('dating_photos_owner').on('dating_photos').column('owner_id').execute()
    await db.schema.createIndex('dating_photos_message').on('dating_photos').column('message_id').execute()
    await numberedTable(db, dialect, 'dating_reports')
      .addColumn('uuid', 'text', (c) => c.notNull().unique())
      .addColumn('reporter_id', 'integer', (c) => c.notNull())
      .addColumn('reported_id', 'integer', (c) => c.notNull())
      .addColumn('conversation_id', 'integer')
      .addColumn('reason', 'text', (c) => c.notNull())
      .addColumn('note', 'text', (c) => c.notNull())
      .addColumn('evidence', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('resolution', 'text', (c) => c.notNull())
      .addColumn('resolved_by', 'integer')
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('resolved_at', time)
      .execute()
    await db.schema.createIndex('dating_reports_status').on('dating_reports').columns(['status', 'id']).execute()
    await db.schema.createIndex('dating_reports_reported').on('dating_reports').column('reported_id').execute()
    await db.schema.createIndex('dating_reports_reporter').on('dating_reports').column('reporter_id').execute()
    await numberedTable(db, dialect, 'dating_report_reads')
      .addColumn('report_id', 'integer', (c) => c.notNull())
      .addColumn('moderator_id', 'integer', (c) => c.notNull())
      .addColumn('at', time, (c) => c.notNull())
      .execute()
    await db.schema.createIndex('dating_report_reads_report').on('dating_report_reads').column('report_id').execute()
  },
}
