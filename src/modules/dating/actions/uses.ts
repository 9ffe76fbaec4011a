import { CommandError, notFound } from '../../../kernel/errors.ts'
import { retrySeconds, type Window } from '../../../kernel/limits.ts'
import { statements } from '../../../kernel/statement.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import type { DatingTables } from '../tables.ts'

const sql = statements<DatingTables>()

type Kind = DatingTables['dating_uses']['kind']

const nthLast = sql<{ user: number; kind: Kind; skip: number }>()((db, p) =>
  db
    .selectFrom('dating_uses')
    .select('at')
    .where('user_id', '=', p.user)
    .where('kind', '=', p.kind)
    .orderBy('id', 'desc')
    .limit(1)
    .offset(p.skip),
)
const insertUse = sql<Omit<DatingTables['dating_uses'], 'id'>>()((db, p) =>
  db
    .insertInto('dating_uses')
    .values({ user_id: p.user_id, kind: p.kind, at: p.at, client_id: p.client_id, message: p.message }),
)
const findByClient = sql<{ user: number; client_id: string; conversation: number }>()((db, p) =>
  db
    .selectFrom('dating_uses as u')
    .leftJoin('dating_messages as m', 'm.uuid', 'u.message')
    .select('m.uuid as message')
    .where('u.user_id', '=', p.user)
    .where('u.client_id', '=', p.client_id)
    .where((e) => e.or([e('m.id', 'is', null), e('m.conversation_id', '=', p.conversation)]))
    // One that is there before one that was deleted.
    .orderBy((e) => e.case().when('m.id', 'is', null).then(1).else(0).end())
    .orderBy('u.id', 'desc')
    .limit(1),
)
const expireUses = sql<{ before: number }>()((db, p) => db.deleteFrom('dating_uses').where('at', '<', p.before))

/** The client's own id of a message, and the message it made. */
export interface Made {
  readonly clientId: string | null
  readonly message: string | null
}

/**
 * Sliding limits per person, kept in the database so that they hold over all connections, all nodes and restarts. What
 * is refused does not count: it throws, and with it goes the row.
 * @throws rate_limited, with the seconds until one would pass
 */
export async function takeUse(
  unit: Unit,
  user: number,
  kind: Kind,
  windows: readonly Window[],
  made: Made = { clientId: null, message: null },
): Promise<void> {
  let wait = 0
  for (const { limit, perMs } of windows) {
    if (limit === 0) continue
    // The one that must have left the window for another to fit.
    const blocking = await unit.get(nthLast, { user, kind, skip: limit - 1 })
    if (blocking) wait = Math.max(wait, blocking.at + perMs - unit.now)
  }
  if (wait > 0) {
    throw new CommandError('rate_limited', 'You have done this too often; wait a little', {
      retryAfter: retrySeconds(wait),
    })
  }
  await unit.run(insertUse, { user_id: user, kind, at: unit.now, client_id: made.clientId, message: made.message })
}

/**
 * The uuid of the message that a client's own id has made in this conversation, undefined when there is none.
 * @throws not_found when it is deleted since: a late retry must not make it again
 */
export async function madeBy(
  unit: Unit,
  user: number,
  clientId: string,
  conversation: number,
): Promise<string | undefined> {
  const made = await unit.get(findByClient, { user, client_id: clientId, conversation })
  if (made?.message === null) throw notFound('What this metadata.client_id has made')
  return made?.message
}

/** No window is longer than a day. */
export const USES_RETENTION_MS = 24 * 60 * 60 * 1000

export async function forgetOldUses(unit: Unit): Promise<void> {
  await unit.run(expireUses, { before: unit.now - USES_RETENTION_MS })
}
