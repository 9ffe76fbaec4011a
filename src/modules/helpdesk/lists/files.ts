import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import type { FileRow } from '../store/files.ts'
import type { HelpdeskTables } from '../tables.ts'

/** Files of a channel that are in messages, and what the one who asks has not sent yet; newest first. */
export async function listFiles(
  reader: Reader,
  actor: number,
  channel: number,
  { limit, before }: Page<number>,
): Promise<Listed<FileRow, number>> {
  let query = builder<HelpdeskTables>(reader.dialect)
    .selectFrom('helpdesk_files')
    .selectAll()
    .where('channel_id', '=', channel)
    .where((e) => e.or([e('message_id', 'is not', null), e('uploaded_by', '=', actor)]))
    .orderBy('id', 'desc')
    .limit(limit + 1)
  if (before !== undefined) query = query.where('id', '<', before)
  return paged(await reader.query(query.compile()), limit, ({ id }) => id)
}
