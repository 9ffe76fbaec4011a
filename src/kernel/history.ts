import Type, { type TSchema } from 'typebox'
import type { Database, Reader } from './database.ts'
import { invalid } from './errors.ts'
import { eventLog } from './event-log.ts'
import { formatPosition } from '../wire/position.ts'

/** Lists that are read to both sides of a row: newest first, whichever way one goes. */

export interface History {
  readonly limit: number
  /** Rows older than this one; the newest of them first. */
  readonly before?: string | undefined
  /** Rows newer than this one; the oldest of them first. Not together with `before`. */
  readonly after?: string | undefined
}

export interface HistoryPage<R> {
  /** Newest first, whichever way was read. */
  readonly rows: readonly R[]
  /** Whether there are older ones, and newer ones; undefined where that was not looked at. */
  readonly older: boolean | undefined
  readonly newer: boolean | undefined
}

export interface HistorySource<R> {
  /** Number of the row a cursor names; undefined when it is none of this list. */
  place(cursor: string): Promise<number | undefined>
  /** The newest before a number, newest first. */
  older(from: number, limit: number): Promise<readonly R[]>
  /** The oldest after a number, oldest first. */
  newer(from: number, limit: number): Promise<readonly R[]>
}

/** Above every number a row can have. */
const ALL = 2_147_483_647

/** @throws invalid for both cursors, or one that is not of this list */
export async function readHistory<R>(
  { limit, before, after }: History,
  source: HistorySource<R>,
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
      next_before: Type.Union([cursor, Type.Null()], {
        description: 'For the next older page; null when there is none',
      }),
      next_after: Type.Union([cursor, Type.Null()]),
      position: Type.String({ description: 'Where the list was read at: connect with ?since= to get what came later' }),
    },
    { additionalProperties: false },
  )

/**
 * A page and the position it was read at: the position first, then the state, in one snapshot.
 * @param read gives the rows as they are shown
 */
export function readHistoryPage(
  database: Database,
  read: (reader: Reader) => Promise<HistoryPage<{ readonly id: string }>>,
): Promise<object> {
  return database.read(async (reader) => {
    const position = formatPosition(await eventLog.head(reader))
    const { rows: items, older, newer } = await read(reader)
    return {
      items,
      // Where the other side was not looked at, there is the item one came from.
      next_before: older === false ? null : (items.at(-1)?.id ?? null),
      next_after: newer === false ? null : (items[0]?.id ?? null),
      position,
    }
  })
}
