import type { Role } from '../wire.ts'
import {
  ABSENT, door, giving, nothing, roleOf, unique, workspace, type Cast, type Column, type Door, type Target,
} from './testing.ts'

/** The workspace, its people, invitations and presence. A cell is a status, or `ok`: the one the door documents. */

/** Whoever has got in by a row goes out again. */
const out = { after: (at: Cast, who: Column) => at.users.own.delete(`${at.ws}/members/${at.user(who).uuid}`) }
const each = { each: true }

const toName = giving(workspace, () => ({ body: { name: unique() } }))

/** Somebody new with this role, in the workspace and the public channel. */
const pawn = async (at: Cast, key: string): Promise<Target> => {
  const { uuid } = await at.pawn(key.replace(/^an? /, '') as Role)
  return { ...workspace(at), user_id: uuid }
}
const me = giving(workspace, { user_id: 'me' })
const inSpare = async (at: Cast, _: string, who: Column): Promise<Target> => ({
  id: await at.spare(who),
  user_id: 'me',
})
const alone = async ({ users: { own } }: Cast): Promise<Target> => {
  const { body } = await own.post('/api/workspaces', { name: 'Mine' })
  return { id: body.id, user_id: own.uuid }
}
const ownRole = (_: Cast, __: string, who: Column) => ({ body: { role: roleOf[who] ?? 'guest' } })
const lower = (_: Cast, __: string, who: Column) => ({ body: { role: roleOf[who] === 'owner' ? 'admin' : 'guest' } })

const invite = async (at: Cast, body: object = {}): Promise<{ id: string; token: string }> =>
  (await at.users.own.post(`${at.ws}/invites`, body)).body
const invitation = async (at: Cast): Promise<Target> => ({ ...workspace(at), invite_id: (await invite(at)).id })
const foreign = async (at: Cast): Promise<Target> => {
  const { body } = await at.users.str.post(`/api/workspaces/${at.foreignId}/invites`, {})
  return { ...workspace(at), invite_id: body.id }
}
const link = async (at: Cast): Promise<Target> => ({ body: { token: (await invite(at)).token } })
const revoked = async (at: Cast): Promise<Target> => {
  const { id, token } = await invite(at)
  await at.users.own.delete(`${at.ws}/invites/${id}`)
  return { body: { token } }
}
const emailOf = (name: string): string => `${name}@example.com`
/** An open invitation of the account; taken back when it has been refused. */
const forOne = async (at: Cast, name: string): Promise<Target> => {
  const { items } = (await at.users.own.get(`${at.ws}/invites?limit=200`)).body
  const open = (items as { id: string; email: string | null }[]).find(({ email }) => email === emailOf(name))
  return { invite_id: open?.id ?? (await invite(at, { email: emailOf(name) })).id }
}
const forThem = (at: Cast, _: string, who: Column) => forOne(at, who)
const forAnother = (at: Cast) => forOne(at, 'patron')
const fresh = async (at: Cast): Promise<Target> => ({ body: { email: emailOf((await at.world.user(unique())).name) } })
/** A channel that `own` sees, in another workspace of theirs. */
const ofAnother = async (at: Cast): Promise<Target> => {
  const { id } = await alone(at)
  return { body: { role: 'guest', channel_ids: [await at.generalOf(at.users.own, id!)] } }
}
const toNobody = { body: { email: 'nobody@example.com' } }
const channels = (kind: 'private' | 'public' | 'dm' | 'archived') => (at: Cast) => ({
  body: { role: 'guest', channel_ids: [at.channels[kind]] },
})

export const workspaces: readonly Door[] = [
  door('GET /workspaces', 'list your own', nothing, {
    //            own owo adi ado mak mei meo gui guo str rem ano
    'your own': ' ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok 401',
  }),
  door('POST /workspaces', 'make one', giving(nothing, () => ({ body: { name: unique() } })), {
    'a new one': 'ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok 401',
  }),
  door('GET /workspaces/:id', 'read', workspace, {
    'this one': ' ok  ok  ok  ok  ok  ok  ok  ok  ok 404 404 401',
  }),
  door('PATCH /workspaces/:id', 'rename', toName, {
    'this one': ' ok  ok  ok  ok 403 403 403 403 403 404 404 401',
  }),
  door('DELETE /workspaces/:id', 'delete', inSpare, {
    'this one': ' ok  ok 403 403 403 403 403 403 403 404 404 401',
  }, each),
]

export const members: readonly Door[] = [
  door('GET /workspaces/:id/members', 'list', workspace, {
    //                     own owo adi ado mak mei meo gui guo str rem ano
    'whom one sees':     ' ok  ok  ok  ok  ok  ok  ok  ok  ok 404 404 401',
  }),
  door('GET /workspaces/:id/members/:user_id', 'read', (at: Cast, key: string) => ({
    ...workspace(at),
    user_id: { 'yourself': 'me', 'in the channel': at.users.mei.uuid, 'not in it': at.newcomer.uuid,
      'a stranger': at.users.str.uuid, 'nobody': ABSENT }[key]!,
  }), {
    'yourself':          ' ok  ok  ok  ok  ok  ok  ok  ok  ok 404 404 401',
    'in the channel':    ' ok  ok  ok  ok  ok  ok  ok  ok 404 404 404 401',
    'not in it':         ' ok  ok  ok  ok  ok  ok  ok 404 404 404 404 401',
    'a stranger':        '404 404 404 404 404 404 404 404 404 404 404 401',
    'nobody':            '404 404 404 404 404 404 404 404 404 404 404 401',
  }),

  door('PATCH /workspaces/:id/members/:user_id', 'make a guest', giving(pawn, { body: { role: 'guest' } }), {
    //                     own owo adi ado mak mei meo gui guo str rem ano
    'a member':          ' ok  ok  ok  ok 403 403 403 403 404 404 404 401',
    'an admin':          ' ok  ok 403 403 403 403 403 403 404 404 404 401',
    'an owner':          ' ok  ok 403 403 403 403 403 403 404 404 404 401',
  }),
  door('PATCH /workspaces/:id/members/:user_id', 'make a member', giving(pawn, { body: { role: 'member' } }), {
    'a guest':           ' ok  ok  ok  ok 403 403 403 403 404 404 404 401',
    'an admin':          ' ok  ok 403 403 403 403 403 403 404 404 404 401',
  }),
  door('PATCH /workspaces/:id/members/:user_id', 'make an admin', giving(pawn, { body: { role: 'admin' } }), {
    'a guest':           ' ok  ok 403 403 403 403 403 403 404 404 404 401',
    'a member':          ' ok  ok 403 403 403 403 403 403 404 404 404 401',
    'an owner':          ' ok  ok 403 403 403 403 403 403 404 404 404 401',
  }),
  door('PATCH /workspaces/:id/members/:user_id', 'make an owner', giving(pawn, { body: { role: 'owner' } }), {
    'a member':          ' ok  ok 403 403 403 403 403 403 404 404 404 401',
    'an admin':          ' ok  ok 403 403 403 403 403 403 404 404 404 401',
  }),
  door('PATCH /workspaces/:id/members/:user_id', 'the role they have', giving(me, ownRole), {
    'yourself':          ' ok  ok 403 403 403 403 403 403 403 404 404 401',
  }, each),
  door('PATCH /workspaces/:id/members/:user_id', 'a lower role', giving(inSpare, lower), {
    'yourself':          ' ok  ok 403 403 403 403 403 403 403 404 404 401',
  }, each),
  door('PATCH /workspaces/:id/members/:user_id', 'a lower role', giving(alone, { body: { role: 'admin' } }), {
    'the last owner':    '409   -   -   -   -   -   -   -   - 404 404 401',
  }),

  door('DELETE /workspaces/:id/members/:user_id', 'remove', pawn, {
    //                     own owo adi ado mak mei meo gui guo str rem ano
    'a guest':           ' ok  ok  ok  ok 403 403 403 403 404 404 404 401',
    'a member':          ' ok  ok  ok  ok 403 403 403 403 404 404 404 401',
    'an admin':          ' ok  ok 403 403 403 403 403 403 404 404 404 401',
    'an owner':          ' ok  ok 403 403 403 403 403 403 404 404 404 401',
  }),
  door('DELETE /workspaces/:id/members/:user_id', 'leave', inSpare, {
    'yourself':          ' ok  ok  ok  ok  ok  ok  ok  ok  ok 404 404 401',
  }, each),
  door('DELETE /workspaces/:id/members/:user_id', 'leave', alone, {
    'the last owner':    '409   -   -   -   -   -   -   -   - 404 404 401',
  }),
]

export const invites: readonly Door[] = [
  door('GET /workspaces/:id/invites', 'list', workspace, {
    //                     own owo adi ado mak mei meo gui guo str rem ano
    'open ones':         ' ok  ok  ok  ok 403 403 403 403 403 404 404 401',
  }),
  door('POST /workspaces/:id/invites', 'invite a member', giving(workspace, { body: {} }), {
    'by a link':         ' ok  ok  ok  ok 403 403 403 403 403 404 404 401',
  }),
  door('POST /workspaces/:id/invites', 'invite a member', giving(workspace, fresh), {
    'by address':        ' ok  ok  ok  ok 403 403 403 403 403 404 404 401',
  }),
  door('POST /workspaces/:id/invites', 'invite a member', giving(workspace, toNobody), {
    'by no address':     '404 404 404 404 403 403 403 403 403 404 404 401',
  }),
  door('POST /workspaces/:id/invites', 'invite a member', giving(workspace, { body: { email: emailOf('meo') } }), {
    'who is in':         '409 409 409 409 403 403 403 403 403 404 404 401',
  }),
  door('POST /workspaces/:id/invites', 'invite an admin', giving(workspace, { body: { role: 'admin' } }), {
    'by a link':         ' ok  ok 403 403 403 403 403 403 403 404 404 401',
  }),
  door('POST /workspaces/:id/invites', 'invite a guest', giving(workspace, channels('public')), {
    'into public':       ' ok  ok  ok  ok 403 403 403 403 403 404 404 401',
  }),
  door('POST /workspaces/:id/invites', 'invite a guest', giving(workspace, channels('private')), {
    'into private':      ' ok 404  ok 404 403 403 403 403 403 404 404 401',
  }),
  door('POST /workspaces/:id/invites', 'invite a guest', giving(workspace, channels('dm')), {
    'into dm':           '409 404 409 404 403 403 403 403 403 404 404 401',
  }),
  door('POST /workspaces/:id/invites', 'invite a guest', giving(workspace, channels('archived')), {
    'into archived':     '409 409 409 409 403 403 403 403 403 404 404 401',
  }),
  door('POST /workspaces/:id/invites', 'invite a guest', giving(workspace, ofAnother), {
    'into another workspace': '404 404 404 404 403 403 403 403 403 404 404 401',
  }),
  door('DELETE /workspaces/:id/invites/:invite_id', 'revoke', invitation, {
    'of this workspace': ' ok  ok  ok  ok 403 403 403 403 403 404 404 401',
  }),
  door('DELETE /workspaces/:id/invites/:invite_id', 'revoke', foreign, {
    'of another':        '404 404 404 404 403 403 403 403 403 404 404 401',
  }),

  // Whoever is in is answered with what they have: it is no failure, and they learn nothing by it.
  door('POST /invites/accept', 'accept', link, {
    //                     own owo adi ado mak mei meo gui guo str rem ano
    'a link':            ' ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok 401',
  }, { after: async (at, who) => (who === 'str' || who === 'rem' ? out.after(at, who) : undefined) }),
  door('POST /invites/accept', 'accept', revoked, {
    'a revoked link':    ' ok  ok  ok  ok  ok  ok  ok  ok  ok 404 404 401',
  }),
  door('POST /invites/accept', 'accept', giving(nothing, { body: { token: 'x'.repeat(43) } }), {
    'no link':           '404 404 404 404 404 404 404 404 404 404 404 401',
  }),
  door('GET /invites', 'list', nothing, {
    'your own':          ' ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok 401',
  }),
  door('POST /invites/:invite_id/accept', 'accept', forThem, {
    'your own':          '  -   -   -   -   -   -   -   -   -  ok  ok   -',
  }, { each: true, ...out }),
  door('POST /invites/:invite_id/accept', 'accept', forAnother, {
    "another's":         '404 404 404 404 404 404 404 404 404 404 404 401',
  }),
  door('POST /invites/:invite_id/decline', 'decline', forThem, {
    'your own':          '  -   -   -   -   -   -   -   -   -  ok  ok   -',
  }, each),
  door('POST /invites/:invite_id/decline', 'decline', forAnother, {
    "another's":         '404 404 404 404 404 404 404 404 404 404 404 401',
  }),
]

export const presence: readonly Door[] = [
  door('GET /workspaces/:id/presence', 'see who is there', workspace, {
    //                     own owo adi ado mak mei meo gui guo str rem ano
    'whom one sees':     ' ok  ok  ok  ok  ok  ok  ok  ok  ok 404 404 401',
  }),
  door('PUT /workspaces/:id/presence', 'say how one is', giving(workspace, { body: { status: 'online' } }), {
    'oneself':           ' ok  ok  ok  ok  ok  ok  ok  ok  ok 404 404 401',
  }),
]
