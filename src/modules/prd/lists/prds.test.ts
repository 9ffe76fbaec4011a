import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openSqlite } from '../../../adapters/sqlite/database.ts'
import { identityMigrations } from '../../../identity/index.ts'
import type { Database, Tx } from '../../../kernel/database.ts'
import { eventLogMigrations } from '../../../kernel/event-log.ts'
import { idempotencyMigrations } from '../../../kernel/idempotency.ts'
import { jobMigrations } from '../../../kernel/jobs.ts'
import { builder } from '../../../kernel/statement.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { emptyPglite } from '../../../testing/pglite.ts'
import { purgePrd } from '../actions/purging.ts'
import { toId } from '../ids.ts'
import { rightOf, type Right, type Standing } from '../policy.ts'
import { accessPrd } from '../store/access.ts'
import { saveCollaborator } from '../store/collaborators.ts'
import { joinedBy, joinedOf } from '../store/joined.ts'
import { insertMember, insertOrganization } from '../store/organizations.ts'
import { insertPrd, markDeleted } from '../store/prds.ts'
import { insertSession } from '../store/sessions.ts'
import { accesses, collaboratorRoles, organizationRoles, prdMigrations, type PrdTables } from '../tables.ts'
import { listPrds } from './prds.ts'

const ME = 1
const OTHER = 2
const at = 1_700_000_000_000

const folder = mkdtempSync(join(tmpdir(), 'switchboard-test-'))
after(() => rmSync(folder, { recursive: true }))

const databases: Readonly<Record<string, () => Promise<Database>>> = {
  sqlite: async () => openSqlite(join(folder, 'test.db')),
  postgres: emptyPglite,
}

for (const [name, open] of Object.entries(databases)) {
  test(`lists show exactly what the policy lets everybody see, and a deletion leaves nothing (${name})`, async () => {
    const database = await open()
    try {
      const kernel = { ...eventLogMigrations, ...jobMigrations, ...idempotencyMigrations }
      await database.migrate({ ...kernel, ...identityMigrations, ...prdMigrations })
      const { rights, organizations } = await database.write(fill)
      const list = (filter: object = {}) =>
        database.read((reader) => listPrds(reader, ME, { limit: 200, ...filter }))
      const seen = [...rights].filter(([, right]) => right !== 'none').sort(([a], [b]) => b - a)
      const { rows } = await list()
      assert.deepEqual(rows.map(({ id, right }) => [id, right]), seen.map(([id, right]) => [toId('prd', id), right]))
      assert.ok(seen.length > 40 && seen.length < rights.size)

      // Filters, pages and words.
      const organization = organizations[0]!
      const ofOne = await list({ organization })
      assert.ok(ofOne.rows.every(({ organizationId }) => organizationId === toId('organization', organization)))
      assert.equal(ofOne.rows.length, 19)
      const page = await list({ limit: 3, before: seen[0]![0] })
      assert.deepEqual(page.rows, rows.slice(1, 4))
      assert.equal(page.next, rows[3]!.id)
      assert.deepEqual((await list({ q: 'LOG Éd' })).rows.map(({ id }) => id), [rows[0]!.id])
      for (const q of ['login missing', '"*', 'deleted']) assert.deepEqual((await list({ q })).rows, [], q)
      assert.equal((await list({ status: 'approved' })).rows.length, 0)

      // Who has joined what stands to it as the policy asks.
      const [id] = seen[0]!
      await database.write(async (tx) => {
        for (const connection of ['a', 'b']) {
          await tx.run(insertSession, { connection, prd_id: id, account_id: ME, mode: 'edit', joined_at: at })
        }
        const joined = await tx.all(joinedOf, { prd: id })
        assert.deepEqual(joined.map((standing) => [standing.prd_id, rightOf(standing)]), [[id, rights.get(id)]])
        const counts = organizations.map((of) => tx.all(joinedBy, { account: ME, organization: of }))
        assert.deepEqual((await Promise.all(counts)).map(({ length }) => length), [1, 0, 0, 0])
      })
      await database.write((tx) => purgeWhole(tx, id))
    } finally {
      await database.close()
    }
  })
}

/** Everything a person can be to a PRD, once. */
async function fill(tx: Tx): Promise<{ rights: Map<number, Right>; organizations: number[] }> {
  for (const username of ['me', 'other']) await tx.query(account(tx, username))
  const rights = new Map<number, Right>()
  const organizations: number[] = []
  const cases = [...organizationRoles, null].flatMap((role) =>
    accesses.flatMap((access) =>
      [ME, OTHER].flatMap((owner) => [...collaboratorRoles, null].map((shared) => ({ role, access, owner, shared }))),
    ),
  )
  const byRole = new Map<string | null, number>()
  for (const { role, access, owner, shared } of cases) {
    let organization = byRole.get(role)
    if (organization === undefined) {
      organization = (await tx.get(insertOrganization, { name: String(role), actor: OTHER, at }))!.id
      byRole.set(role, organization)
      organizations.push(organization)
      if (role !== null) {
        const member = { organization_id: organization, account_id: ME, role, added_by: OTHER, added_at: at }
        await tx.run(insertMember, member)
      }
    }
    const title = 'Checkout'
    const { id } = (await tx.get(insertPrd, { organization_id: organization, title, access, actor: owner, at }))!
    if (shared) await tx.run(saveCollaborator, { prd: id, account: ME, role: shared, actor: OTHER, at })
    const standing = (await tx.get(accessPrd, { id, actor: ME })) as Standing
    assert.deepEqual([standing.organization_role, standing.collaborator_role], [role, shared])
    rights.set(id, rightOf(standing))
  }
  const own = { organization_id: organizations[0]!, access: 'none', actor: ME, at } as const
  const { id } = (await tx.get(insertPrd, { ...own, title: 'Éditer le login' }))!
  const { id: deleted } = (await tx.get(insertPrd, { ...own, title: 'Deleted' }))!
  await tx.run(markDeleted, { id: deleted, at })
  assert.equal(await tx.get(accessPrd, { id: deleted, actor: ME }), undefined)
  rights.set(id, 'manage')
  return { rights, organizations }
}

const account = (tx: Tx, username: string) =>
  builder<PrdTables>(tx.dialect)
    .insertInto('accounts')
    .values({
      uuid: `00000000-0000-4000-8000-00000000000${username.length}`,
      username,
      username_key: username,
      email: `${username}@example.com`,
      email_key: `${username}@example.com`,
      display_name: username,
      password_hash: null,
      role: 'reporter',
      status: 'active',
      created_at: at,
      updated_at: at,
    })
    .compile()

/** Portion by portion, as the job goes on. */
async function purgeWhole(tx: Tx, id: number): Promise<void> {
  const edit = { prd_id: id, slot: 0, account_id: ME, position: 0, removed: 0, inserted: 'x', time: at, update: null }
  const edits = Array.from({ length: 700 }, (_, i) => ({ ...edit, seq: i + 1, count: i + 1 }))
  await tx.query(builder<PrdTables>(tx.dialect).insertInto('prd_operations').values(edits).compile())
  const unit: Unit = Object.assign(Object.create(tx) as Tx, { now: at, emit: () => undefined, after: () => undefined })
  const left = async (table: 'prd_operations' | 'prd_prds' | 'prd_sessions', column: 'prd_id' | 'id') => {
    const query = builder<PrdTables>(tx.dialect).selectFrom(table).selectAll().where(column as 'prd_id', '=', id)
    return (await tx.query(query.compile())).length
  }
  const job = { key: String(id), payload: null, due: at, attempts: 0 }
  await purgePrd(job, unit)
  assert.equal(await left('prd_operations', 'prd_id'), 200)
  assert.equal(await left('prd_prds', 'id'), 1)
  await purgePrd(job, unit)
  for (const table of ['prd_operations', 'prd_sessions'] as const) assert.equal(await left(table, 'prd_id'), 0, table)
  assert.equal(await left('prd_prds', 'id'), 0)
}
