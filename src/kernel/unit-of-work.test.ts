import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../testing/clock.ts'
import { toyKernel } from '../testing/toy.ts'
import { GroupCommit } from './unit-of-work.ts'

test('K-1 in a group, what a command does in memory comes after its events and before those of the next', async (t) => {
  const clock = new FakeClock()
  const toy = await toyKernel(clock)
  t.after(() => toy.close())
  const order: string[] = []
  const errors: unknown[] = []
  const unitOfWork = new GroupCommit({
    database: toy.database,
    clock,
    publish: (events) => void order.push(...events.map(({ type }) => type)),
    onFailed: (error) => void errors.push(error),
  })
  const command = (name: string, deed: () => void = () => undefined): Promise<void> =>
    unitOfWork.run(async (unit) => {
      await Promise.resolve()
      unit.after(() => {
        order.push(`after ${name}`)
        deed()
      })
      unit.emit({ module: 'toy', type: name, payload: {}, audience: { to: [] } })
    })
  const fault = new Error('in memory only')
  await Promise.all([
    command('first'),
    command('second', () => {
      throw fault
    }),
    unitOfWork.run(async (unit) => unit.emit({ module: 'toy', type: 'third', payload: {}, audience: { to: [] } })),
    command('fourth'),
  ])
  assert.deepEqual(order, ['first', 'after first', 'second', 'after second', 'third', 'fourth', 'after fourth'])
  assert.deepEqual(errors, [fault])
})
