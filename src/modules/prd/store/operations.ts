import type { Selectable } from 'kysely'
import { statements } from '../../../kernel/statement.ts'
import type { PrdTables } from '../tables.ts'

const sql = statements<PrdTables>()

export type OperationRow = Selectable<PrdTables['prd_operations']>
export type SnapshotRow = Selectable<PrdTables['prd_snapshots']>

export const insertOperation = sql<OperationRow>()((db, p) =>
  db.insertInto('prd_operations').values({
    prd_id: p.prd_id,
    seq: p.seq,
    slot: p.slot,
    count: p.count,
    account_id: p.account_id,
    position: p.position,
    removed: p.removed,
    inserted: p.inserted,
    time: p.time,
    update: p.update,
  }),
)

export const findSnapshot = sql<{ prd: number }>()((db, p) =>
  db.selectFrom('prd_snapshots').selectAll().where('prd_id', '=', p.prd),
)

export const saveSnapshot = sql<SnapshotRow>()((db, p) =>
  db
    .insertInto('prd_snapshots')
    .values({ prd_id: p.prd_id, seq: p.seq, vector: p.vector, state: p.state, time: p.time })
    .onConflict((c) =>
      c.column('prd_id').doUpdateSet({ seq: p.seq, vector: p.vector, state: p.state, time: p.time }),
    ),
)

/** The Yjs updates and vectors after an operation, in order. */
export const operationsAfter = sql<{ prd: number; seq: number }>()((db, p) =>
  db
    .selectFrom('prd_operations')
    .selectAll()
    .where('prd_id', '=', p.prd)
    .where('seq', '>', p.seq)
    .orderBy('seq'),
)

/** The last operations, the newest first, without their updates. */
export const lastOperations = sql<{ prd: number; limit: number }>()((db, p) =>
  db
    .selectFrom('prd_operations')
    .select(['seq', 'slot', 'count', 'account_id', 'position', 'removed', 'inserted', 'time'])
    .where('prd_id', '=', p.prd)
    .orderBy('seq', 'desc')
    .limit(p.limit),
)

/**
 * Operations that a snapshot has and that have had their time, the oldest first. Of every PRD the last one stays: who
 * has seen it has seen everything.
 */
export const expireOperations = sql<{ before: number; limit: number }>()((db, p) =>
  db.deleteFrom('prd_operations').where((e) =>
    e(
      e.refTuple('prd_id', 'seq'),
      'in',
      e
        .selectFrom('prd_operations as o')
        .innerJoin('prd_snapshots as s', (j) => j.onRef('s.prd_id', '=', 'o.prd_id').onRef('s.seq', '>', 'o.seq'))
        .select(['o.prd_id', 'o.seq'])
        .where('o.time', '<', p.before)
        .orderBy('o.time')
        .limit(p.limit)
        .$asTuple('prd_id', 'seq'),
    ),
  ),
)

/** When the text of a PRD was last saved; nothing of one that was deleted. */
export const findSaved = sql<{ prd: number }>()((db, p) =>
  db.selectFrom('prd_prds').select('saved_at').where('id', '=', p.prd).where('deleted_at', 'is', null),
)

export const markSaved = sql<{ prd: number; at: number }>()((db, p) =>
  db.updateTable('prd_prds').set({ saved_at: p.at }).where('id', '=', p.prd).where('deleted_at', 'is', null),
)
