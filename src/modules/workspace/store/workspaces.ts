import type { Reader } from '../../../kernel/database.ts'
import { invalid } from '../../../kernel/errors.ts'
import { paged, type Listed } from '../../../kernel/page.ts'
import { builder, statements } from '../../../kernel/statement.ts'
import type { WorkspaceTables } from '../tables.ts'
import type { Role } from '../wire.ts'

const sql = statements<WorkspaceTables>()

/** A workspace as one of its members sees it; what routes/workspaces.ts shows. */
export interface OwnWorkspace {
  readonly id: number
  readonly uuid: string
  readonly name: string
  /** Of who asks. */
  readonly role: Role
  readonly created_by: string
  readonly created_at: number
  readonly updated_at: number
}

/** Lists are newest first; `before` is the id of the last one of the page before. */
export interface Page {
  readonly limit: number
  readonly before?: string | undefined
}

export const findOwn = sql<{ id: number; actor: number }>()((db, p) =>
  db
    .selectFrom('workspace_workspaces as w')
    .innerJoin('workspace_members as m', (j) => j.onRef('m.workspace_id', '=', 'w.id').on('m.user_id', '=', p.actor))
    .innerJoin('accounts as c', 'c.id', 'w.created_by')
    .select(['w.id', 'w.uuid', 'w.name', 'm.role', 'c.uuid as created_by', 'w.created_at', 'w.updated_at'])
    .where('w.id', '=', p.id),
)

/** The workspaces an account is in. */
export async function listOwn(
  reader: Reader,
  actor: number,
  { limit, before }: Page,
): Promise<Listed<OwnWorkspace, string>> {
  let query = builder<WorkspaceTables>(reader.dialect)
    .selectFrom('workspace_members as m')
    .innerJoin('workspace_workspaces as w', 'w.id', 'm.workspace_id')
    .innerJoin('accounts as c', 'c.id', 'w.created_by')
    .select(['w.id', 'w.uuid', 'w.name', 'm.role', 'c.uuid as created_by', 'w.created_at', 'w.updated_at'])
    .where('m.user_id', '=', actor)
  if (before !== undefined) {
    const last = found(await reader.get(idOfOwn, { uuid: before, actor }))
    query = query.where('w.id', '<', last.id)
  }
  const rows = await reader.query(query.orderBy('w.id', 'desc').limit(limit + 1).compile())
  return paged(rows, limit, (row) => row.uuid)
}

const idOfOwn = sql<{ uuid: string; actor: number }>()((db, p) =>
  db
    .selectFrom('workspace_workspaces as w')
    .innerJoin('workspace_members as m', (j) => j.onRef('m.workspace_id', '=', 'w.id').on('m.user_id', '=', p.actor))
    .select('w.id')
    .where('w.uuid', '=', p.uuid),
)

/** What a cursor names may have gone since: a page that is silently empty would look like the end of the list. */
export function found<R>(row: R | undefined): R {
  if (row === undefined) throw invalid({ before: 'is not in this list (any more); read it from the beginning' })
  return row
}

export const insertWorkspace = sql<{ uuid: string; name: string; created_by: number; at: number }>()((db, p) =>
  db
    .insertInto('workspace_workspaces')
    .values({ uuid: p.uuid, name: p.name, created_by: p.created_by, created_at: p.at, updated_at: p.at })
    .returningAll(),
)
export const renameWorkspace = sql<{ id: number; name: string; at: number }>()((db, p) =>
  db.updateTable('workspace_workspaces').set({ name: p.name, updated_at: p.at }).where('id', '=', p.id),
)
export const countOwned = sql<{ user: number }>()((db, p) =>
  db
    .selectFrom('workspace_members')
    .select((e) => e.fn.countAll<number | string>().as('count'))
    .where('user_id', '=', p.user)
    .where('role', '=', 'owner'),
)
export const insertGeneral = sql<{
  uuid: string
  workspace_id: number
  name: string
  public_key: string
  description: string
  created_by: number
  at: number
}>()((db, p) =>
  db
    .insertInto('workspace_channels')
    .values({
      uuid: p.uuid,
      workspace_id: p.workspace_id,
      type: 'public',
      name: p.name,
      public_key: p.public_key,
      description: p.description,
      general: 1,
      created_by: p.created_by,
      created_at: p.at,
      updated_at: p.at,
    })
    .returningAll(),
)

// What a workspace is made of, in the order in which it goes (actions/purge.ts).

export const deleteWorkspace = sql<{ workspace: number }>()((db, p) =>
  db.deleteFrom('workspace_workspaces').where('id', '=', p.workspace),
)
export const deleteMembers = sql<{ workspace: number }>()((db, p) =>
  db.deleteFrom('workspace_members').where('workspace_id', '=', p.workspace),
)
export const deleteInvites = sql<{ workspace: number }>()((db, p) =>
  db.deleteFrom('workspace_invites').where('workspace_id', '=', p.workspace),
)
export const someAttachments = sql<{ workspace: number; limit: number }>()((db, p) =>
  db
    .selectFrom('workspace_attachments')
    .select('uuid')
    .where('workspace_id', '=', p.workspace)
    .orderBy('id')
    .limit(p.limit),
)
export const deleteAttachment = sql<{ uuid: string }>()((db, p) =>
  db.deleteFrom('workspace_attachments').where('uuid', '=', p.uuid),
)
export const someChannel = sql<{ workspace: number }>()((db, p) =>
  db.selectFrom('workspace_channels').select('id').where('workspace_id', '=', p.workspace).limit(1),
)
/** Of the oldest `skip` + 1 messages of a channel, the last. */
export const messageAfter = sql<{ channel: number; skip: number }>()((db, p) =>
  db
    .selectFrom('workspace_messages')
    .select('id')
    .where('channel_id', '=', p.channel)
    .orderBy('id')
    .limit(1)
    .offset(p.skip),
)

interface UpTo {
  channel: number
  until: number
}
const messagesUpTo = (table: 'workspace_reactions' | 'workspace_mentions' | 'workspace_follows') =>
  sql<UpTo>()((db, p) =>
    db
      .deleteFrom(table)
      .where('message_id', 'in', (e) =>
        e
          .selectFrom('workspace_messages as t')
          .select('t.id')
          .where('t.channel_id', '=', p.channel)
          .where('t.id', '<=', p.until),
      ),
  )
export const deleteReactionsUpTo = messagesUpTo('workspace_reactions')
export const deleteMentionsUpTo = messagesUpTo('workspace_mentions')
export const deleteFollowsUpTo = messagesUpTo('workspace_follows')
export const deleteMessagesUpTo = sql<UpTo>()((db, p) =>
  db.deleteFrom('workspace_messages').where('channel_id', '=', p.channel).where('id', '<=', p.until),
)
export const deleteChannelMembers = sql<{ channel: number }>()((db, p) =>
  db.deleteFrom('workspace_channel_members').where('channel_id', '=', p.channel),
)
export const deleteChannel = sql<{ channel: number }>()((db, p) =>
  db.deleteFrom('workspace_channels').where('id', '=', p.channel),
)
