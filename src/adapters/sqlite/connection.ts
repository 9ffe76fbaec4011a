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

  constructor(db: DatabaseSync) {
    this.db = db
  }

  async all<P extends object, R>(statement: Statement<P, R>, params: P): Promise<R[]> {
    const { sql, bind } = this.prepare(statement)
    return sql.all(...bind(params)) as R[]
  }

  async get<P extends object, R>(statement: Statement<P, R>, params: P): Promise<R | undefined> {
    const { sql, bind } = this.prepare(statement)
    return sql.get(...bind(params)) as R | undefined
  }

  async run<P extends object>(statement: Statement<P, unknown>, params: P): Promise<number> {
    const { sql, bind } = this.prepare(statement)
    return Number(sql.run(...bind(params)).changes)
  }

  async query<R>(query: CompiledQuery<R>): Promise<R[]> {
    let sql = this.built.get(query.sql)
    if (!sql) {
      sql = this.db.prepare(query.sql)
      this.built.set(query.sql, sql)
      if (this.built.size > MAX_BUILT) this.built.delete(this.built.keys().next().value!)
    }
    return sql.all(...(query.parameters as SQLInputValue[])) as R[]
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    this.depth += 1
    const name = `s${this.depth}`
    this.exec(`SAVEPOINT ${name}`)
    try {
      const result = await work()
      this.exec(`RELEASE ${name}`)
      return result
    } catch (error) {
      // Disk full or an I/O error: SQLite has rolled everything back; the next SAVEPOINT would commit on its own.
      if (!this.db.isTransaction) throw new TransactionLost(error)
      this.exec(`ROLLBACK TO ${name}`)
      this.exec(`RELEASE ${name}`)
      throw error
    } finally {
      this.depth -= 1
    }
  }

  exec(command: string): void {
    let sql = this.plain.get(command)
    if (!sql) this.plain.set(command, (sql = this.db.prepare(command)))
    sql.run()
  }

  /** After a failure SQLite may have rolled back by itself (disk full, I/O error). */
  rollback(): void {
    if (this.db.isTransaction) this.exec('ROLLBACK')
  }

  close(): void {
    this.db.close()
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
