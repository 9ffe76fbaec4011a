import { statements } from '../../../kernel/statement.ts'
import type { HelpdeskTables } from '../tables.ts'
import type { PersonRow } from './access.ts'

const sql = statements<HelpdeskTables>()

/** What a person may do; whoever has no row yet has set no status. */
export const keepRights = sql<Pick<PersonRow, 'user_id' | 'role' | 'grants'>>()((db, p) =>
  db
    .insertInto('helpdesk_people')
    .values({
      user_id: p.user_id,
      role: p.role,
      grants: p.grants,
      status: 'online',
      status_message: null,
      custom_status: null,
      status_at: null,
    })
    .onConflict((c) =>
      c.column('user_id').doUpdateSet((e) => ({ role: e.ref('excluded.role'), grants: e.ref('excluded.grants') })),
    ),
)

/**
 * Channels a tab of the person can have joined: who joins a public or internal one is a member from then on, and
 * private ones are open to admins who are not.
 */
export const joinable = sql<{ user: number }>()((db, p) =>
  db
    .selectFrom('helpdesk_channels as c')
    .leftJoin('helpdesk_members as m', (j) => j.onRef('m.channel_id', '=', 'c.id').on('m.user_id', '=', p.user))
    .select(['c.id', 'c.visibility', 'm.user_id as member'])
    .where('c.deleted_at', 'is', null)
    .where((e) => e.or([e('m.user_id', 'is not', null), e('c.visibility', '=', 'private')])),
)

export const activePeople = sql<{ before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('accounts as a')
    .leftJoin('helpdesk_people as f', 'f.user_id', 'a.id')
    .select([
      'a.id',
      'a.username',
      'a.display_name',
      'a.role as account_role',
      'f.role',
      'f.status_message',
      'f.custom_status',
    ])
    .where('a.status', '=', 'active')
    .where('a.id', '<', p.before)
    .orderBy('a.id', 'desc')
    .limit(p.limit),
)
