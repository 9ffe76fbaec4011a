import type { Selectable } from 'kysely'
import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed } from '../../../kernel/page.ts'
import { builder, statements } from '../../../kernel/statement.ts'
import type { WorkspaceTables } from '../tables.ts'
import type { Role } from '../wire.ts'
import { found, type Page } from './workspaces.ts'

const sql = statements<WorkspaceTables>()

export type InviteRow = Selectable<WorkspaceTables['workspace_invites']>

/** An invitation as admins of the workspace see it. */
export type InviteRecord = InviteRow & {
  readonly inviter: string
  /** Present address of the account it is for; null for a link. */
  readonly email: string | null
  /** When that account was last changed. */
  readonly changed_at: number | null
}

export interface NewInvite {
  uuid: string
  workspace_id: number
  token_hash: string | null
  account_id: number | null
  role: Role
  channels: string
  created_by: number
  created_at: number
  expires_at: number
  max_uses: number | null
}

export const insertInvite = sql<NewInvite>()((db, p) =>
  db.insertInto('workspace_invites').values({
    uuid: p.uuid,
    workspace_id: p.workspace_id,
    token_hash: p.token_hash,
    account_id: p.account_id,
    role: p.role,
    channels: p.channels,
    created_by: p.created_by,
    created_at: p.created_at,
    expires_at: p.expires_at,
    max_uses: p.max_uses,
    uses: 0,
  }),
)

/** Invitations nobody can accept any more need not be kept: what keeps the table as small as the limit. */
export const deleteDead = sql<{ workspace: number; now: number }>()((db, p) =>
  db
    .deleteFrom('workspace_invites')
    .where('workspace_id', '=', p.workspace)
    .where((e) =>
      e.or([
        e('ended_at', 'is not', null),
        e('expires_at', '<=', p.now),
        e.and([e('max_uses', 'is not', null), e('uses', '>=', e.ref('max_uses'))]),
      ]),
    ),
)
export const countInvites = sql<{ workspace: number }>()((db, p) =>
  db
    .selectFrom('workspace_invites')
    .select((e) => e.fn.countAll<number | string>().as('count'))
    .where('workspace_id', '=', p.workspace),
)

export const findByToken = sql<{ hash: string }>()((db, p) =>
  db.selectFrom('workspace_invites').selectAll().where('token_hash', '=', p.hash),
)
export const findForAccount = sql<{ uuid: string; account: number }>()((db, p) =>
  db.selectFrom('workspace_invites').selectAll().where('uuid', '=', p.uuid).where('account_id', '=', p.account),
)
export const findInWorkspace = sql<{ uuid: string; workspace: number }>()((db, p) =>
  db.selectFrom('workspace_invites').selectAll().where('uuid', '=', p.uuid).where('workspace_id', '=', p.workspace),
)
export const openForAccount = sql<{ workspace: number; account: number; now: number }>()((db, p) =>
  db
    .selectFrom('workspace_invites')
    .select('id')
    .where('workspace_id', '=', p.workspace)
    .where('account_id', '=', p.account)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', p.now),
)
export const recordUse = sql<{ id: number }>()((db, p) =>
  db
    .updateTable('workspace_invites')
    .set((e) => ({ uses: e('uses', '+', 1) }))
    .where('id', '=', p.id),
)
export const endInvite = sql<{ id: number; at: number }>()((db, p) =>
  db.updateTable('workspace_invites').set({ ended_at: p.at }).where('id', '=', p.id).where('ended_at', 'is', null),
)
export const endInvitesFor = sql<{ workspace: number; account: number; at: number }>()((db, p) =>
  db
    .updateTable('workspace_invites')
    .set({ ended_at: p.at })
    .where('workspace_id', '=', p.workspace)
    .where('account_id', '=', p.account)
    .where('ended_at', 'is', null),
)
/** Those that somebody has given out, once they may not give them any more. */
export const endInvitesBy = sql<{ workspace: number; account: number; at: number }>()((db, p) =>
  db
    .updateTable('workspace_invites')
    .set({ ended_at: p.at })
    .where('workspace_id', '=', p.workspace)
    .where('created_by', '=', p.account)
    .where('ended_at', 'is', null),
)
export const endAdminInvitesBy = sql<{ workspace: number; account: number; at: number }>()((db, p) =>
  db
    .updateTable('workspace_invites')
    .set({ ended_at: p.at })
    .where('workspace_id', '=', p.workspace)
    .where('created_by', '=', p.account)
    .where('role', '=', 'admin')
    .where('ended_at', 'is', null),
)

export const accountByEmail = sql<{ key: string }>()((db, p) =>
  db.selectFrom('accounts').select(['id', 'uuid']).where('email_key', '=', p.key).where('status', '=', 'active'),
)

/** Who has invited, as far as they could still do so: what an invitation is worth is what its inviter may. */
export const inviterOf = sql<{ workspace: number; user: number }>()((db, p) =>
  db
    .selectFrom('workspace_members as m')
    .innerJoin('accounts as a', (j) => j.onRef('a.id', '=', 'm.user_id').on('a.status', '=', 'active'))
    .innerJoin('workspace_workspaces as w', 'w.id', 'm.workspace_id')
    .select(['a.id', 'm.role', 'w.uuid as workspace'])
    .where('m.workspace_id', '=', p.workspace)
    .where('m.user_id', '=', p.user),
)

const db = (reader: Reader) => builder<WorkspaceTables>(reader.dialect)

/** Open invitations of a workspace. */
export async function listInvites(
  reader: Reader,
  workspace: number,
  now: number,
  { limit, before }: Page,
): Promise<Listed<InviteRecord, string>> {
  let query = db(reader)
    .selectFrom('workspace_invites as i')
    .innerJoin('accounts as c', 'c.id', 'i.created_by')
    .leftJoin('accounts as a', 'a.id', 'i.account_id')
    .selectAll('i')
    .select(['c.uuid as inviter', 'a.email', 'a.updated_at as changed_at'])
    .where('i.workspace_id', '=', workspace)
    .where('i.ended_at', 'is', null)
    .where('i.expires_at', '>', now)
    .where((e) => e.or([e('i.max_uses', 'is', null), e('i.uses', '<', e.ref('i.max_uses'))]))
  if (before !== undefined) {
    query = query.where('i.id', '<', found(await reader.get(findInWorkspace, { uuid: before, workspace })).id)
  }
  const rows = await reader.query(query.orderBy('i.id', 'desc').limit(limit + 1).compile())
  return paged(rows, limit, (row) => row.uuid)
}

/** An invitation as the one who is invited sees it. */
export interface OwnInvite {
  readonly uuid: string
  readonly workspace: string
  readonly workspace_name: string
  readonly role: Role
  readonly inviter_name: string
  readonly created_at: number
  readonly expires_at: number
}

/** Invitations that the account can accept: those of people who may still invite (policy.ts, mayInvite). */
export async function listForAccount(
  reader: Reader,
  account: number,
  now: number,
  { limit, before }: Page,
): Promise<Listed<OwnInvite, string>> {
  let query = db(reader)
    .selectFrom('workspace_invites as i')
    .innerJoin('workspace_workspaces as w', 'w.id', 'i.workspace_id')
    .innerJoin('accounts as c', (j) => j.onRef('c.id', '=', 'i.created_by').on('c.status', '=', 'active'))
    .innerJoin('workspace_members as m', (j) =>
      j.onRef('m.workspace_id', '=', 'i.workspace_id').onRef('m.user_id', '=', 'i.created_by'),
    )
    .select(['i.uuid', 'w.uuid as workspace', 'w.name as workspace_name', 'i.role', 'c.display_name as inviter_name'])
    .select(['i.created_at', 'i.expires_at'])
    .where('i.account_id', '=', account)
    .where('i.ended_at', 'is', null)
    .where('i.expires_at', '>', now)
    .where((e) => e.or([e('m.role', '=', 'owner'), e.and([e('m.role', '=', 'admin'), e('i.role', '!=', 'admin')])]))
  if (before !== undefined) {
    query = query.where('i.id', '<', found(await reader.get(findForAccount, { uuid: before, account })).id)
  }
  const rows = await reader.query(query.orderBy('i.id', 'desc').limit(limit + 1).compile())
  return paged(rows, limit, (row) => row.uuid)
}
