import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError } from '../../kernel/errors.ts'
import { expireOutcomes, once } from '../../kernel/idempotency.ts'
import { put, within, said, range } from './node.ts'
import type { World } from './world.ts'

/** A command with a client id: one effect. */
export function outcomes({ node, other }: World): void {
  let effects = 0
  const command = (key: string, { unitOfWork } = node(), accountId = 1): Promise<{ n: number }> =>
    unitOfWork.run((unit) =>
      once(
        unit,
        { accountId, key },
        async () => {
          await unit.run(put, { name: `effect-${accountId}-${key}-${(effects += 1)}`, value: 1 })
          return { n: effects }
        },
        () => `report:${key}`,
      ),
    )
  const effectsOf = (key: string, accountId = 1): Promise<{ name: string }[]> =>
    node().database.latest.all(within, { from: `effect-${accountId}-${key}-`, to: `effect-${accountId}-${key}.` })

  test('K-6 the same client id again has one effect and the first outcome, on whatever node', async () => {
    const again = await Promise.all(range(10).map((i) => command('77', i % 2 === 0 ? node() : other())))
    assert.equal(new Set(again.map((outcome) => outcome.n)).size, 1)
    assert.deepEqual(await command('77'), again[0])
    assert.equal((await effectsOf('77')).length, 1)
    await command('77', node(), 2)
    assert.equal((await effectsOf('77', 2)).length, 1, 'the id of another account is another id')
  })

  test('K-6 a command that failed has no outcome: again, it is tried', async () => {
    const failing = node().unitOfWork.run((unit) =>
      once(unit, { accountId: 1, key: 'fails' }, async () => {
        await unit.run(put, { name: 'half an effect', value: 1 })
        throw new CommandError('conflict', 'no')
      }),
    )
    await assert.rejects(failing, /no/)
    await command('fails')
    assert.equal((await effectsOf('fails')).length, 1)
  })

  test('K-6 what is forgotten with its subject is not made again; a sibling stays; all go after their time', async () => {
    await Promise.all(['7', '70'].map((key) => command(key)))
    await node().emit(said('gone', { effects: [{ kind: 'forget', subject: 'report:7' }] }))
    await assert.rejects(command('7'), { kind: 'not_found' })
    await command('70')
    assert.deepEqual([(await effectsOf('7')).length, (await effectsOf('70')).length], [1, 1])
    await node().unitOfWork.run((unit) => expireOutcomes(unit, unit.now + 1))
    await command('70')
    assert.equal((await effectsOf('70')).length, 2)
  })
}
