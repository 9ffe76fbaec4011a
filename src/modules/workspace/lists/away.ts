import type { Reader } from '../../../kernel/database.ts'
import { builder } from '../../../kernel/statement.ts'
import type { WorkspaceTables } from '../tables.ts'

/** Parameters of one query. */
const BATCH = 500

/** Of people in workspaces, those who have set themselves away there. Those who come in together are asked for at once. */
export async function awayAmong<P extends { readonly workspace: string; readonly accountId: number }>(
  reader: Reader,
  people: readonly P[],
): Promise<ReadonlySet<P>> {
  const accounts = [...new Set(people.map(({ accountId }) => accountId))]
  const away = new Set<string>()
  for (let i = 0; i < accounts.length; i += BATCH) {
    const rows = await reader.query(
      builder<WorkspaceTables>(reader.dialect)
        .selectFrom('workspace_members as m')
        .innerJoin('workspace_workspaces as w', 'w.id', 'm.workspace_id')
        .select(['w.uuid', 'm.user_id'])
        .where('m.user_id', 'in', accounts.slice(i, i + BATCH))
        .where('m.away', '=', 1)
        .compile(),
    )
    for (const row of rows) away.add(`${row.uuid} ${row.user_id}`)
  }
  return new Set(people.filter(({ workspace, accountId }) => away.has(`${workspace} ${accountId}`)))
}
