import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as Y from 'yjs'
import { eventLogMigrations } from '../../kernel/event-log.ts'
import { GroupCommit, type Unit } from '../../kernel/unit-of-work.ts'
import { FakeClock } from '../../testing/clock.ts'
import { emptyPglite } from '../../testing/pglite.ts'
import type { World } from '../../testing/world.ts'
import { Documents } from './document/documents.ts'
import { expireOperations } from './store/operations.ts'
import { prdMigrations } from './tables.ts'
import { insert, scene, type Data, type Tab } from './testing.ts'
import { failingWrites, inOneGroup, run, until } from './testing-groups.ts'
import { timestamp } from './wire.ts'

const config = {
  prdAutoSaveMs: 20_000,
  prdIdleMs: 5_000,
  prdSnapshotEdits: 5,
  prdHistoryMs: 60_000,
  accessTokenMs: 86_400_000,
}

const type = (tab: Tab, prdId: string, content: string): Promise<Data> =>
  tab.done('content-update', { prdId, operation: insert(0, content), stateVector: [] })

/** As a client answers the server's pings. */
async function answer(tab: Tab): Promise<void> {
  await tab.ask('ping')
  tab.events.splice(tab.events.findIndex(([name]) => name === 'pong'), 1)
}

const inMemory = ({ app }: World): number => app.hub.leftovers['documents']!

test('P-S1 what has changed is saved every so often before the eyes of everybody who has joined', async (t) => {
  await using at = await scene({ config })
  const { world, prdId } = at
  const created = timestamp(world.clock.now())
  const tabs = [await at.tab(at.owner), await at.tab(at.viewer, '/')]
  for (const tab of tabs) await tab.join(prdId)
  const stranger = await at.tab(at.member)
  const [owner] = tabs as [Tab]
  await owner.drained()
  const wait = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10_000) {
      await world.advance(Math.min(10_000, ms - passed))
      // A client answers the server's pings meanwhile.
      for (const tab of [...tabs, stranger]) await answer(tab)
    }
    await world.app.unitOfWork.settled()
  }
  const nothing = async (): Promise<void> => {
    for (const tab of [...tabs, stranger]) await tab.expectNothing()
  }

  await wait(20_100)
  await nothing()
  await type(owner, prdId, 'a')
  await tabs[1]!.expect('content-update')
  await wait(19_000)
  await nothing()
  await wait(1_500)
  const savedAt = timestamp(world.clock.now())
  for (const tab of tabs) {
    await tab.expect('auto-save-start', { prdId, changesSince: created })
    await tab.expect('auto-save-complete', { prdId, nextSaveIn: 20 })
  }
  assert.equal((await run(world, 'select * from prd_snapshots'))[0].seq, 2)
  await wait(20_100)
  await nothing()

  await type(owner, prdId, 'b')
  await tabs[1]!.expect('content-update')
  const mend = failingWrites(t, world)
  await wait(20_100)
  for (const tab of tabs) await tab.expect('auto-save-start', { changesSince: savedAt })
  mend()
  await nothing()
  assert.ok(world.log.some((line) => line.includes('the disk is full')))
  await wait(20_100)
  for (const tab of tabs) {
    await tab.expect('auto-save-start', { changesSince: savedAt })
    await tab.expect('auto-save-complete', { savedAt: timestamp(world.clock.now()) })
  }
  await nothing()
  assert.equal((await at.owner.get(`/api/prds/${prdId}`)).body.content, 'baHello')
})

test('P-S2 a document comes and goes, and its edits expire, and nothing is lost', async (t) => {
  await using at = await scene({ config })
  const { world, prdId } = at
  const owner = await at.tab(at.owner)
  const rich = await at.tab(at.editor)
  const first = await owner.join(prdId)
  await rich.join(prdId)
  const doc = new Y.Doc()
  const synced = await rich.done('sync-request', { prdId, stateVector: Y.encodeStateVector(doc) })
  assert.ok(synced)
  Y.applyUpdate(doc, (await rich.expect('sync-response')).missingUpdates[0].update)
  const before = Y.encodeStateVector(doc)
  doc.getText('content').insert(5, ' wörld 😀')
  await rich.done('content-update', { prdId, update: Y.encodeStateAsUpdate(doc, before) })
  for (const letter of ['a', 'b', 'c', 'd']) await type(owner, prdId, letter)
  const text = 'dcbaHello wörld 😀'
  await world.app.unitOfWork.settled()
  const seqs = async (): Promise<number[]> => {
    const rows = await run(world, 'select seq from prd_operations order by prd_id desc, seq')
    return rows.map(({ seq }) => seq as number)
  }
  // Five edits without a snapshot: one was taken, and nobody was told.
  assert.deepEqual([await seqs(), (await run(world, 'select * from prd_snapshots'))[0].seq], [[1, 2, 3, 4, 5, 6], 6])
  await owner.find('content-update')
  await owner.expectNothing()

  // Who joins in the commit in which it would have left memory finds it there, whoever of the two comes first.
  for (const isLate of [true, false]) {
    await type(owner, prdId, 'x')
    await owner.done('leave-prd', { prdId })
    await rich.done('leave-prd', { prdId })
    await world.advance(2_100)
    await until(() => !world.app.unitOfWork.busy)
    await world.advance(2_800)
    const snapshot = (await run(world, 'select * from prd_snapshots'))[0]
    assert.equal(snapshot.seq, isLate ? 7 : 8, 'saved as soon as nobody has it open')
    let joined: Promise<Data> | undefined
    const steps = [() => world.clock.advance(300), () => void (joined = owner.join(prdId))]
    await inOneGroup(t, world, isLate ? steps : steps.toReversed())
    assert.equal((await joined!).initialState.content, `${isLate ? 'x' : 'xx'}${text}`)
    assert.equal(inMemory(world), 1)
  }
  await owner.done('leave-prd', { prdId })
  owner.close()
  rich.close()
  await world.advance(7_200)
  await until(() => inMemory(world) === 0)

  // The last one of each tells who has seen everything; of the other PRD there is no snapshot at all.
  const other = await at.prd('Other')
  await world.advance(3_600_100)
  await until(() => !world.app.unitOfWork.busy)
  assert.deepEqual(await seqs(), [1, 8])
  const late = await at.tab(at.editor)
  const joined = await late.join(prdId)
  assert.equal(joined.initialState.content, `xx${text}`)
  const { stateVector } = first.initialState
  await late.refused('STALE_STATE', 'content-update', { prdId, operation: insert(0, 'y'), stateVector })
  await late.refused('STALE_STATE', 'sync-request', { prdId, stateVector })
  const { stateVector: present } = joined.initialState
  await late.done('sync-request', { prdId, stateVector: present })
  await late.expect('sync-response', { missingUpdates: [], stateVector: present })
  await late.done('content-update', { prdId, operation: insert(0, 'y'), stateVector: present })
  await late.done('sync-request', { prdId, stateVector: Y.encodeStateVector(doc) })
  Y.applyUpdate(doc, (await late.expect('sync-response')).missingUpdates[0].update)
  assert.equal(doc.getText('content').toJSON(), `yxx${text}`)
  await late.join(other)
  await type(late, other, 'y')
  assert.equal((await at.owner.get(`/api/prds/${other}`)).body.content, 'yOther')
})

test('PostgreSQL keeps the bytes of updates and snapshots as they are, and nothing of what was rolled back', async () => {
  const database = await emptyPglite()
  await database.migrate({ ...eventLogMigrations, ...prdMigrations })
  const clock = new FakeClock()
  const unitOfWork = new GroupCommit({ database, clock, publish: () => undefined })
  const nothing = (): void => undefined
  const hooks = { onDropped: nothing, onOpened: nothing, onGrown: nothing, onClosed: nothing }
  const memory = (): Documents => new Documents({ historyEdits: 10, snapshotEdits: 10, ...hooks })
  const text = 'a wörld \u{1f600}'
  const author = { slot: 1, accountId: 1, time: clock.now() }
  const state = await unitOfWork.run(async (unit) => {
    const documents = memory()
    await documents.create(unit, 1, text, { ...author, slot: 0 })
    const document = await documents.open(unit, 1)
    const edit = (at: number, removed: number, inserted: string): Promise<void> =>
      documents.append(unit, 1, document.edit([{ at, removed, inserted }], author)!)
    await edit(0, 0, 'b')
    await edit(1, 0, 'b')
    assert.equal(await documents.save(unit, document), true)
    await edit(1, 3, 'c')
    return document.state()
  })
  for (const expired of [0, 2]) {
    const before = clock.now() + 1
    assert.equal(await unitOfWork.run((unit) => unit.run(expireOperations, { before, limit: expired })), expired)
    const read = await unitOfWork.run((unit) => memory().open(unit, 1))
    assert.deepEqual([read.text.toString(), read.vector, read.log.first], ['bcwörld \u{1f600}', [1, 3], expired + 1])
    assert.deepEqual(Buffer.from(read.state()), Buffer.from(state))
  }

  // What was read from a transaction that came to nothing is not what the next one finds.
  const documents = memory()
  const begin = (content: string) => async (unit: Unit) => {
    await documents.create(unit, 2, content, author)
    const document = await documents.open(unit, 2)
    if (content === 'phantom') throw new Error('not kept')
    return document.text.toString()
  }
  await assert.rejects(unitOfWork.run(begin('phantom')), /not kept/)
  clock.advance(1)
  assert.equal(await unitOfWork.run(begin('kept')), 'kept')
  await database.close()
})
