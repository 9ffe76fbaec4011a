import { sql, type Generated } from 'kysely'
import type { Migrations } from '../../kernel/database.ts'
import { createSearchIndex } from '../../kernel/search.ts'
import { numberedTable, timeType } from '../../kernel/tables.ts'
import type { IdentityTables } from '../../identity/tables.ts'
import type { ChannelType, Role } from './wire.ts'

/** Times are wall-clock milliseconds. Ids order things; uuids are what the wire shows. */
export interface WorkspaceTables extends IdentityTables {
  workspace_workspaces: {
    id: Generated<number>
    uuid: string
    name: string
    created_by: number
    created_at: number
    updated_at: number
  }
  workspace_members: {
    workspace_id: number
    user_id: number
    role: Role
    /** 1: the person has set themself away. */
    away: number
    joined_at: number
    /** Where the event log stood: positions from before belong to another membership, or to none. */
    joined_offset: number
  }
  workspace_invites: {
    id: Generated<number>
    uuid: string
    workspace_id: number
    /** Hash of the secret of a link; null for an invitation of one account. */
    token_hash: string | null
    /** The invited account; null for a link. */
    account_id: number | null
    role: Role
    /** JSON: ids of the channels that are joined with it. */
    channels: string
    created_by: number
    created_at: number
    expires_at: number
    /** Null: as often as anybody likes until it expires. */
    max_uses: number | null
    uses: number
    /** Revoked, declined or accepted by its one account. */
    ended_at: number | null
  }
  workspace_channels: {
    id: Generated<number>
    uuid: string
    workspace_id: number
    type: ChannelType
    name: string
    /** What no two public channels of a workspace share; null for the others, whose names must not be probed. */
    public_key: string | null
    /** Sorted account ids of a direct message; null for the others. */
    people_key: string | null
    description: string
    /** 1: the channel everybody but guests is in. */
    general: number
    created_by: number
    created_at: number
    updated_at: number
    archived_at: number | null
  }
  workspace_channel_members: {
    channel_id: number
    user_id: number
    joined_at: number
    /** Everything up to this message has been read; 0: nothing. Never moves by itself. */
    last_read_id: number
  }
  workspace_messages: {
    id: Generated<number>
    uuid: string
    channel_id: number
    user_id: number
    /** The message whose thread it is in. */
    parent_id: number | null
    /** Empty once deleted. */
    content: string
    created_at: number
    edited_at: number | null
    /** The row stays: it holds the thread together, and cursors. */
    deleted_at: number | null
    pinned_at: number | null
    pinned_by: number | null
    /** Counted anew with every change of the thread. */
    reply_count: number
    last_reply_at: number | null
  }
  workspace_reactions: {
    message_id: number
    user_id: number
    emoji: string
    created_at: number
  }
  workspace_mentions: {
    message_id: number
    channel_id: number
    /** 0: everybody in the channel. */
    user_id: number
  }
  workspace_follows: {
    /** The message that starts the thread. */
    message_id: number
    user_id: number
    /** 0: the person has said that they do not want to follow; nothing makes them follow again but themself. */
    following: number
    last_read_id: number
  }
  workspace_attachments: {
    id: Generated<number>
    /** Also the name of its file. */
    uuid: string
    workspace_id: number
    uploaded_by: number
    /** Null until it is sent. */
    message_id: number | null
    place: number
    name: string
    mime_type: string
    /** Bytes. */
    size: number
    /** Pixels; null when it is no image. */
    width: number | null
    height: number | null
    created_at: number
  }
}

export const workspaceMigrations: Migrations = {
  'workspace-001-tables': async (db, dialect) => {
    const { schema } = db
    const time = timeType(dialect)
    const table = (name: string) => numberedTable(db, dialect, name)
    await table('workspace_workspaces')
      .addColumn('uuid', 'text', (c) => c.notNull().unique())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('created_by', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('updated_at', time, (c) => c.notNull())
      .execute()
    await schema
      .createTable('workspace_members')
      .addColumn('workspace_id', 'integer', (c) => c.notNull())
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('role', 'text', (c) => c.notNull())
      .addColumn('away', 'integer', (c) => c.notNull())
      .addColumn('joined_at', time, (c) => c.notNull())
      .addColumn('joined_offset', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('workspace_members_pk', ['workspace_id', 'user_id'])
      .execute()
    await schema.createIndex('workspace_members_user').on('workspace_members').column('user_id').execute()
    await schema
      .createIndex('workspace_members_joined')
      .on('workspace_members')
      .columns(['workspace_id', 'joined_at', 'user_id'])
      .execute()
    await table('workspace_invites')
      .addColumn('uuid', 'text', (c) => c.notNull().unique())
      .addColumn('workspace_id', 'integer', (c) => c.notNull())
      .addColumn('token_hash', 'text', (c) => c.unique())
      .addColumn('account_id', 'integer')
      .addColumn('role', 'text', (c) => c.notNull())
      .addColumn('channels', 'text', (c) => c.notNull())
      .addColumn('created_by', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('expires_at', time, (c) => c.notNull())
      .addColumn('max_uses', 'integer')
      .addColumn('uses', 'integer', (c) => c.notNull())
      .addColumn('ended_at', time)
      .execute()
    await schema.createIndex('workspace_invites_workspace').on('workspace_invites').column('workspace_id').execute()
    await schema.createIndex('workspace_invites_account').on('workspace_invites').column('account_id').execute()
    await table('workspace_channels')
      .addColumn('uuid', 'text', (c) => c.notNull().unique())
      .addColumn('workspace_id', 'integer', (c) => c.notNull())
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('public_key', 'text')
      .addColumn('people_key', 'text')
      .addColumn('description', 'text', (c) => c.notNull())
      .addColumn('general', 'integer', (c) => c.notNull())
      .addColumn('created_by', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('updated_at', time, (c) => c.notNull())
      .addColumn('archived_at', time)
      .addUniqueConstraint('workspace_channels_name', ['workspace_id', 'public_key'])
      .addUniqueConstraint('workspace_channels_people', ['workspace_id', 'people_key'])
      .execute()
    await schema
      .createTable('workspace_channel_members')
      .addColumn('channel_id', 'integer', (c) => c.notNull())
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('joined_at', time, (c) => c.notNull())
      .addColumn('last_read_id', 'integer', (c) => c.notNull())
      .addPrimaryKeyConstraint('workspace_channel_members_pk', ['channel_id', 'user_id'])
      .execute()
    await schema
      .createIndex('workspace_channel_members_user')
      .on('workspace_channel_members')
      .column('user_id')
      .execute()
    await table('workspace_messages')
      .addColumn('uuid', 'text', (c) => c.notNull().unique())
      .addColumn('channel_id', 'integer', (c) => c.notNull())
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('parent_id', 'integer')
      .addColumn('content', 'text', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('edited_at', time)
      .addColumn('deleted_at', time)
      .addColumn('pinned_at', time)
      .addColumn('pinned_by', 'integer')
      .addColumn('reply_count', 'integer', (c) => c.notNull())
      .addColumn('last_reply_at', time)
      .execute()
    await schema.createIndex('workspace_messages_channel').on('workspace_messages').columns(['channel_id', 'id']).execute()
    // What counting the unread needs, without the rows.
    await schema
      .createIndex('workspace_messages_unread')
      .on('workspace_messages')
      .columns(['channel_id', 'id', 'user_id'])
      .where(sql.ref('deleted_at'), 'is', null)
      .execute()
    await schema
      .createIndex('workspace_messages_parent')
      .on('workspace_messages')
      .columns(['parent_id', 'id'])
      .where('parent_id', 'is not', null)
      .execute()
    await schema
      .createIndex('workspace_messages_pinned')
      .on('workspace_messages')
      .columns(['channel_id', 'pinned_at'])
      .where('pinned_at', 'is not', null)
      .execute()
    await schema
      .createTable('workspace_reactions')
      .addColumn('message_id', 'integer', (c) => c.notNull())
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('emoji', 'text', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('workspace_reactions_pk', ['message_id', 'user_id', 'emoji'])
      .execute()
    await schema
      .createTable('workspace_mentions')
      .addColumn('message_id', 'integer', (c) => c.notNull())
      .addColumn('channel_id', 'integer', (c) => c.notNull())
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addPrimaryKeyConstraint('workspace_mentions_pk', ['message_id', 'user_id'])
      .execute()
    await schema
      .createIndex('workspace_mentions_user')
      .on('workspace_mentions')
      .columns(['user_id', 'channel_id', 'message_id'])
      .execute()
    await schema
      .createTable('workspace_follows')
      .addColumn('message_id', 'integer', (c) => c.notNull())
      .addColumn('user_id', 'integer', (c) => c.notNull())
      .addColumn('following', 'integer', (c) => c.notNull())
      .addColumn('last_read_id', 'integer', (c) => c.notNull())
      .addPrimaryKeyConstraint('workspace_follows_pk', ['message_id', 'user_id'])
      .execute()
    await schema.createIndex('workspace_follows_user').on('workspace_follows').columns(['user_id', 'message_id']).execute()
    await table('workspace_attachments')
      .addColumn('uuid', 'text', (c) => c.notNull().unique())
      .addColumn('workspace_id', 'integer', (c) => c.notNull())
      .addColumn('uploaded_by', 'integer', (c) => c.notNull())
      .addColumn('message_id', 'integer')
      .addColumn('place', 'integer', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('mime_type', 'text', (c) => c.notNull())
      .addColumn('size', 'integer', (c) => c.notNull())
      .addColumn('width', 'integer')
      .addColumn('height', 'integer')
      .addColumn('created_at', time, (c) => c.notNull())
      .execute()
    await schema.createIndex('workspace_attachments_message').on('workspace_attachments').column('message_id').execute()
    await schema
      .createIndex('workspace_attachments_workspace')
      .on('workspace_attachments')
      .columns(['workspace_id', 'size'])
      .execute()
    await schema
      .createIndex('workspace_attachments_unsent')
      .on('workspace_attachments')
      .column('uploaded_by')
      .where(sql.ref('message_id'), 'is', null)
      .execute()
    await createSearchIndex(db, dialect, 'workspace_messages', ['content'])
  },
}
