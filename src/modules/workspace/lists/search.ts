import type { Reader } from '../../../kernel/database.ts'
import type { Listed } from '../../../kernel/page.ts'
import { matches, searchWords } from '../../../kernel/search.ts'
import { builder } from '../../../kernel/statement.ts'
import type { WorkspaceAccess } from '../store/access.ts'
import type { Message } from '../store/messages.ts'
import type { WorkspaceTables } from '../tables.ts'
import { placeOf } from './cursors.ts'
import { showPage, type Page } from './mentions.ts'

export interface Search extends Page {
  readonly q: string
  /** As the wire shows them; what is not there, or hidden, has nothing in it. */
  readonly channel_id?: string | undefined
  readonly user_id?: string | undefined
}

const TABLE = 'workspace_messages'

/** Messages with every word, replies too, in what the searcher sees now (W-P5). */
export async function searchMessages(
  reader: Reader,
  { id: workspace, actor_id: actor, role }: WorkspaceAccess,
  { q, channel_id, user_id, limit, before }: Search,
): Promise<Listed<Message, string>> {
  const words = searchWords(q)
  if (words.length === 0) return { rows: [], next: undefined }
  const db = builder<WorkspaceTables>(reader.dialect)
  const own = db.selectFrom('workspace_channel_members').select('channel_id').where('user_id', '=', actor)
  let seen = db
    .selectFrom('workspace_channels as c')
    .select('c.id')
    .where('c.workspace_id', '=', workspace)
    .where((e) => (role === 'guest' ? e('c.id', 'in', own) : e.or([e('c.type', '=', 'public'), e('c.id', 'in', own)])))
  if (channel_id !== undefined) seen = seen.where('c.uuid', '=', channel_id)
  let query = db
    .selectFrom(TABLE)
    .selectAll(TABLE)
    .where(matches(reader.dialect, TABLE, words))
    .where(`${TABLE}.channel_id`, 'in', seen)
    .where(`${TABLE}.deleted_at`, 'is', null)
  if (user_id !== undefined) {
    const author = db.selectFrom('accounts as a').select('a.id').where('a.uuid', '=', user_id)
    query = query.where(`${TABLE}.user_id`, 'in', author)
  }
  if (before !== undefined) {
    query = query.where(`${TABLE}.id`, '<', await placeOf(reader, actor, workspace, before))
  }
  return showPage(reader, await reader.query(query.orderBy(`${TABLE}.id`, 'desc').limit(limit + 1).compile()), limit)
}
