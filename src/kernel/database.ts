import type { CompiledQuery, Kysely } from 'kysely'
import type { Statement } from './statement.ts'

export type Dialect = 'sqlite' | 'postgres'

/** Reads. Inside one `read` or `write` every call sees the same state of the database. */
export interface Reader {
  readonly dialect: Dialect
  /** Runs a compiled-once statement: the hot path. */
  all<P extends object, R>(statement: Statement<P, R>, params: P): Promise<R[]>
  get<P extends object, R>(statement: Statement<P, R>, params: P): Promise<R | undefined>
  /** Runs a query built for this call (filters, lists of ids): the cold path. */
  query<R>(query: CompiledQuery<R>): Promise<R[]>
}

export interface Tx extends Reader {
  /** @returns rows changed. */
  run<P extends object>(statement: Statement<P, unknown>, params: P): Promise<number>
  /** What `work` wrote is undone when it throws; the transaction goes on. */
  savepoint<T>(work: () => Promise<T>): Promise<T>
}

/**
 * The transaction is gone: the database rolled it back by itself, or the connection died. Thrown by `savepoint` instead
 * of the cause, so that nobody goes on writing outside of it.
 */
export class TransactionLost extends Error {
  constructor(cause: unknown) {
    super('The transaction was lost; nothing of it was written', { cause })
    this.name = 'TransactionLost'
  }
}

/** The store itself failed (I/O error, corruption). Nothing may be written until restart: fsync must not be retried. */
export class StorageBroken extends Error {
  constructor(cause: unknown) {
    super('The storage failed; nothing more is written', { cause })
    this.name = 'StorageBroken'
  }
}

/** A module's (or the kernel's) migrations, run in the order of their names, each once, each whole or not at all. */
export type Migrations = Readonly<Record<string, (db: Kysely<never>, dialect: Dialect) => Promise<void>>>

/**
 * Port: the one store. Promises, proved on every adapter by `testing/database-contract.ts`:
 * D-1 when `write` resolves, what it wrote survives `kill -9` and a power cut;
 * D-2 when it rejects, nothing of it is visible, ever;
 * D-3 writes are serialised: no write sees half of another;
 * D-4 `read` sees one committed snapshot and never what a running write has done;
 * D-5 after `erase` resolves, deleted bytes are no longer in the files (as far as the database decides that).
 */
export interface Database {
  readonly dialect: Dialect
  /** Safe to run twice and from two processes at once. */
  migrate(migrations: Migrations): Promise<void>
  read<T>(work: (reader: Reader) => Promise<T>): Promise<T>
  /** Reads by themselves: each sees the latest commit. Cheaper than `read` where one statement is enough. */
  readonly latest: Pick<Reader, 'all' | 'get'>
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  erase(): Promise<void>
  close(): Promise<void>
}
