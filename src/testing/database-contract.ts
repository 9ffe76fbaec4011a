import { after, before, describe } from 'node:test'
import { FakeClock } from './clock.ts'
import { forgetting } from './database-contract/forgetting.ts'
import { groups } from './database-contract/groups.ts'
import { isolation } from './database-contract/isolation.ts'
import { dueJobs } from './database-contract/jobs.ts'
import { log } from './database-contract/log.ts'
import { migrations } from './database-contract/migrations.ts'
import { everything, Node } from './database-contract/node.ts'
import { outcomes } from './database-contract/outcomes.ts'
import { closing, transactions } from './database-contract/transactions.ts'
import { values } from './database-contract/values.ts'
import type { OpenedDatabase, World } from './database-contract/world.ts'

/** One suite for every database: its promises (kernel/database.ts), and what the kernel builds on them. */
export function databaseContract(name: string, open: () => Promise<OpenedDatabase>): void {
  describe(`database contract: ${name}`, () => {
    let opened: OpenedDatabase
    let nodes: readonly [Node, Node]

    before(async () => {
      opened = await open()
      const { database } = opened
      const beside = (await opened.beside?.()) ?? database
      // Twice on one node, and by two nodes at once.
      await Promise.all([database.migrate(everything), database.migrate(everything), beside.migrate(everything)])
      const clock = new FakeClock()
      nodes = [new Node(database, clock), new Node(beside, clock)]
    })
    after(async () => {
      for (const { database } of nodes) await database.close()
      await opened.close()
    })

    const world: World = { opened: () => opened, node: () => nodes[0], other: () => nodes[1] }
    migrations(world)
    values(world)
    transactions(world)
    isolation(world)
    groups(world)
    log(world)
    forgetting(world)
    outcomes(world)
    dueJobs(world)
    closing(world)
  })
}
