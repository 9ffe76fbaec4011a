import type { Database } from '../../kernel/database.ts'
import type { Node } from './node.ts'

/** A database as one adapter opens it. */
export interface OpenedDatabase {
  readonly database: Database
  /** The same store again, after the first has been closed. */
  readonly reopen?: () => Promise<Database>
  /** The same store once more, as another node of a cluster has it. */
  readonly beside?: () => Promise<Database>
  /** Takes away what was made for the test, when `database` is closed. */
  close(): Promise<void>
}

/** What the tests of one run share: the store is made once, and each test uses names of its own. */
export interface World {
  readonly opened: () => OpenedDatabase
  readonly node: () => Node
  /** Another node over the same store; on an embedded database, another group commit over the same one. */
  readonly other: () => Node
}
