import type { Kysely } from 'kysely'

export interface Result {
  readonly rows: readonly object[]
  readonly changed: number
}

/** One exclusive connection to a PostgreSQL, whatever library holds it. */
export interface Client {
  /** @param name of the server's prepared statement, for texts that come again and again. */
  query(text: string, values: readonly unknown[], name?: string): Promise<Result>
  /** Commands without values, all in one round trip. @returns what the last one found. */
  exec(commands: string, limitMs?: number): Promise<Result>
  /** Why nothing more can be asked of it: it broke, or an answer did not come. */
  readonly lost: unknown
}

/** Where connections come from: a pool, or the one of an embedded PostgreSQL. */
export interface Source {
  /** The client is this call's alone. One whose connection broke is not used again. */
  use<T>(work: (client: Client) => Promise<T>): Promise<T>
  /** For migrations. Nobody else uses its connection meanwhile. */
  withKysely<T>(work: (db: Kysely<never>) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Offsets, times and counts are below 2^53 and are numbers, as on SQLite; what is not is refused, as there. */
export function toNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`Too large to be a JavaScript number: ${text}`)
  return value
}

export const INT8 = 20
