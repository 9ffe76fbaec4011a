import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openSqlite } from '../../../adapters/sqlite/database.ts'
import { identityMigrations } from '../../../identity/index.ts'
import type { Database, Tx } from '../../../kernel/database.ts'
import { builder } from '../../../kernel/statement.ts'
import { emptyPglite } from '../../../testing/pglite.ts'
import { toId } from '../ids.ts'
import { seesPrd } from '../policy.ts'
import { accessPrd } from '../store/access.ts'
import { saveCollaborator } from '../store/collaborators.ts'
import { insertComment, insertReply, repliersOf, seersAmong } from '../store/comments.ts'
import { insertMember, insertOrganization } from '../store/organizations.ts'
import { insertPrd } from '../store/prds.ts'
import { accesses, organizationRoles, prdMigrations, type PrdTables } from '../tables.ts'
import { listReplies, readComments, showComments, SHOWN_REPLIES } from './comments.ts'

const at = 1_700_000_000_000
const folder = mkdtempSync(join(tmpdir(), 'switchboard-test-'))
after(() => rmSync(folder, { recursive: true }))

const databases: Readonly<Record<string, () => Promise<Database>>> = {
  sqlite: async () => openSqlite(join(folder, 'test.db')),
  postgres: emptyPglite,
}

for (const [name, open] of Object.entries(databases)) {
  test(`the last replies to a comment are shown, all are counted; who may be told is found (${name})`, async () => {
    const database = await open()
    try {
      await database.migrate({ ...identityMigrations, ...prdMigrations })
      await database.write(async (tx) => {
        const organization = (await tx.get(insertOrganization, { name: 'Acme', actor: 1, at }))!.id
        for (const role of [...organizationRoles, null]) {
          for (const kind of ['shared', 'plain']) await insertPerson(tx, `${role}.${kind}`)
        }
        const people = await tx.query(builder<PrdTables>(tx.dialect).selectFrom('accounts').selectAll().compile())
        for (const { id, username } of people) {
          const role = organizationRoles.find((each) => username.startsWith(each))
          const member = { organization_id: organization, account_id: id, added_by: 1, added_at: at }
          if (role) await tx.run(insertMember, { ...member, role })
        }
        for (const access of accesses) {
          const { id } = (await tx.get(insertPrd, { organization_id: organization, title: 'x', access, actor: 4, at }))!
          for (const person of people.filter(({ username }) => username.endsWith('shared'))) {
            await tx.run(saveCollaborator, { prd: id, account: person.id, role: 'viewer', actor: 1, at })
          }
          const seers: number[] = []
          for (const { id: actor } of people) {
            const standing = await tx.get(accessPrd, { id, actor })
            if (standing && seesPrd(standing)) seers.push(actor)
          }
          seers.sort((a, b) => a - b)
          assert.ok(seers.length >= 4 && seers.length < people.length)
          const [ids, names] = [people.slice(0, 3).map((one) => one.id), people.slice(3).map((one) => one.username_key)]
          const found = await tx.query(seersAmong(tx.dialect, id, { ids, names }))
          assert.deepEqual(found.map((one) => one.id).sort((a, b) => a - b), seers, access)
          await checkThreads(tx, id)
        }
      })
    } finally {
      await database.close()
    }
  })
}

async function checkThreads(tx: Tx, prd: number): Promise<void> {
  const comments: number[] = []
  const replies: string[][] = [[], [], []]
  const row = { anchor: '', start_anchor: null, end_anchor: null, selected_text: null, occurrences: 0 }
  const common = { account_id: 2, content: 'x', created_at: at }
  for (let i = 0; i < 3; i += 1) comments.push((await tx.get(insertComment, { ...row, ...common, prd_id: prd }))!.id)
  for (let i = 0; i < 40; i += 1) {
    const to = i % 4 === 0 ? 0 : 1
    const author = { ...common, account_id: 1 + (i % 3) }
    const { id } = (await tx.get(insertReply, { ...author, comment_id: comments[to]! }))!
    replies[to]!.push(toId('reply', id))
  }
  const rows = await readComments(tx, prd, { limit: 10 })
  const standing = { position: 0, selection: null, isOrphaned: false }
  const shown = await showComments(tx, new Map(rows.map((each) => [each, standing])))
  assert.deepEqual(
    shown.map((one) => [one.id, one.replyCount, one.replies.map(({ id }) => id)]),
    [2, 1, 0].map((i) => [toId('comment', comments[i]!), replies[i]!.length, replies[i]!.slice(-SHOWN_REPLIES)]),
  )
  const page = await listReplies(tx, comments[1]!, { limit: 25 })
  assert.deepEqual([page.rows.map(({ id }) => id), page.next], [replies[1]!.toReversed().slice(0, 25), replies[1]![5]])
  // The last reply is of the one who comes first.
  const repliers = await tx.all(repliersOf, { comment: comments[1]!, limit: 2 })
  assert.deepEqual(repliers.map(({ account_id }) => account_id), [1, 3])
}

const insertPerson = (tx: Tx, username: string) =>
  tx.query(
    builder<PrdTables>(tx.dialect)
      .insertInto('accounts')
      .values({
        uuid: username,
        username,
        username_key: username,
        email: username,
        email_key: username,
        display_name: username,
        password_hash: null,
        role: 'reporter',
        status: 'active',
        created_at: at,
        updated_at: at,
      })
      .compile(),
  )
