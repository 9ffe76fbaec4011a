import Type, { type TSchema } from 'typebox'
import { formatPosition } from '../wire/position.ts'
import type { Database, Reader } from './database.ts'
import { eventLog } from './event-log.ts'
import { Reply } from './route.ts'

/** Lists are newest first; `before` is the last of the page before. */
export const pageQuery = <Cursor extends TSchema>(cursor: Cursor) => ({
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  before: Type.Optional(cursor),
})

export const pageOf = (item: TSchema, cursor: TSchema) =>
  Type.Object({
    items: Type.Array(item),
    next_before: Type.Union([cursor, Type.Null()]),
    position: Type.String({ description: 'Where the list was read at: connect with ?since= to get what came later' }),
  })

/** What a client asks for by it. */
export interface Page<Cursor = string> {
  readonly limit: number
  readonly before?: Cursor | undefined
}

export interface Listed<R, Cursor> {
  readonly rows: readonly R[]
  /** `before` of the next page; absent on the last. */
  readonly next: Cursor | undefined
}

/** One row more than the page was read, to know whether there is another page. */
export function paged<R, Cursor>(rows: readonly R[], limit: number, cursorOf: (row: R) => Cursor): Listed<R, Cursor> {
  const shown = rows.slice(0, limit)
  return { rows: shown, next: rows.length > limit ? cursorOf(shown.at(-1)!) : undefined }
}

/** A page and the position it was read at: the position first, then the state, in one snapshot. */
export function readPage<R, S, Cursor>(
  database: Database,
  read: (reader: Reader) => Promise<Listed<R, Cursor>>,
  show: (row: R) => S,
): Promise<{ items: S[]; next_before: Cursor | null; position: string }> {
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
