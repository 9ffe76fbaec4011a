import type { Reader } from '../../../kernel/database.ts'
import { notOfThisList } from '../../../kernel/moment.ts'
import { statements } from '../../../kernel/statement.ts'
import { sees } from '../policy.ts'
import { accessChannelOf } from '../store/access.ts'
import type { WorkspaceTables } from '../tables.ts'

const sql = statements<WorkspaceTables>()

const idOf = sql<{ uuid: string }>()((db, p) =>
  db.selectFrom('workspace_messages').select('id').where('uuid', '=', p.uuid),
)

/**
 * The place of a message in the order of a workspace; deleted ones keep theirs.
 * @throws CommandError invalid, alike for a message that is not there and one that is hidden
 */
export async function placeOf(reader: Reader, actor: number, workspace: number, uuid: string): Promise<number> {
  const channel = await reader.get(accessChannelOf, { message: uuid, actor })
  if (!channel || channel.workspace_id !== workspace || !sees(channel)) throw notOfThisList()
  return (await reader.get(idOf, { uuid }))!.id
}
