import {
  channel, door, giving, message, newMessage, ownMessage, unique, workspace, type Cast, type Door, type Kind,
} from './testing.ts'
import { seen } from './channels.ts'

/** Messages, threads, reactions, pins and what one has read. */

const words = () => ({ body: { content: unique() } })
const reply = (at: Cast, kind: Kind) => ({ body: { content: 'me too', parent_message_id: at.messages[kind] } })
const elsewhere = (at: Cast, kind: Kind) => ({
  body: { content: 'me too', parent_message_id: at.messages[kind === 'general' ? 'private' : 'general'] },
})
const thumb = { body: { emoji: '👍' } }
const deleted = async (at: Cast, kind: Kind) => {
  const id = await at.newMessage(kind)
  await at.friend.delete(`/api/messages/${id}`)
  return { id }
}
const upTo = (at: Cast, kind: Kind) => ({ body: { message_id: at.messages[kind] } })
const each = { each: true }

/** Who is in it takes part in it, while it is not archived. */
export const takesPart: Readonly<Record<Kind, string>> = {
  //         own owo adi ado mak mei meo gui guo str rem ano
  public:   ' ok 403  ok 403  ok  ok 403  ok 404 404 404 401',
  private:  ' ok 404  ok 404  ok  ok 404  ok 404 404 404 401',
  dm:       ' ok 404  ok 404  ok  ok 404  ok 404 404 404 401',
  archived: '409 403 409 403 409 409 403 409 404 404 404 401',
  general:  ' ok  ok  ok  ok  ok  ok  ok 404 404 404 404 401',
}
/** The same for guests who are in it, as for those who are not. */
const pins: Readonly<Record<Kind, string>> = {
  //         own owo adi ado mak mei meo gui guo str rem ano
  public:   ' ok 403  ok 403  ok  ok 403 403 404 404 404 401',
  private:  ' ok 404  ok 404  ok  ok 404 403 404 404 404 401',
  dm:       ' ok 404  ok 404  ok  ok 404 403 404 404 404 401',
  archived: '409 403 409 403 409 409 403 403 404 404 404 401',
  general:  ' ok  ok  ok  ok  ok  ok  ok 404 404 404 404 401',
}
/** Keeping what one has read is no writing. */
const keepsRead: Readonly<Record<Kind, string>> = {
  //         own owo adi ado mak mei meo gui guo str rem ano
  public:   ' ok 403  ok 403  ok  ok 403  ok 404 404 404 401',
  private:  ' ok 404  ok 404  ok  ok 404  ok 404 404 404 401',
  dm:       ' ok 404  ok 404  ok  ok 404  ok 404 404 404 401',
  archived: ' ok 403  ok 403  ok  ok 403  ok 404 404 404 401',
  general:  ' ok  ok  ok  ok  ok  ok  ok 404 404 404 404 401',
}
const gone: Readonly<Partial<Record<Kind, string>>> = {
  public:   '404 404 404 404 404 404 404 404 404 404 404 401',
}

export const messages: readonly Door[] = [
  door('GET /channels/:id/messages', 'read the history', channel, seen),
  door('GET /messages/:id', 'read', message, seen),
  door('GET /messages/:id/replies', 'read the thread', message, seen),

  door('POST /channels/:id/messages', 'post', giving(channel, words), takesPart),
  door('POST /channels/:id/messages', 'reply', giving(channel, reply), takesPart),
  door('POST /messages/:id/replies', 'reply', giving(message, words), takesPart),
  door('POST /messages/:id/reactions', 'react', giving(message, thumb), takesPart),
  door('DELETE /messages/:id/reactions/:emoji', 'react no more', giving(message, { emoji: '👍' }), takesPart),

  door('POST /channels/:id/messages', 'call everybody', giving(channel, { body: { content: 'hear, @channel' } }), {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok 403  ok 403  ok  ok 403 403 404 404 404 401',
    private:  ' ok 404  ok 404  ok  ok 404 403 404 404 404 401',
    dm:       ' ok 404  ok 404  ok  ok 404 403 404 404 404 401',
  }, { late: true }),
  door('POST /channels/:id/messages', 'reply to a message of another channel', giving(channel, elsewhere), {
    public:   '400 403 400 403 400 400 403 400 404 404 404 401',
    private:  '400 404 400 404 400 400 404 400 404 404 404 401',
    general:  '400 400 400 400 400 400 400 404 404 404 404 401',
  }),

  // An author who is not in it any more: of a public channel still sees it.
  door('PATCH /messages/:id', 'edit your own', giving(ownMessage, words), {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok 403  ok 403  ok  ok 403  ok 404   - 404 401',
    private:  ' ok 404  ok 404  ok  ok 404  ok 404   - 404 401',
    dm:       ' ok   -  ok   -  ok  ok   -  ok   -   - 404 401',
    archived: '409 403 409 403 409 409 403 409 404   - 404 401',
    general:  ' ok  ok  ok  ok  ok  ok  ok 404 404   - 404 401',
  }, each),
  door('PATCH /messages/:id', "edit another's", giving(message, words), {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   '403 403 403 403 403 403 403 403 404 404 404 401',
    private:  '403 404 403 404 403 403 404 403 404 404 404 401',
    dm:       '403 404 403 404 403 403 404 403 404 404 404 401',
    archived: '403 403 403 403 403 403 403 403 404 404 404 401',
    general:  '403 403 403 403 403 403 403 404 404 404 404 401',
  }),
  // Taking back is possible in an archived channel too, and from outside of a public one.
  door('DELETE /messages/:id', 'delete your own', ownMessage, {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok  ok  ok  ok  ok  ok  ok  ok 404   - 404 401',
    private:  ' ok 404  ok 404  ok  ok 404  ok 404   - 404 401',
    dm:       ' ok   -  ok   -  ok  ok   -  ok   -   - 404 401',
    archived: ' ok  ok  ok  ok  ok  ok  ok  ok 404   - 404 401',
    general:  ' ok  ok  ok  ok  ok  ok  ok 404 404   - 404 401',
  }, each),
  door('DELETE /messages/:id', "delete another's", newMessage, {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   ' ok  ok  ok  ok 403 403 403 403 404 404 404 401',
    private:  ' ok 404  ok 404 403 403 404 403 404 404 404 401',
    dm:       '403 404 403 404 403 403 404 403 404 404 404 401',
    archived: ' ok  ok  ok  ok 403 403 403 403 404 404 404 401',
    general:  ' ok  ok  ok  ok 403 403 403 404 404 404 404 401',
  }),

  // Of a deleted message nothing is left for anybody.
  door('GET /messages/:id', 'read a deleted one', deleted, gone),
  door('PATCH /messages/:id', 'edit a deleted one', giving(deleted, words), gone),
  door('DELETE /messages/:id', 'delete a deleted one', deleted, gone),
  door('GET /messages/:id/replies', 'read under a deleted one', deleted, gone),
  door('POST /messages/:id/replies', 'reply to a deleted one', giving(deleted, words), gone),
  door('POST /messages/:id/reactions', 'react to a deleted one', giving(deleted, thumb), gone),
  door('POST /messages/:id/pin', 'pin a deleted one', deleted, gone),
  door('POST /messages/:id/follow', 'follow a deleted one', deleted, gone),
]

export const pinsAndReading: readonly Door[] = [
  door('POST /messages/:id/pin', 'pin', message, pins),
  door('DELETE /messages/:id/pin', 'unpin', message, pins),
  door('GET /channels/:id/pins', 'see what is pinned', channel, seen),

  door('POST /channels/:id/read', 'have read everything', giving(channel, { body: {} }), keepsRead),
  door('POST /channels/:id/unread', 'read again from here', giving(channel, upTo), keepsRead),
  // A thread is followed by who sees it.
  door('POST /messages/:id/follow', 'follow', message, seen),
  door('POST /messages/:id/read-thread', 'have read a thread', giving(message, { body: {} }), seen),
  door('DELETE /messages/:id/follow', 'follow no more', message, seen),

  ...(['unread', 'mentions', 'threads'] as const).map((what) =>
    door(`GET /workspaces/:id/${what}`, 'list', workspace, {
      //                 own owo adi ado mak mei meo gui guo str rem ano
      'what one sees': ' ok  ok  ok  ok  ok  ok  ok  ok  ok 404 404 401',
    }),
  ),
  door('GET /workspaces/:id/search', 'search', giving(workspace, { query: 'q=needle' }), {
    'what one sees':   ' ok  ok  ok  ok  ok  ok  ok  ok  ok 404 404 401',
  }),
]
