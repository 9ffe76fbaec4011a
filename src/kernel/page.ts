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

/** Of every list that is read together with its position. */
export const ListPosition = Type.String({
  description: 'Where the list was read at: connect with it as `since` to get what came later',
})

export const pageOf = (item: TSchema, cursor: TSchema) =>
  Type.Object({ items: Type.Array(item), next_before: orNull(cursor), position: ListPosition })

/** The same for documents that write their names in camel case. */
export const camelPageOf = (item: TSchema, cursor: TSchema) =>
  Type.Object(
    { items: Type.Array(item), nextBefore: orNull(cursor), position: ListPosition },
    { additionalProperties: false },
  )

const orNull = (cursor: TSchema) => Type.Union([cursor, Type.Null()])

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

/** Something and the position it was read at: the position first, then the state, in one snapshot. */
export function readAt<R>(
  database: Database,
  read: (reader: Reader) => Promise<R>,
): Promise<{ readonly found: R; readonly position: string }> {
  return database.read(async (reader) => {
    const position = formatPosition(await eventLog.head(reader))
    return { found: await read(reader), position }
  })
}

/** What `pageOf` describes. */
export async function readPage<R, S, Cursor>(
  database: Database,
  read: (reader: Reader) => Promise<Listed<R, Cursor>>,
  show: (row: R) => S,
): Promise<{ items: S[]; next_before: Cursor | null; position: string }> {
  const { found, position } = await readAt(database, read)
  return { items: found.rows.map(show), next_before: found.next ?? null, position }
}

/** What `camelPageOf` describes. */
export async function readCamelPage<R, S, Cursor>(
  database: Database,
  read: (reader: Reader) => Promise<Listed<R, Cursor>>,
  show: (row: R) => S,
): Promise<{ items: S[]; nextBefore: Cursor | null; position: string }> {
  const { found, position } = await readAt(database, read)
  return { items: found.rows.map(show), nextBefore: found.next ?? null, position }
}

/** One thing; its position goes into a header, so that the body is the document's record. */
export async function readOne(database: Database, read: (reader: Reader) => Promise<object>): Promise<Reply> {
  const { found, position } = await readAt(database, read)
  return new Reply(found, { 'Switchboard-Position': position })
}
