import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import { rowOf, toId } from '../ids.ts'
import { findVersionById, findVersionByNumber } from '../store/versions.ts'
import type { PrdTables } from '../tables.ts'
import { timestamp } from '../wire.ts'

/** What routes/versions.ts describes. */
export interface Version {
  readonly id: string
  readonly version: string
  readonly changelog: string
  /** Null: the text the PRD began with. */
  readonly commitHash: string | null
  readonly createdBy: { readonly id: string; readonly name: string }
  readonly createdAt: string
}

/** Of a PRD that is known to be seen, newest first. */
export async function listVersions(
  reader: Reader,
  prd: number,
  { limit, before }: Page<number>,
): Promise<Listed<Version, string>> {
  let query = builder<PrdTables>(reader.dialect)
    .selectFrom('prd_versions as v')
    .innerJoin('accounts as a', 'a.id', 'v.created_by')
    .select(['v.id', 'v.version', 'v.changelog', 'v.commit_hash', 'v.created_by', 'v.created_at'])
    .select('a.display_name as creator_name')
    .where('v.prd_id', '=', prd)
    .orderBy('v.id', 'desc')
    .limit(limit + 1)
  if (before !== undefined) query = query.where('v.id', '<', before)
  return paged((await reader.query(query.compile())).map(show), limit, ({ id }) => id)
}

const NUMBER = /^\d{1,9}\.\d{1,9}\.\d{1,9}$/

/** @param ref its number, like 1.2.0, or its id, like ver_3; undefined when a PRD that is known to be seen has none such */
export async function findVersion(
  reader: Reader,
  prd: number,
  ref: string,
): Promise<(Version & { readonly content: string }) | undefined> {
  const row = NUMBER.test(ref)
    ? await reader.get(findVersionByNumber, { prd, name: ref })
    : await reader.get(findVersionById, { prd, name: rowOf('version', ref) })
  return row && { ...show(row), content: row.content }
}

interface Row extends Omit<PrdTables['prd_versions'], 'id' | 'prd_id' | 'content' | 'seq'> {
  readonly id: number
  readonly creator_name: string
}

const show = ({ id, version, changelog, commit_hash, created_by, creator_name, created_at }: Row): Version => ({
  id: toId('version', id),
  version,
  changelog,
  commitHash: commit_hash,
  createdBy: { id: toId('user', created_by), name: creator_name },
  createdAt: timestamp(created_at),
})
