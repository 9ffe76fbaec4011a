import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { SlidingWindow } from '../../../kernel/limits.ts'
import { readPage } from '../../../kernel/page.ts'
import { Text } from '../../../kernel/fields.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { acceptLink, acceptOwn, createInvite, declineInvite, revokeInvite } from '../actions/invites.ts'
import { reachWorkspace, type Parts } from '../actions/parts.ts'
import { checkAdministers } from '../policy.ts'
import { listForAccount, listInvites, type InviteRecord, type OwnInvite } from '../store/invites.ts'
import { exact, Id, Nullable, Timestamp, timestamp } from '../wire.ts'
import { ById, PageOf, PageQuery, Ref } from './shapes.ts'
import { showWorkspace, Workspace } from './workspaces.ts'

const Role = Type.Enum(['guest', 'member', 'admin'])
const fields = {
  id: Id,
  /** Null for a link, and once the account's address may have become another. */
  email: Nullable(Type.String()),
  role: Role,
  channel_ids: Type.Array(Id),
  created_by: Id,
  created_at: Timestamp,
  expires_at: Timestamp,
  /** Null: as often as anybody likes. */
  max_uses: Nullable(Type.Integer({ minimum: 1 })),
  uses: Type.Integer({ minimum: 0 }),
}
const Invite = Type.Object(fields, exact)
/** The secret of a link: in the first answer only. Null for an invitation by e-mail. */
const NewInvite = Type.Object({ ...fields, token: Nullable(Type.String()) }, exact)
const OwnInvite = Type.Object(
  {
    id: Id,
    workspace_id: Id,
    workspace_name: Type.String(),
    role: Role,
    invited_by: Type.String({ description: 'the name that person shows' }),
    created_at: Timestamp,
    expires_at: Timestamp,
  },
  exact,
)

const MINUTE = 60
const MONTH = 30 * 24 * 60 * MINUTE
const body = Type.Object({
  /** Of an account; without it: a link. */
  email: Type.Optional(Text(3, 254)),
  role: Type.Optional(Role),
  expires_in: Type.Optional(Type.Integer({ minimum: MINUTE, maximum: MONTH, description: 'seconds' })),
  max_uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, description: 'only of a link' })),
  channel_ids: Type.Optional(Type.Array(Ref, { maxItems: 50 })),
})
/** Of any form: one that cannot be ours is simply not there. */
const Secret = Type.String({ minLength: 1, maxLength: 200, description: 'the token of an invitation' })
const OneInvite = Type.Object({ id: Ref, invite_id: Ref })
const MyInvite = Type.Object({ invite_id: Ref })

/** Tries of one account to accept a link. A guess has one chance in 2^256; what this spares is the trying. */
const TRIES = { limit: 20, perMs: 60 * 60 * 1000 }

export function inviteRoutes(parts: Parts): readonly Route[] {
  const { database, clock } = parts
  const tries = new SlidingWindow<number>(clock, TRIES)
  return [
    route(
      'GET',
      '/workspaces/:id/invites',
      { summary: 'Open invitations (admin)', params: ById, query: Type.Object(PageQuery), reply: PageOf(Invite) },
      (call) =>
        readPage(
          database,
          async (reader) => {
            const workspace = await reachWorkspace(reader, callerOf(call), call.params.id)
            checkAdministers(workspace.role)
            return listInvites(reader, workspace.id, clock.now(), call.query)
          },
          showInvite,
        ),
    ),
    route(
      'POST',
      '/workspaces/:id/invites',
      {
        summary: 'Invite an account by its e-mail address, or make a link for whoever has it (admin)',
        params: ById,
        body,
        reply: NewInvite,
      },
      async (call) => {
        const input = { role: 'member' as const, channel_ids: [], ...call.body }
        const { invite, token } = await createInvite(parts, callerOf(call), call.params.id, input)
        return { ...showInvite(invite), token }
      },
    ),
    route(
      'DELETE',
      '/workspaces/:id/invites/:invite_id',
      { summary: 'Revoke an invitation (admin)', params: OneInvite },
      (call) => revokeInvite(parts, callerOf(call), call.params.id, call.params.invite_id),
    ),
    route(
      'POST',
      '/invites/accept',
      { summary: 'Join by the token of a link', body: Type.Object({ token: Secret }), reply: Workspace },
      async (call) => showWorkspace(await acceptLink(parts, callerOf(call), tries, call.body.token)),
    ),
    route(
      'GET',
      '/invites',
      { summary: 'Invitations of your account', query: Type.Object(PageQuery), reply: PageOf(OwnInvite) },
      ({ session, query }) =>
        readPage(database, (reader) => listForAccount(reader, session.account.id, clock.now(), query), showOwn),
    ),
    route(
      'POST',
      '/invites/:invite_id/accept',
      { summary: 'Accept an invitation of your account', params: MyInvite, reply: Workspace },
      async (call) => showWorkspace(await acceptOwn(parts, callerOf(call), call.params.invite_id)),
    ),
    route(
      'POST',
      '/invites/:invite_id/decline',
      { summary: 'Decline an invitation of your account', params: MyInvite },
      (call) => declineInvite(parts, callerOf(call), call.params.invite_id),
    ),
  ]
}

const showInvite = (row: InviteRecord): object => ({
  id: row.uuid,
  // Who has changed their address since has not told it to this workspace.
  email: row.changed_at !== null && row.changed_at <= row.created_at ? row.email : null,
  role: row.role,
  channel_ids: JSON.parse(row.channels) as string[],
  created_by: row.inviter,
  created_at: timestamp(row.created_at),
  expires_at: timestamp(row.expires_at),
  max_uses: row.max_uses,
  uses: row.uses,
})

const showOwn = (row: OwnInvite): object => ({
  id: row.uuid,
  workspace_id: row.workspace,
  workspace_name: row.workspace_name,
  role: row.role,
  invited_by: row.inviter_name,
  created_at: timestamp(row.created_at),
  expires_at: timestamp(row.expires_at),
})
