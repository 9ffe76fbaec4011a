import type { CompiledQuery } from 'kysely'
import { TransactionLost, type Tx } from '../../kernel/database.ts'
import type { Statement } from '../../kernel/statement.ts'

export interface Result {
  readonly rows: object[]
  readonly changed: number
}

/** One exclusive connection to a PostgreSQL, whatever library holds it. */
export interface Client {
  /** @param name of the server's prepared statement, for texts that come again and again. */
  query(text: string, values: readonly unknown[], name?: string): Promise<Result>
}

/** Statements on one connection, inside whatever transaction its owner has begun. */
export class PostgresConnection implements Tx {
  readonly dialect = 'postgres'
  private readonly client: Client
  private depth = 0

  constructor(client: Client) {
    this.client = client
  }

  async all<P extends object, R>(statement: Statement<P, R>, params: P): Promise<R[]> {
    return (await this.send(statement, params)).rows as R[]
  }

  async get<P extends object, R>(statement: Statement<P, R>, params: P): Promise<R | undefined> {
    return (await this.send(statement, params)).rows[0] as R | undefined
  }

  async run<P extends object>(statement: Statement<P, unknown>, params: P): Promise<number> {
    return (await this.send(statement, params)).changed
  }

  async query<R>(query: CompiledQuery<R>): Promise<R[]> {
    return (await this.client.query(query.sql, query.parameters)).rows as R[]
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    this.depth += 1
    const name = `s${this.depth}`
    try {
      await this.exec(`SAVEPOINT ${name}`)
      const result = await work()
      await this.exec(`RELEASE ${name}`)
      return result
    } catch (error) {
      // On a dead connection this fails too, and the whole transaction is gone.
      await this.exec(`ROLLBACK TO ${name}`).catch((lost: unknown) => {
        throw new TransactionLost(lost)
      })
      throw error
    } finally {
      this.depth -= 1
    }
  }

  async exec(command: string): Promise<void> {
    await this.client.query(command, [])
  }

  private send<P extends object>(statement: Statement<P, unknown>, params: P): Promise<Result> {
    const { sql, bind, name } = statement.for('postgres')
    return this.client.query(sql, bind(params), name)
  }
}
