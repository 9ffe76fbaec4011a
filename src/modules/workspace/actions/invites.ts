import { createHash } from 'node:crypto'
import { perform, type Caller } from '../../../kernel/action.ts'
import { CommandError, conflict, invalid, notFound } from '../../../kernel/errors.ts'
import { newSecret, newUuid } from '../../../kernel/ids.ts'
import type { SlidingWindow } from '../../../kernel/limits.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { keyOf } from '../../../identity/fields.ts'
import { effect, workspaceSubject } from '../events.ts'
import { checkAdministers, checkInvites, checkLives, checkOwns, mayInvite, sees } from '../policy.ts'
import { fullRoom, homeRoom } from '../rooms.ts'
import { accessChannel, memberById, type WorkspaceAccess } from '../store/access.ts'
import {
  accountByEmail,
  countInvites,
  deleteDead,
  endInvite,
  endInvitesFor,
  findByToken,
  findForAccount,
  findInWorkspace,
  insertInvite,
  inviterOf,
  openForAccount,
  recordUse,
  type InviteRecord,
  type InviteRow,
  type NewInvite,
} from '../store/invites.ts'
import { countAll, insertMember } from '../store/members.ts'
import type { OwnWorkspace } from '../store/workspaces.ts'
import type { Role } from '../wire.ts'
import { creatorOf } from './channels.ts'
import { enterGeneral } from './members.ts'
import { enter } from './membership.ts'
import { reachChannel, reachWorkspace, type Parts } from './parts.ts'
import { own } from './workspaces.ts'

export interface Invitation {
  /** Address of an account; absent: a link for whoever has it. */
  readonly email?: string | undefined
  readonly role: Exclude<Role, 'owner'>
  /** Seconds. */
  readonly expires_in?: number | undefined
  readonly max_uses?: number | undefined
  readonly channel_ids: readonly string[]
}

/**
 * The secret of a link is in the first answer and nowhere else: what is stored, also as the outcome of a client id,
 * has none, so that the same command again answers without.
 */
export async function createInvite(
  parts: Parts,
  caller: Caller,
  workspaceId: string,
  input: Invitation,
): Promise<{ readonly invite: InviteRecord; readonly token: string | null }> {
  const { unitOfWork, settings } = parts
  if (input.email !== undefined && input.max_uses !== undefined) {
    throw invalid({ max_uses: 'is for links; an invitation by e-mail can be accepted once' })
  }
  if (input.role === 'guest' && input.channel_ids.length === 0) {
    throw invalid({ channel_ids: 'must name the channels a guest is to be in' })
  }
  const secret = input.email === undefined ? newSecret() : null
  let isNew = false
  const invite = await perform(unitOfWork, caller, async (unit, about) => {
    const workspace = await reachWorkspace(unit, caller, workspaceId)
    about(workspaceSubject(workspace.id))
    checkAdministers(workspace.role)
    if (input.role === 'admin') checkOwns(workspace.role)
    const account = input.email === undefined ? null : await invitee(unit, workspace, input.email)
    const channels = await reachChannels(unit, caller, workspace, input.channel_ids)
    await unit.run(deleteDead, { workspace: workspace.id, now: unit.now })
    const open = Number((await unit.get(countInvites, { workspace: workspace.id }))!.count)
    if (open >= settings.invitesPerWorkspace) {
      throw conflict(`There are ${open} open invitations, which is as many as there may be; revoke some first`)
    }
    const lasts = input.expires_in === undefined ? settings.inviteMs : input.expires_in * 1_000
    const row: NewInvite = {
      uuid: newUuid(),
      workspace_id: workspace.id,
      token_hash: secret === null ? null : hashOf(secret),
      account_id: account,
      role: input.role,
      channels: JSON.stringify(channels),
      created_by: workspace.actor_id,
      created_at: unit.now,
      expires_at: unit.now + lasts,
      max_uses: account === null ? (input.max_uses ?? null) : 1,
    }
    await unit.run(insertInvite, row)
    unit.after(() => (isNew = true))
    return shown(row, workspace, input.email)
  })
  return { invite, token: isNew ? secret : null }
}

function shown(row: NewInvite, { actor_uuid: inviter }: WorkspaceAccess, email: string | undefined): InviteRecord {
  const { created_at: changed_at } = row
  return { ...row, id: 0, token_hash: null, uses: 0, ended_at: null, inviter, email: email ?? null, changed_at }
}

/**
 * Says to an admin whether an address has an account. Anybody can learn that from registration, anybody can be an
 * admin of a workspace of their own, and writes are limited: what it spares is invitations that never arrive.
 */
async function invitee(unit: Unit, workspace: WorkspaceAccess, email: string): Promise<number> {
  const account = await unit.get(accountByEmail, { key: keyOf(email) })
  if (!account) {
    throw new CommandError('not_found', 'No account has this address; make an invitation without it and send its link')
  }
  const place = { workspace: workspace.id, account: account.id }
  if (await unit.get(memberById, { workspace: workspace.id, id: account.id })) {
    throw conflict('This person is in the workspace already')
  }
  if (await unit.get(openForAccount, { ...place, now: unit.now })) {
    throw conflict('This person has an open invitation; revoke it to make another')
  }
  return account.id
}

/** @returns ids of the channels, each once. @throws as bringing somebody into them would */
async function reachChannels(
  unit: Unit,
  caller: Caller,
  workspace: WorkspaceAccess,
  ids: readonly string[],
): Promise<string[]> {
  const uuids = new Set<string>()
  for (const id of new Set(ids)) {
    const channel = await reachChannel(unit, caller, id)
    if (channel.workspace_id !== workspace.id) throw notFound('This channel')
    checkInvites(channel)
    checkLives(channel)
    uuids.add(channel.uuid)
  }
  return [...uuids]
}

/** Again, and for one that is over already, is nothing. @throws not_found when the workspace has no such invitation */
export async function revokeInvite(
  { unitOfWork }: Parts,
  caller: Caller,
  workspaceId: string,
  uuid: string,
): Promise<void> {
  await perform(unitOfWork, caller, async (unit) => {
    const workspace = await reachWorkspace(unit, caller, workspaceId)
    checkAdministers(workspace.role)
    const invite = await unit.get(findInWorkspace, { uuid, workspace: workspace.id })
    if (!invite) throw NO_INVITE()
    await unit.run(endInvite, { id: invite.id, at: unit.now })
  })
}

/**
 * By the secret of a link. Every try counts before anything is known of it, or a burst of guesses would pass while the
 * first is looked up.
 */
export function acceptLink(
  parts: Parts,
  caller: Caller,
  guesses: SlidingWindow<number>,
  token: string,
): Promise<OwnWorkspace> {
  guesses.pass(caller.accountId, 'Too many invitations were tried; wait before the next')
  return accept(parts, caller, (unit) => unit.get(findByToken, { hash: hashOf(token) }))
}

export const acceptOwn = (parts: Parts, caller: Caller, uuid: string): Promise<OwnWorkspace> =>
  accept(parts, caller, (unit) => unit.get(findForAccount, { uuid, account: caller.accountId }))

export async function declineInvite({ unitOfWork }: Parts, caller: Caller, uuid: string): Promise<void> {
  await perform(unitOfWork, caller, async (unit) => {
    const invite = await unit.get(findForAccount, { uuid, account: caller.accountId })
    if (!invite || !isOpen(invite, unit.now)) throw NO_INVITE()
    await unit.run(endInvite, { id: invite.id, at: unit.now })
  })
}

function accept(
  { unitOfWork, settings }: Parts,
  caller: Caller,
  find: (unit: Unit) => Promise<InviteRow | undefined>,
): Promise<OwnWorkspace> {
  return perform(unitOfWork, caller, async (unit, about) => {
    const invite = await find(unit)
    if (!invite) throw NO_INVITE()
    const { workspace_id: workspace, role } = invite
    about(workspaceSubject(workspace))
    const user = caller.accountId
    // Whoever is in already learns nothing by it, and a second click on what has let them in is no failure.
    if (await unit.get(memberById, { workspace, id: user })) return own(unit, workspace, user)
    const inviter = await unit.get(inviterOf, { workspace, user: invite.created_by })
    if (!inviter || !isOpen(invite, unit.now) || !mayInvite(inviter, role)) throw NO_INVITE()
    if ((await countAll(unit, workspace)) >= settings.membersPerWorkspace) {
      throw conflict('The workspace is full; ask one of its admins to make room')
    }
    await unit.run(insertMember, { workspace, user, role, at: unit.now })
    await unit.run(recordUse, { id: invite.id })
    // Others that wait for the same person have come true too.
    await unit.run(endInvitesFor, { workspace, account: user, at: unit.now })
    await arrive(unit, invite, inviter, user)
    return own(unit, workspace, user)
  })
}

/** Into the channels that a new member begins with. */
async function arrive(
  unit: Unit,
  invite: InviteRow,
  inviter: { readonly id: number; readonly workspace: string },
  user: number,
): Promise<void> {
  const { workspace_id: id, role } = invite
  const { workspace: uuid } = inviter
  const person = (await unit.get(memberById, { workspace: id, id: user }))!
  if (role !== 'guest') {
    // A connection from before, that has not been closed yet, is theirs again.
    effect(unit, 'workspace.joined', [{ kind: 'join', of: homeRoom(uuid, user), rooms: [fullRoom(uuid)] }])
    await enterGeneral(unit, { id, uuid }, person)
  }
  for (const channelUuid of JSON.parse(invite.channels) as string[]) {
    // As the inviter sees it now: what has gone in between, or out of their sight, is left out.
    const channel = await unit.get(accessChannel, { uuid: channelUuid, actor: inviter.id })
    if (!channel || !sees(channel) || channel.archived_at !== null) continue
    await enter(unit, channel, person, await creatorOf(unit, channel))
  }
}

/** No salt and no cost: the input has 256 random bits. */
const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

const isOpen = ({ ended_at, expires_at, max_uses, uses }: InviteRow, now: number): boolean =>
  ended_at === null && expires_at > now && (max_uses === null || uses < max_uses)

/** Wrong, expired, used up, revoked, of somebody else: nobody learns which. */
const NO_INVITE = (): CommandError => notFound('This invitation')
