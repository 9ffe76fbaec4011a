import type { CompiledQuery } from 'kysely'
import { TransactionLost, type Tx } from '../../kernel/database.ts'
import type { Statement } from '../../kernel/statement.ts'
import type { Client, Result } from './client.ts'

/** Statements on one connection, inside whatever transaction its owner has begun. */
export class PostgresConnection implements Tx {
  readonly dialect = 'postgres'
  private readonly client: Client
  private depth = 0
  /**
   * The statement that failed and was not undone by a savepoint. PostgreSQL then refuses all others, and answers
   * COMMIT by rolling back without an error: whoever caught the failure must not believe that anything was written.
   */
  private failure: unknown

  constructor(client: Client) {
    this.client = client
  }

  async all<P extends object, R>(statement: Statement<P, R>, params: P): Promise<R[]> {
    return (await this.perform(statement, params)).rows as R[]
  }

  async get<P extends object, R>(statement: Statement<P, R>, params: P): Promise<R | undefined> {
    return (await this.perform(statement, params)).rows[0] as R | undefined
  }

  async run<P extends object>(statement: Statement<P, unknown>, params: P): Promise<number> {
    return (await this.perform(statement, params)).changed
  }

  async query<R>(query: CompiledQuery<R>): Promise<R[]> {
    return (await this.send(query.sql, query.parameters)).rows as R[]
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    if (this.failure !== undefined) throw new TransactionLost(this.failure)
    this.depth += 1
    const name = `s${this.depth}`
    try {
      await this.client.exec(`SAVEPOINT ${name}`)
      const result = await work()
      this.checkSound()
      await this.client.exec(`RELEASE ${name}`)
      return result
    } catch (error) {
      // On a dead connection this fails too, and the whole transaction is gone. Released as well, or each failure of a
      // group would nest the next savepoint deeper.
      await this.client.exec(`ROLLBACK TO ${name}; RELEASE ${name}`).catch((lost: unknown) => {
        throw new TransactionLost(lost)
      })
      this.failure = undefined
      throw error
    } finally {
      this.depth -= 1
    }
  }

  /** @throws what makes a COMMIT of this transaction a rollback. */
  checkSound(): void {
    if (this.failure !== undefined) throw this.failure
  }

  private perform<P extends object>(statement: Statement<P, unknown>, params: P): Promise<Result> {
    const { sql, bind, name } = statement.for('postgres')
    return this.send(sql, bind(params), name)
  }

  private async send(text: string, values: readonly unknown[], name?: string): Promise<Result> {
    if (this.client.lost !== undefined) throw new TransactionLost(this.client.lost)
    try {
      return await this.client.query(text, values, name)
    } catch (error) {
      this.failure ??= error
      throw error
    }
  }
}
