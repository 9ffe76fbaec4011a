import type { Reader } from '../../../kernel/database.ts'
import { momentCursor, readMoment } from '../../../kernel/moment.ts'
import { paged, type Listed } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import { showMessages, type Message } from '../store/messages.ts'
import type { WorkspaceTables } from '../tables.ts'
import { timestamp } from '../wire.ts'
import type { Page } from './mentions.ts'

export interface PinnedMessage {
  message: Message
  pinned_by: string
  pinned_at: string
}

/** What is pinned in a channel, the last pinned first. The caller has made sure that the channel may be seen. */
export async function listPins(
  reader: Reader,
  channel: number,
  { limit, before }: Page,
): Promise<Listed<PinnedMessage, string>> {
  let query = builder<WorkspaceTables>(reader.dialect)
    .selectFrom('workspace_messages as t')
    .innerJoin('accounts as a', 'a.id', 't.pinned_by')
    .selectAll('t')
    .select('a.uuid as pinner')
    .where('t.channel_id', '=', channel)
    .where('t.pinned_at', 'is not', null)
    .where('t.deleted_at', 'is', null)
  if (before !== undefined) {
    const { at, uuid } = readMoment(before)
    query = query.where((e) =>
      e.or([e('t.pinned_at', '<', at), e.and([e('t.pinned_at', '=', at), e('t.uuid', '<', uuid)])]),
    )
  }
  query = query.orderBy('t.pinned_at', 'desc').orderBy('t.uuid', 'desc').limit(limit + 1)
  const cursor = ({ pinned_at, uuid }: { pinned_at: number | null; uuid: string }) =>
    momentCursor({ at: pinned_at!, uuid })
  const { rows, next } = paged(await reader.query(query.compile()), limit, cursor)
  const messages = await showMessages(reader, rows)
  const pins = rows.map(({ pinner, pinned_at }, i): PinnedMessage => {
    return { message: messages[i]!, pinned_by: pinner, pinned_at: timestamp(pinned_at!) }
  })
  return { rows: pins, next }
}
