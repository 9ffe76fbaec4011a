import { setImmediate as turn } from 'node:timers/promises'
import type { TestContext } from 'node:test'
import type { Database, Tx } from '../../kernel/database.ts'
import type { World } from '../../testing/world.ts'
import type { Data } from './testing.ts'

/** Commit groups in the hand of a test. */

export const databaseOf = ({ app }: World): Database =>
  (app.unitOfWork as unknown as { options: { database: Database } }).options.database

export const run = (world: World, sql: string): Promise<Data[]> =>
  databaseOf(world).write((tx) => tx.query<Data>({ sql, parameters: [] } as never))

/** From now on every group is done and then not written, until the returned function is called. */
export function failingWrites(t: TestContext, world: World): () => void {
  const database = databaseOf(world)
  const write = database.write.bind(database)
  const fail = async (tx: Tx, work: (tx: Tx) => Promise<unknown>): Promise<never> => {
    await work(tx)
    throw new Error('the disk is full')
  }
  const mocked = t.mock.method(database, 'write', (work: (tx: Tx) => Promise<unknown>) => write((tx) => fail(tx, work)))
  return () => mocked.mock.restore()
}

/** What the steps bring is one group, in their order: each must bring one unit. */
export async function inOneGroup(t: TestContext, world: World, steps: readonly (() => void)[]): Promise<void> {
  const { unitOfWork } = world.app
  const database = databaseOf(world)
  const write = database.write.bind(database)
  const gate = Promise.withResolvers<void>()
  await unitOfWork.settled()
  const mocked = t.mock.method(database, 'write', async (work: (tx: Tx) => Promise<unknown>) => {
    await gate.promise
    return write(work)
  })
  void unitOfWork.run(async () => undefined)
  await until(() => unitOfWork.queued === 0)
  for (const [i, step] of steps.entries()) {
    step()
    await until(() => unitOfWork.queued === i + 1)
  }
  mocked.mock.restore()
  gate.resolve()
}

export async function until(done: () => boolean): Promise<void> {
  while (!done()) await turn()
}
