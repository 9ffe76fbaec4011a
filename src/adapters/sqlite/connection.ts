import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { CompiledQuery } from 'kysely'
import { TransactionLost, type Tx } from '../../kernel/database.ts'
import type { Statement } from '../../kernel/statement.ts'

/** Built queries vary with their filters and lists; the compiled ones kept are bounded. */
const MAX_BUILT = 256

/** One SQLite connection with its prepared statements. Calls are synchronous underneath: nothing runs in between. */
export class SqliteConnection implements Tx {
  readonly dialect = 'sqlite'
  private readonly db: DatabaseSync
  private readonly prepared = new Map<Statement<never, unknown>, Prepared>()
  private readonly built = new Map<string, StatementSync>()
  private readonly plain = new Map<string, StatementSync>()
  private depth = 0
  private writing = false
  /** Why SQLite rolled the write back by itself: whatever came next would be committed on its own. */
  private lost: unknown

  constructor(db: DatabaseSync) {
    this.db = db
  }

  async all<P extends object, R>(statement: Statement<P, R>, params: P): Promise<R[]> {
    this.checkSound()
    try {
      const { sql, bind } = this.prepare(statement)
      return sql.all(...bind(params)) as R[]
    } catch (error) {
      throw this.noted(error)
    }
  }

  async get<P extends object, R>(statement: Statement<P, R>, params: P): Promise<R | undefined> {
    this.checkSound()
    try {
      const { sql, bind } = this.prepare(statement)
      return sql.get(...bind(params)) as R | undefined
    } catch (error) {
      throw this.noted(error)
    }
  }

  async run<P extends object>(statement: Statement<P, unknown>, params: P): Promise<number> {
    this.checkSound()
    try {
      const { sql, bind } = this.prepare(statement)
      return Number(sql.run(...bind(params)).changes)
    } catch (error) {
      throw this.noted(error)
    }
  }

  async query<R>(query: CompiledQuery<R>): Promise<R[]> {
    this.checkSound()
    try {
      let sql = this.built.get(query.sql)
      if (!sql) {
        sql = this.db.prepare(query.sql)
        this.built.set(query.sql, sql)
        if (this.built.size > MAX_BUILT) this.built.delete(this.built.keys().next().value!)
      }
      return sql.all(...(query.parameters as SQLInputValue[])) as R[]
    } catch (error) {
      throw this.noted(error)
    }
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    this.checkSound()
    this.depth += 1
    const name = `s${this.depth}`
    this.exec(`SAVEPOINT ${name}`)
    try {
      const result = await work()
      this.checkSound()
      this.exec(`RELEASE ${name}`)
      return result
    } catch (error) {
      if (!this.db.isTransaction) throw error instanceof TransactionLost ? error : new TransactionLost(error)
      this.exec(`ROLLBACK TO ${name}`)
      this.exec(`RELEASE ${name}`)
      throw error
    } finally {
      this.depth -= 1
    }
  }

  /** Begins a write. */
  begin(): void {
    this.exec('BEGIN IMMEDIATE')
    this.writing = true
  }

  commit(): void {
    this.checkSound()
    this.exec('COMMIT')
    this.writing = false
  }

  /** After a failure SQLite may have rolled back by itself (disk full, I/O error). */
  rollback(): void {
    this.writing = false
    this.lost = undefined
    if (this.db.isTransaction) this.exec('ROLLBACK')
  }

  exec(command: string): void {
    let sql = this.plain.get(command)
    if (!sql) this.plain.set(command, (sql = this.db.prepare(command)))
    sql.run()
  }

  close(): void {
    this.db.close()
  }

  private checkSound(): void {
    if (this.lost !== undefined) throw new TransactionLost(this.lost)
  }

  private noted(error: unknown): unknown {
    if (this.writing && !this.db.isTransaction) this.lost ??= error
    return error
  }

  private prepare<P extends object, R>(statement: Statement<P, R>): Prepared {
    const key = statement as unknown as Statement<never, unknown>
    let prepared = this.prepared.get(key)
    if (!prepared) {
      const { sql, bind } = statement.for('sqlite')
      prepared = { sql: this.db.prepare(sql), bind: bind as Prepared['bind'] }
      this.prepared.set(key, prepared)
    }
    return prepared
  }
}

interface Prepared {
  readonly sql: StatementSync
  readonly bind: (params: object) => SQLInputValue[]
}
