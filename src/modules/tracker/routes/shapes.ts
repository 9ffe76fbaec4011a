import Type, { type TSchema } from 'typebox'
import { eventLog } from '../../../kernel/event-log.ts'
import type { Database, Reader } from '../../../kernel/database.ts'
import { Reply, type Call } from '../../../kernel/route.ts'
import { formatPosition } from '../../../wire/position.ts'
import type { Caller } from '../actions/tracker.ts'
import type { Listed } from '../lists.ts'
import { Id } from '../wire.ts'

/** No NUL: PostgreSQL stores none, and the two databases must take the same. */
export const Text = (minLength: number, maxLength: number) =>
  Type.String({ minLength, maxLength, pattern: '^[^\\u0000]*$', description: 'text without NUL characters' })

/** One line, with something to see in it. */
export const Line = (maxLength: number) =>
  Type.String({
    minLength: 1,
    maxLength,
    // Linear: faults are described with every keyword, so a pattern meets text far over `maxLength`.
    pattern: '^(?!\\s*$)[^\\p{Cc}]*$',
    description: 'one line of text, not blank, without control characters',
  })

export const ById = Type.Object({ id: Id })

export const PageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  before: Type.Optional(Id),
}

export const PageOf = (item: TSchema) =>
  Type.Object({
    items: Type.Array(item),
    next_before: Type.Union([Id, Type.Null()]),
    position: Type.String({ description: 'Where the list was read at: connect with ?since= to get what came later' }),
  })

export const callerOf = (call: Pick<Call<never, never, never>, 'session' | 'clientKey'>): Caller => ({
  accountId: call.session.account.id,
  clientKey: call.clientKey,
})

/** A page and the position it was read at: the position first, then the state, in one snapshot. */
export function readPage<R, S>(
  database: Database,
  read: (reader: Reader) => Promise<Listed<R>>,
  show: (row: R) => S,
): Promise<{ items: S[]; next_before: number | null; position: string }> {
  return database.read(async (reader) => {
    const position = formatPosition(await eventLog.head(reader))
    const { rows, next } = await read(reader)
    return { items: rows.map(show), next_before: next ?? null, position }
  })
}

/** One thing; its position goes into a header, so that the body is the document's record. */
export function readOne(database: Database, read: (reader: Reader) => Promise<object>): Promise<Reply> {
  return database.read(async (reader) => {
    const position = formatPosition(await eventLog.head(reader))
    return new Reply(await read(reader), { 'Switchboard-Position': position })
  })
}
