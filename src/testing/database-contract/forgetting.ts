import assert from 'node:assert/strict'
import { test } from 'node:test'
import { said } from './node.ts'
import type { World } from './world.ts'

/** What an event does to the log before it. */
export function forgetting({ node }: World): void {
  const tail = async (length: number): Promise<(string | null)[]> =>
    (await node().log()).slice(-length).map(({ payload }) => payload && (JSON.parse(payload) as { text: string }).text)

  test('forgetting a subject erases what is under it and nothing beside it', async () => {
    const under = ['report:1', 'report:1/comment:5', 'report:1/é/x']
    const beside = ['report:10', 'report:10/x', 'report:1#x', 'report:1:x', 'REPORT:1/x', 'report:１/x', 'account:1']
    await node().emit(...[...under, ...beside].map((subject) => said(subject, { subject })), said('none'))
    await node().emit(said('deleted', { effects: [{ kind: 'forget', subject: 'report:1' }] }))
    assert.deepEqual(await tail(12), [...under.map(() => null), ...beside, 'none', 'deleted'])
  })

  test('forgetting reaches the events before it in its own group, and none after it', async () => {
    const { published } = node()
    published.splice(0)
    await node().emit(
      said('before', { subject: 'report:2/comment:6' }),
      said('beside', { subject: 'report:20' }),
      said('deleted', { subject: 'report:2', effects: [{ kind: 'forget', subject: 'report:2' }] }),
      said('after', { subject: 'report:2' }),
    )
    const expected = [null, 'beside', 'deleted', 'after']
    assert.deepEqual(await tail(4), expected)
    assert.deepEqual(
      published.splice(0).map((event) => event.payload),
      expected.map((text) => text && JSON.stringify({ text })),
    )
  })

  test('K-11 readdressing gives the past of a subject to other people', async () => {
    const room = { to: ['room:1'], within: ['room:1'] }
    await node().emit(
      said('old', { subject: 'thing:1/x', audience: room }),
      said('else', { subject: 'thing:10', audience: room }),
      said('moved', { effects: [{ kind: 'readdress', subject: 'thing:1', from: 'room:1', to: 'room:2' }] }),
    )
    const [old, beside] = (await node().log()).slice(-3)
    assert.deepEqual([old!.audience, beside!.audience], [{ to: ['room:2'], within: ['room:2'] }, room])
  })
}
