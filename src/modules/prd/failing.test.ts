import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failingWrites, inOneGroup, run } from './testing-groups.ts'
import { insert, scene, type Data, type Tab } from './testing.ts'

test('P-E10 an edit that was not kept is nowhere to be seen, and people are told to join again', async (t) => {
  await using at = await scene()
  const { world, prdId } = at
  const tabs = [await at.tab(at.owner), await at.tab(at.editor), await at.tab(at.editor)] as const
  const [owner, editor, third] = tabs
  const join = async (text: string): Promise<void> => {
    for (const tab of tabs) assert.equal((await tab.join(prdId)).initialState.content, text)
    for (const tab of tabs) await tab.drained()
  }
  const edit = (tab: Tab, content: string, more: object = {}): Promise<Data> =>
    tab.ask('content-update', { prdId, operation: insert(0, content), stateVector: [], ...more })
  /** What everybody has been told since. */
  const told = async (): Promise<(string | undefined)[][]> =>
    Promise.all(tabs.map(async (tab) => (await tab.drained()).map(([name, data]) => (data as Data).code ?? name)))
  const expectText = async (text: string): Promise<void> => {
    assert.equal((await at.owner.get(`/api/prds/${prdId}`)).body.content, text)
    const rows = await run(world, 'select seq, slot, count from prd_operations order by seq')
    assert.deepEqual(rows.map(({ seq }) => seq), rows.map((_, i) => i + 1))
    assert.equal(new Set(rows.map(({ slot, count }) => `${slot}:${count}`)).size, rows.length)
  }
  await join('Hello')

  // The whole group.
  const mend = failingWrites(t, world)
  assert.equal((await edit(owner, 'lost ')).code, 'UNAVAILABLE')
  mend()
  assert.deepEqual(await told(), [['UNAVAILABLE', 'UNAVAILABLE'], ['UNAVAILABLE'], ['UNAVAILABLE']])
  assert.equal((await edit(editor, 'x')).code, 'STALE_STATE')
  await editor.expect('error')
  await expectText('Hello')
  await join('Hello')
  assert.equal((await edit(owner, 'A')).ok, true)
  await expectText('AHello')
  assert.deepEqual(await told(), [[], ['content-update'], ['content-update']])

  // A neighbour of another kind has its group done again: what is in memory is not done twice.
  let edits: Promise<Data>[] = []
  const spoil = (): void => {
    const spoilt = world.app.unitOfWork.run((unit) => unit.query({ sql: 'select nonsense', parameters: [] } as never))
    edits.push(assert.rejects(spoilt))
  }
  const steps = [() => void edits.push(edit(owner, 'B')), spoil, () => void edits.push(edit(editor, 'C'))]
  await inOneGroup(t, world, steps)
  assert.deepEqual((await Promise.all(edits)).map((outcome) => outcome?.ok), [true, undefined, true])
  await expectText('CBAHello')
  assert.deepEqual(await told(), [['content-update'], ['content-update'], ['content-update', 'content-update']])

  // One in the midst of others, while it is written, and when all that is left is to keep its outcome.
  await run(
    world,
    `create trigger one before insert on prd_operations when new.inserted = 'boom'
     begin select raise(abort, 'boom'); end`,
  )
  await run(
    world,
    `create trigger two before insert on command_outcomes when new.key like '%boom'
     begin select raise(abort, 'boom'); end`,
  )
  for (const bad of [() => edit(editor, 'boom'), () => edit(editor, 'phantom', { clientId: 'boom' })]) {
    edits = []
    await inOneGroup(t, world, [
      () => void edits.push(edit(owner, 'D')),
      () => void edits.push(bad()),
      () => void edits.push(edit(third, 'E')),
    ])
    const outcomes = await Promise.all(edits)
    assert.equal(outcomes.some(({ ok }) => ok), false)
    await expectText('CBAHello')
    for (const names of await told()) assert.ok(names.includes('UNAVAILABLE') && !names.includes('content-update'))
    await join('CBAHello')
  }
  // Who joins in that very group sees nothing of it either.
  let joined: Promise<Data> | undefined
  await inOneGroup(t, world, [
    () => void edit(editor, 'phantom', { clientId: 'boom' }),
    () => void (joined = third.done('join-prd', { prdId })),
  ])
  await joined
  assert.equal((await third.find('joined-prd')).initialState.content, 'CBAHello')
  await join('CBAHello')
  assert.equal((await edit(third, 'F', { clientId: 'fine' })).ok, true)
  await expectText('FCBAHello')
})
