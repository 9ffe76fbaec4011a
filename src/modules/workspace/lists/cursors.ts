import type { Reader } from '../../../kernel/database.ts'
import { invalid } from '../../../kernel/errors.ts'
import { statements } from '../../../kernel/statement.ts'
import { sees } from '../policy.ts'
import { accessChannelOf } from '../store/access.ts'
import type { WorkspaceTables } from '../tables.ts'

const sql = statements<WorkspaceTables>()

const idOf = sql<{ uuid: string }>()((db, p) =>
  db.selectFrom('workspace_messages').select('id').where('uuid', '=', p.uuid),
)

const notOfThisList = () => invalid({ before: 'must be next_before of the page before; start again without it' })

/**
 * The place of a message in the order of a workspace; deleted ones keep theirs.
 * @throws CommandError invalid, alike for a message that is not there and one that is hidden
 */
export async function placeOf(reader: Reader, actor: number, workspace: number, uuid: string): Promise<number> {
  const channel = await reader.get(accessChannelOf, { message: uuid, actor })
  if (!channel || channel.workspace_id !== workspace || !sees(channel)) throw notOfThisList()
  return (await reader.get(idOf, { uuid }))!.id
}

/** Where a list by time goes on. Not the id alone: the time of a thread, and of a pin, changes between two pages. */
export interface Moment {
  readonly at: number
  readonly uuid: string
}

export const momentCursor = ({ at, uuid }: Moment): string => `${at}-${uuid}`

/** @throws CommandError invalid */
export function readMoment(cursor: string): Moment {
  const [, at, uuid] = /^(\d{1,15})-([0-9a-f-]{36})$/.exec(cursor) ?? []
  if (at === undefined || uuid === undefined) throw notOfThisList()
  return { at: Number(at), uuid }
}
