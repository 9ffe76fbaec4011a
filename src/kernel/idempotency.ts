import type { Migrations, Tx } from './database.ts'
import { notFound } from './errors.ts'
import { statements } from './statement.ts'
import type { Unit } from './unit-of-work.ts'

interface OutcomeRow {
  account_id: number
  key: string
  outcome: string
  /** What the outcome tells of; forgotten together with its events. */
  subject: string | null
  at: number
}

export interface IdempotencyTables {
  command_outcomes: OutcomeRow
}

export const idempotencyMigrations: Migrations = {
  'kernel-003-idempotency': async (db, dialect) => {
    const bigint = dialect === 'sqlite' ? 'integer' : 'bigint'
    await db.schema
      .createTable('command_outcomes')
      .addColumn('account_id', 'integer', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('outcome', 'text', (c) => c.notNull())
      .addColumn('subject', 'text')
      .addColumn('at', bigint, (c) => c.notNull())
      .addPrimaryKeyConstraint('command_outcomes_pk', ['account_id', 'key'])
      .execute()
    await db.schema.createIndex('command_outcomes_subject').on('command_outcomes').column('subject').execute()
    await db.schema.createIndex('command_outcomes_at').on('command_outcomes').column('at').execute()
  },
}

/** No outcome is an empty text: all are JSON. */
const FORGOTTEN = ''

const sql = statements<IdempotencyTables>()
const find = sql<{ account_id: number; key: string }>()((db, p) =>
  db
    .selectFrom('command_outcomes')
    .select('outcome')
    .where('account_id', '=', p.account_id)
    .where('key', '=', p.key),
)
const keep = sql<OutcomeRow>()((db, p) =>
  db
    .insertInto('command_outcomes')
    .values({ account_id: p.account_id, key: p.key, outcome: p.outcome, subject: p.subject, at: p.at }),
)
/** The key stays: a retry that comes after the deletion must not make the deleted thing again. */
const forget = sql<SubjectRange>()((db, p) =>
  db
    .updateTable('command_outcomes')
    .set({ outcome: FORGOTTEN })
    .where((e) => e.or([e('subject', '=', p.subject), e.and([e('subject', '>=', p.from), e('subject', '<', p.to)])])),
)
const expire = sql<{ before: number }>()((db, p) => db.deleteFrom('command_outcomes').where('at', '<', p.before))

/** A subject and everything under it, as bounds an index can use. */
export interface SubjectRange {
  readonly subject: string
  readonly from: string
  readonly to: string
}

export interface ClientKey {
  readonly accountId: number
  /** The client's own id of the command; two commands must not share one. */
  readonly key: string
}

/**
 * Exactly one effect: the same client id again returns the first outcome and does nothing (rule K-6). The outcome is
 * stored in the transaction of the effect, so there is no moment at which one exists without the other.
 *
 * @throws not_found when what the command made has been deleted since
 */
export async function once<T>(
  unit: Unit,
  client: ClientKey | undefined,
  work: () => Promise<T>,
  subjectOf: (outcome: T) => string | null = () => null,
): Promise<T> {
  if (!client) return work()
  const row = { account_id: client.accountId, key: client.key }
  const known = await unit.get(find, row)
  if (known?.outcome === FORGOTTEN) throw notFound('What this command has made')
  if (known) return JSON.parse(known.outcome) as T
  const outcome = await work()
  await unit.run(keep, { ...row, outcome: JSON.stringify(outcome ?? null), subject: subjectOf(outcome), at: unit.now })
  return outcome
}

/** Ids older than `before` (wall clock, ms) are forgotten: a later use of one is a new command. */
export async function expireOutcomes(unit: Unit, before: number): Promise<void> {
  await unit.run(expire, { before })
}

export async function forgetOutcomes(tx: Tx, range: SubjectRange): Promise<void> {
  await tx.run(forget, range)
}
