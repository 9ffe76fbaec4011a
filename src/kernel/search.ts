import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { Dialect } from './database.ts'

/**
 * Full-text index over columns of a table with an integer `id`: FTS5 beside the table on SQLite (kept by triggers,
 * forgetting deleted text for good), a generated tsvector in it on PostgreSQL.
 */
export async function createSearchIndex(
  db: Kysely<never>,
  dialect: Dialect,
  table: string,
  columns: readonly string[],
): Promise<void> {
  const names = sql.join(columns.map((column) => sql.ref(column)))
  if (dialect === 'postgres') {
    const text = sql.join(columns.map((column) => sql`coalesce(${sql.ref(column)}, '')`), sql` || ' ' || `)
    await sql`alter table ${sql.table(table)} add column search tsvector
      generated always as (to_tsvector('simple', ${text})) stored`.execute(db)
    await sql`create index ${sql.id(`${table}_search`)} on ${sql.table(table)} using gin (search)`.execute(db)
    return
  }
  const index = sql.table(`${table}_fts`)
  const old = sql.join(columns.map((column) => sql.ref(`old.${column}`)))
  const fresh = sql.join(columns.map((column) => sql.ref(`new.${column}`)))
  const drop = sql`insert into ${index} (${index}, rowid, ${names}) values ('delete', old.id, ${old});`
  const add = sql`insert into ${index} (rowid, ${names}) values (new.id, ${fresh});`
  await sql`create virtual table ${index} using fts5 (
    ${names}, content=${sql.lit(table)}, content_rowid='id', tokenize='unicode61 remove_diacritics 2')`.execute(db)
  await sql`insert into ${index} (${index}, rank) values ('secure-delete', 1)`.execute(db)
  await trigger(db, table, 'ai', sql`after insert on`, add)
  await trigger(db, table, 'ad', sql`after delete on`, drop)
  // Only when the text changes: counters beside it are written far more often.
  await trigger(db, table, 'au', sql`after update of ${names} on`, sql`${drop} ${add}`)
}

async function trigger(
  db: Kysely<never>,
  table: string,
  suffix: string,
  when: RawBuilder<unknown>,
  body: RawBuilder<unknown>,
): Promise<void> {
  await sql`create trigger ${sql.id(`${table}_fts_${suffix}`)} ${when} ${sql.table(table)} begin ${body} end`.execute(db)
}

/** Words of a search, at most 16; everything that is syntax to a search engine is a separator here. */
export function searchWords(text: string): readonly string[] {
  return text.normalize('NFKC').match(/[\p{L}\p{N}]+/gu)?.slice(0, 16) ?? []
}

/** Condition: the row has every word, the words taken as prefixes. `words` must not be empty. */
export function matches(dialect: Dialect, table: string, words: readonly string[]): RawBuilder<boolean> {
  if (dialect === 'postgres') {
    const query = words.map((word) => `'${word}':*`).join(' & ')
    return sql<boolean>`${sql.ref(`${table}.search`)} @@ to_tsquery('simple', ${query})`
  }
  const index = sql.table(`${table}_fts`)
  const query = words.map((word) => `"${word}"*`).join(' ')
  return sql<boolean>`${sql.ref(`${table}.id`)} in (select rowid from ${index} where ${index} match ${query})`
}
