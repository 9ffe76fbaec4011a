import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type Compilable,
} from 'kysely'
import type { Dialect } from './database.ts'

/** A value to come: stands in the compiled parameters where a caller's value goes. */
class Placeholder {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

const placeholders = new Proxy({}, { get: (_, name) => new Placeholder(String(name)) })

export interface CompiledStatement {
  readonly sql: string
  /** Name for the server's prepared statement. */
  readonly name: string
  /** Changes nothing, for certain. */
  readonly reads: boolean
  readonly bind: (params: object) => unknown[]
}

/**
 * A query written once with kysely's builder and compiled once per dialect: building and compiling a query costs more
 * than SQLite needs to run it.
 */
export class Statement<P extends object, R> {
  private readonly build: (db: Kysely<never>, params: P, dialect: Dialect) => Compilable<R>
  private readonly compiled = new Map<Dialect, CompiledStatement>()

  constructor(build: (db: Kysely<never>, params: P, dialect: Dialect) => Compilable<R>) {
    this.build = build
  }

  for(dialect: Dialect): CompiledStatement {
    const known = this.compiled.get(dialect)
    if (known) return known
    const query = this.build(builders[dialect], placeholders as P, dialect).compile()
    const compiled = {
      sql: query.sql,
      name: `s${(count += 1)}`,
      reads: query.sql.startsWith('select'),
      bind: (params: object) =>
        query.parameters.map((value) => (value instanceof Placeholder ? Reflect.get(params, value.name) : value)),
    }
    this.compiled.set(dialect, compiled)
    return compiled
  }
}

let count = 0

/** Typed entry for one set of tables: `const sql = statements<Tables>()`, then `sql<P>()((db, p) => db.selectFrom…)`. */
export function statements<Tables>() {
  return <P extends object>() =>
    <R>(build: (db: Kysely<Tables>, params: P, dialect: Dialect) => Compilable<R>): Statement<P, R> =>
      new Statement<P, R>(build as unknown as (db: Kysely<never>, params: P, dialect: Dialect) => Compilable<R>)
}

/** A kysely that builds and compiles but has no connection; statements are run by the database adapters. */
export function builder<Tables>(dialect: Dialect): Kysely<Tables> {
  return builders[dialect] as unknown as Kysely<Tables>
}

const builders: Record<Dialect, Kysely<never>> = {
  sqlite: new Kysely<never>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  }),
  postgres: new Kysely<never>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  }),
}
