import Type, { type TSchema } from 'typebox'
import type { Database, Reader } from './database.ts'
import { invalid } from './errors.ts'
import { ListPosition, readAt } from './page.ts'

/** Lists that are read to both sides of a row: newest first, whichever way one goes. Cursors are the wire's ids. */

export interface History<Cursor = string> {
  readonly limit: number
  /** Rows older than this one; the newest of them first. */
  readonly before?: Cursor | undefined
  /** Rows newer than this one; the oldest of them first. Not together with `before`. */
  readonly after?: Cursor | undefined
}

export interface HistoryPage<R> {
  /** Newest first, whichever way was read. */
  readonly rows: readonly R[]
  /** Whether there are older ones, and newer ones; undefined where that was not looked at. */
  readonly older: boolean | undefined
  readonly newer: boolean | undefined
}

export interface HistorySource<R, Cursor = string> {
  /** Number of the row a cursor names; undefined when it is none of this list. */
  place(cursor: Cursor): Promise<number | undefined>
  /** The newest before a number, newest first. */
  older(from: number, limit: number): Promise<readonly R[]>
  /** The oldest after a number, oldest first. */
  newer(from: number, limit: number): Promise<readonly R[]>
}

/** Above every number a row can have. */
const ALL = 2_147_483_647

/** @throws invalid for both cursors, or one that is not of this list */
export async function readHistory<R, Cursor>(
  { limit, before, after }: History<Cursor>,
  source: HistorySource<R, Cursor>,
): Promise<HistoryPage<R>> {
  if (before !== undefined && after !== undefined) throw invalid({ after: 'must not come together with before' })
  const cursor = before ?? after
  const at = cursor === undefined ? undefined : await source.place(cursor)
  if (cursor !== undefined && at === undefined) {
    throw invalid({ [before === undefined ? 'after' : 'before']: 'must be the id of a message of this list' })
  }
  if (after === undefined) {
    const rows = await source.older(at ?? ALL, limit + 1)
    return { rows: rows.slice(0, limit), older: rows.length > limit, newer: before === undefined ? false : undefined }
  }
  const rows = await source.newer(at!, limit + 1)
  return { rows: rows.slice(0, limit).reverse(), older: undefined, newer: rows.length > limit }
}

/** @param cursor the wire's id of an item */
export const historyOf = (item: TSchema, cursor: TSchema) =>
  Type.Object(
    {
      items: Type.Array(item),
      next_before: NextOlder(cursor),
      next_after: Type.Union([cursor, Type.Null()]),
      position: ListPosition,
    },
    { additionalProperties: false },
  )

/** The same for documents that write their names in camel case. */
export const camelHistoryOf = (item: TSchema, cursor: TSchema) =>
  Type.Object(
    {
      items: Type.Array(item),
      nextBefore: NextOlder(cursor),
      nextAfter: Type.Union([cursor, Type.Null()]),
      position: ListPosition,
    },
    { additionalProperties: false },
  )

const NextOlder = (cursor: TSchema) =>
  Type.Union([cursor, Type.Null()], { description: 'For the next older page; null when there is none' })

/**
 * What `historyOf` describes.
 * @param read gives the rows as they are shown
 */
export async function readHistoryPage(
  database: Database,
  read: (reader: Reader) => Promise<HistoryPage<{ readonly id: string }>>,
): Promise<object> {
  const { found, position } = await readAt(database, read)
  const { older, newer } = cursorsOf(found)
  return { items: found.rows, next_before: older, next_after: newer, position }
}

/** What `camelHistoryOf` describes. */
export async function readCamelHistoryPage(
  database: Database,
  read: (reader: Reader) => Promise<HistoryPage<{ readonly id: number }>>,
): Promise<object> {
  const { found, position } = await readAt(database, read)
  const { older, newer } = cursorsOf(found)
  return { items: found.rows, nextBefore: older, nextAfter: newer, position }
}

/** Where the other side was not looked at, there is the item one came from. */
function cursorsOf<Cursor>({ rows, older, newer }: HistoryPage<{ readonly id: Cursor }>) {
  return {
    older: older === false ? null : (rows.at(-1)?.id ?? null),
    newer: newer === false ? null : (rows[0]?.id ?? null),
  }
}
