import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import type { MessageRow, WorkspaceAccess } from '../store/access.ts'
import { showMessages, type Message } from '../store/messages.ts'
import type { WorkspaceTables } from '../tables.ts'
import { placeOf } from './cursors.ts'

export interface Page {
  readonly limit: number
  readonly before?: string | undefined
}

/** Messages of others that mention a person, by name or with everybody, in channels they are in now. */
export async function listMentions(
  reader: Reader,
  { id: workspace, actor_id: actor }: WorkspaceAccess,
  { limit, before }: Page,
): Promise<Listed<Message, string>> {
  const db = builder<WorkspaceTables>(reader.dialect)
  // By channel, because so the index has them; and as ids, because only those that are shown need be read.
  const called = db
    .selectFrom('workspace_mentions as x')
    .innerJoin('workspace_channel_members as cm', 'cm.channel_id', 'x.channel_id')
    .innerJoin('workspace_channels as c', 'c.id', 'cm.channel_id')
    .select('x.message_id')
    .where('x.user_id', 'in', [actor, 0])
    .where('cm.user_id', '=', actor)
    .where('c.workspace_id', '=', workspace)
  const from = before === undefined ? undefined : await placeOf(reader, actor, workspace, before)
  let query = db
    .selectFrom('workspace_messages as t')
    .selectAll('t')
    .where('t.id', 'in', from === undefined ? called : called.where('x.message_id', '<', from))
    .where('t.deleted_at', 'is', null)
    .where('t.user_id', '!=', actor)
  if (from !== undefined) query = query.where('t.id', '<', from)
  return showPage(reader, await reader.query(query.orderBy('t.id', 'desc').limit(limit + 1).compile()), limit)
}

/** A page of messages, with all that hangs on those that are shown. */
export async function showPage(
  reader: Reader,
  found: readonly MessageRow[],
  limit: number,
): Promise<Listed<Message, string>> {
  const { rows, next } = paged(found, limit, (row) => row.uuid)
  return { rows: await showMessages(reader, rows), next }
}
