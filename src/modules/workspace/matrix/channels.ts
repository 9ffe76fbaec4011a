import {
  channel, door, giving, newChannel, roleOf, unique, workspace,
  type Cast, type Column, type Door, type Kind, type Target,
} from './testing.ts'

/** Channels and who is in them. In `archived` the answers are those of a public channel, until something is written. */

const toName = () => ({ body: { name: unique() } })
const others = (type: string) => (at: Cast, key: string) => ({
  body: {
    type,
    ...(type !== 'dm' && { name: unique() }),
    user_ids: key === 'oneself' ? [] : [{
      'nobody else': '', 'who is in a channel with the guest': at.friend.uuid, 'who is not': at.newcomer.uuid,
      'a stranger': at.users.str.uuid, 'who was removed': at.users.rem.uuid,
    }[key]!].filter((uuid) => uuid !== ''),
  },
})
const converted = (_: Cast, kind: Kind) => ({ body: { type: kind === 'private' ? 'public' : 'private' } })
const newcomer = (at: Cast, kind: Kind) => ({
  body: { user_id: kind === 'general' ? at.visitor.uuid : at.newcomer.uuid },
})
const toAdd = giving(newChannel, newcomer)
const stranger = giving(channel, (at) => ({ body: { user_id: at.users.str.uuid } }))
const me = giving(newChannel, { user_id: 'me' })
const friend = giving(newChannel, (at) => ({ user_id: at.friend.uuid }))
const boss = giving(newChannel, (at) => ({ user_id: at.boss.uuid }))
const outsider = giving(channel, (at) => ({ user_id: at.users.meo.uuid }))
/** A guest is in `general` only when somebody has brought them. */
const visitor = async (at: Cast, kind: Kind): Promise<Target> => {
  const { own } = at.users
  const body = { user_id: at.visitor.uuid }
  if (kind === 'general') await own.post(`/api/channels/${at.channels.general}/members`, body)
  return { ...(await newChannel(at, kind, 'own')), user_id: at.visitor.uuid }
}
const leaving = async (at: Cast): Promise<unknown> =>
  at.users.own.delete(`/api/channels/${at.channels.general}/members/${at.visitor.uuid}`)

/** Guests made theirs when they were members. */
const ownChannel = async (at: Cast, key: string, who: Column): Promise<Target> => {
  const user = at.user(who)
  const role = (to: string) => at.users.own.patch(`${at.ws}/members/${user.uuid}`, { role: to })
  const guest = roleOf[who] === 'guest'
  if (guest) await role('member')
  const { body } = await user.post(`${at.ws}/channels`, { type: key.split(',')[0], name: unique() })
  if (guest) {
    await role('guest')
    await user.delete(`/api/channels/${at.channels.general}/members/me`)
  }
  if (key.endsWith('left since')) await user.delete(`/api/channels/${body.id}/members/me`)
  return { id: body.id, ...toName() }
}

/** What is to be seen of a channel: who is in it, and of a public one everybody but guests. */
export const seen: Readonly<Record<Kind, string>> = {
  //         own owo adi ado mak mei meo gui guo str rem ano
  public:   ' ok  ok  ok  ok  ok  ok  ok  ok 404 404 404 401',
  private:  ' ok 404  ok 404  ok  ok 404  ok 404 404 404 401',
  dm:       ' ok 404  ok 404  ok  ok 404  ok 404 404 404 401',
  archived: ' ok  ok  ok  ok  ok  ok  ok  ok 404 404 404 401',
  general:  ' ok  ok  ok  ok  ok  ok  ok 404 404 404 404 401',
}

export const channels: readonly Door[] = [
  door('GET /workspaces/:id/channels', 'list', workspace, {
    //                                      own owo adi ado mak mei meo gui guo str rem ano
    'what one sees':                      ' ok  ok  ok  ok  ok  ok  ok  ok  ok 404 404 401',
  }),
  door('POST /workspaces/:id/channels', 'make a public one', giving(workspace, others('public')), {
    'nobody else':                        ' ok  ok  ok  ok  ok  ok  ok 403 403 404 404 401',
    'who is not':                         ' ok  ok  ok  ok  ok  ok  ok 403 403 404 404 401',
    'a stranger':                         '400 400 400 400 400 400 400 403 403 404 404 401',
    'who was removed':                    '400 400 400 400 400 400 400 403 403 404 404 401',
  }),
  door('POST /workspaces/:id/channels', 'make a private one', giving(workspace, others('private')), {
    'nobody else':                        ' ok  ok  ok  ok  ok  ok  ok 403 403 404 404 401',
    'who is not':                         ' ok  ok  ok  ok  ok  ok  ok 403 403 404 404 401',
    'a stranger':                         '400 400 400 400 400 400 400 403 403 404 404 401',
  }),
  door('POST /workspaces/:id/channels', 'write to', giving(workspace, others('dm')), {
    'oneself':                            ' ok  ok  ok  ok  ok  ok  ok  ok  ok 404 404 401',
    'who is in a channel with the guest': ' ok  ok  ok  ok  ok  ok  ok  ok 400 404 404 401',
    'who is not':                         ' ok  ok  ok  ok  ok  ok  ok 400 400 404 404 401',
    'a stranger':                         '400 400 400 400 400 400 400 400 400 404 404 401',
    'who was removed':                    '400 400 400 400 400 400 400 400 400 404 404 401',
  }),
  door('GET /channels/:id', 'read', channel, seen),

  door('PATCH /channels/:id', 'rename', giving(channel, toName), {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok  ok  ok  ok  ok 403 403 403 404 404 404 401',
    private:  ' ok 404  ok 404  ok 403 404 403 404 404 404 401',
    dm:       '409 404 409 404 409 409 404 409 404 404 404 401',
    archived: '409 409 409 409 409 403 403 403 404 404 404 401',
    general:  ' ok  ok  ok  ok 403 403 403 404 404 404 404 401',
  }),
  door('PATCH /channels/:id', 'rename what one has made', ownChannel, {
    //                      own owo adi ado mak mei meo gui guo str rem ano
    'public':              ' ok  ok  ok  ok  ok  ok  ok 403 403   -   -   -',
    'private':             ' ok  ok  ok  ok  ok  ok  ok 403 403   -   -   -',
    'public, left since':  ' ok  ok  ok  ok  ok  ok  ok 404 404   -   -   -',
    'private, left since': '404 404 404 404 404 404 404 404 404   -   -   -',
  }, { each: true }),
  // Not by who is not in it: it would go out of their own sight, and perhaps out of everybody's.
  door('PATCH /channels/:id', 'make private, or public', giving(newChannel, converted), {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok 403  ok 403  ok 403 403 403 404 404 404 401',
    private:  ' ok 404  ok 404  ok 403 404 403 404 404 404 401',
    dm:       '409 404 409 404 409 409 404 409 404 404 404 401',
    archived: '409 409 409 409 409 403 403 403 404 404 404 401',
    general:  '409 409 409 409 403 403 403 404 404 404 404 401',
  }),
  door('POST /channels/:id/archive', 'archive', newChannel, {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok  ok  ok  ok  ok 403 403 403 404 404 404 401',
    private:  ' ok 404  ok 404  ok 403 404 403 404 404 404 401',
    dm:       '409 404 409 404 409 409 404 409 404 404 404 401',
    archived: ' ok  ok  ok  ok  ok 403 403 403 404 404 404 401',
    general:  '409 409 409 409 403 403 403 404 404 404 404 401',
  }),
  door('POST /channels/:id/unarchive', 'unarchive', newChannel, {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok  ok  ok  ok  ok 403 403 403 404 404 404 401',
    private:  ' ok 404  ok 404  ok 403 404 403 404 404 404 401',
    dm:       '409 404 409 404 409 409 404 409 404 404 404 401',
    archived: ' ok  ok  ok  ok  ok 403 403 403 404 404 404 401',
    general:  ' ok  ok  ok  ok 403 403 403 404 404 404 404 401',
  }),
  door('DELETE /channels/:id', 'delete', newChannel, {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok  ok  ok  ok  ok 403 403 403 404 404 404 401',
    private:  ' ok 404  ok 404  ok 403 404 403 404 404 404 401',
    dm:       '409 404 409 404 409 409 404 409 404 404 404 401',
    archived: ' ok  ok  ok  ok  ok 403 403 403 404 404 404 401',
    general:  '409 409 409 409 403 403 403 404 404 404 404 401',
  }),
]

export const channelMembers: readonly Door[] = [
  door('GET /channels/:id/members', 'list', channel, seen),

  door('POST /channels/:id/members', 'join', giving(newChannel, { body: {} }), {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok  ok  ok  ok  ok  ok  ok  ok 404 404 404 401',
    private:  ' ok 404  ok 404  ok  ok 404  ok 404 404 404 401',
    dm:       ' ok 404  ok 404  ok  ok 404  ok 404 404 404 401',
    archived: ' ok 409  ok 409  ok  ok 409  ok 404 404 404 401',
    general:  ' ok  ok  ok  ok  ok  ok  ok 404 404 404 404 401',
  }),
  door('POST /channels/:id/members', 'bring somebody in', toAdd, {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok  ok  ok  ok  ok  ok 403 403 404 404 404 401',
    private:  ' ok 404  ok 404  ok  ok 404 403 404 404 404 401',
    dm:       '409 404 409 404 409 409 404 409 404 404 404 401',
    archived: '409 409 409 409 409 409 403 403 404 404 404 401',
    general:  ' ok  ok  ok  ok  ok  ok  ok 404 404 404 404 401',
  }, { after: leaving }),
  door('POST /channels/:id/members', 'bring a stranger in', stranger, {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   '400 400 400 400 400 400 403 403 404 404 404 401',
    private:  '400 404 400 404 400 400 404 403 404 404 404 401',
    general:  '400 400 400 400 400 400 400 404 404 404 404 401',
  }),

  door('DELETE /channels/:id/members/:user_id', 'leave', me, {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok 404  ok 404  ok  ok 404  ok 404 404 404 401',
    private:  ' ok 404  ok 404  ok  ok 404  ok 404 404 404 401',
    dm:       '409 404 409 404 409 409 404 409 404 404 404 401',
    archived: ' ok 404  ok 404  ok  ok 404  ok 404 404 404 401',
    general:  '409 409 409 409 409 409 409 404 404 404 404 401',
  }),
  door('DELETE /channels/:id/members/:user_id', 'take a member out', friend, {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok  ok  ok  ok  ok 403 403 403 404 404 404 401',
    private:  ' ok 404  ok 404  ok 403 404 403 404 404 404 401',
    dm:       '409 404 409 404 409 409 404 409 404 404 404 401',
    archived: ' ok  ok  ok  ok  ok 403 403 403 404 404 404 401',
    general:  '409 409 409 409 403 403 403 404 404 404 404 401',
  }),
  door('DELETE /channels/:id/members/:user_id', 'take a guest out', visitor, {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok  ok  ok  ok  ok 403 403 403 404 404 404 401',
    private:  ' ok 404  ok 404  ok 403 404 403 404 404 404 401',
    general:  ' ok  ok  ok  ok 403 403 403 404 404 404 404 401',
  }, { after: leaving, inTurn: true }),
  door('DELETE /channels/:id/members/:user_id', 'take an admin out', boss, {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok  ok 403 403 403 403 403 403 404 404 404 401',
    private:  ' ok 404 403 404 403 403 404 403 404 404 404 401',
    general:  '409 409 403 403 403 403 403 404 404 404 404 401',
  }),
  door('DELETE /channels/:id/members/:user_id', 'take out who is not in it', outsider, {
    public:   '404 404 404 404 404 404 404 404 404 404 404 401',
    private:  '404 404 404 404 404 404 404 404 404 404 404 401',
  }),
]
