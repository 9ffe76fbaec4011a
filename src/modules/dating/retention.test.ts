import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { testWorld } from '../../testing/world.ts'

type Rule = { readonly ttl: string } | { readonly parent: string } | { readonly reason: string }
/** How long the rows of each table stay, and what ends them. A table that is not in this list fails the test. */
const retention: Readonly<Record<string, Rule>> = {
  dating_profiles: { reason: 'as long as the person wants to be found; of the suspended that they are' },
  dating_likes: { reason: 'until it is taken back, ends with a block or an unmatch, or one of the two erases' },
  dating_blocks: { reason: 'until it is lifted, or who made it erases; not by who it is of' },
  dating_conversations: { reason: 'the history of two people, until one of them erases' },
  dating_participants: { parent: 'dating_conversations' },
  dating_messages: { parent: 'dating_conversations' },
  dating_uses: { ttl: 'a day: no window of a limit is longer' },
  dating_photos: { parent: 'dating_messages, or dating_profiles; without one the unsentPhotoMs' },
  dating_reports: { ttl: 'reportRetentionMs from its end, or from the erasure of who it is about' },
  dating_report_reads: { parent: 'dating_reports' },
}

test('every table of the module says how long its rows stay', async () => {
  await using world = await testWorld()
  const db = new DatabaseSync(join(world.folder, 'switchboard.db'), { readOnly: true })
  const tables = db.prepare(`select name from sqlite_master where type = 'table' and name like 'dating_%'`).all()
  db.close()
  assert.deepEqual(
    tables.map(({ name }) => String(name)).toSorted(),
    Object.keys(retention).toSorted(),
    'say of the new table what ends its rows',
  )
  for (const [table, rule] of Object.entries(retention)) {
    if (!('parent' in rule)) continue
    const [parent] = rule.parent.split(',')
    assert.ok(Object.hasOwn(retention, parent!), `${table}: ${rule.parent}`)
  }
})
