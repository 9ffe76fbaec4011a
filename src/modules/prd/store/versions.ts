import type { Insertable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

type New = Omit<Insertable<PrdTables['prd_versions']>, 'id'>

export const insertVersion = sql<New>()((db, p) =>
  db
    .insertInto('prd_versions')
    .values({
      prd_id: p.prd_id,
      version: p.version,
      changelog: p.changelog,
      commit_hash: p.commit_hash,
      content: p.content,
      seq: p.seq,
      created_by: p.created_by,
      created_at: p.created_at,
    })
    .returning('id'),
)

export const countVersions = sql<{ prd: number }>()((db, p) =>
  db
    .selectFrom('prd_versions')
    .select((e) => e.fn.countAll().as('count'))
    .where('prd_id', '=', p.prd),
)

const findVersion = (column: 'id' | 'version') =>
  sql<{ prd: number; name: number | string }>()((db, p) =>
    db
      .selectFrom('prd_versions as v')
      .innerJoin('accounts as a', 'a.id', 'v.created_by')
      .selectAll('v')
      .select('a.display_name as creator_name')
      .where('v.prd_id', '=', p.prd)
      .where(`v.${column}`, '=', p.name),
  )
export const findVersionById = findVersion('id')
export const findVersionByNumber = findVersion('version')

export const saveVersionNumber = sql<{ id: number; version: string }>()((db, p) =>
  db.updateTable('prd_prds').set({ version: p.version }).where('id', '=', p.id),
)

export const findHead = sql<{ organization: number }>()((db, p) =>
  db.selectFrom('prd_organizations').select('head').where('id', '=', p.organization),
)

export const saveHead = sql<{ organization: number; head: string }>()((db, p) =>
  db.updateTable('prd_organizations').set({ head: p.head }).where('id', '=', p.organization),
)

export const allHeads = sql<object>()((db) => db.selectFrom('prd_organizations').select(['id', 'head']).orderBy('id'))

export const findAuthor = sql<{ account: number }>()((db, p) =>
  db.selectFrom('accounts').select(['display_name', 'email']).where('id', '=', p.account),
)
