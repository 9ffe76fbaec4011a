import {
  aFile, channel, door, file, giving, workspace, type Cast, type Column, type Door, type Kind, type Target,
} from './testing.ts'
import { seen } from './channels.ts'
import { takesPart } from './messages.ts'

/** Files: of who has uploaded them until they are sent; from then on of who sees the message. */

const each = { each: true }
const own = async (at: Cast, _: string, who: Column): Promise<Target> => ({
  id: who === 'rem' || who === 'ano' ? at.left.upload : await at.upload(at.user(who)),
})
const another = async (at: Cast): Promise<Target> => ({ id: await at.upload(at.friend) })
const sent = async (at: Cast, key: string, who: Column): Promise<Target> => {
  if (!at.isIn('public', who)) return { id: at.files.public }
  const { id } = await own(at, key, who)
  await at.user(who).post(`/api/channels/${at.channels.public}/messages`, { content: '', attachment_ids: [id] })
  return { id: id! }
}
const elsewhere = async (at: Cast, _: string, who: Column): Promise<Target> => ({
  id: await at.upload(at.user(who), await at.spare(who)),
})
const attachedToDeleted = async (at: Cast): Promise<Target> => {
  const id = await at.upload(at.friend)
  const path = `/api/channels/${at.channels.public}/messages`
  const { body } = await at.friend.post(path, { content: '', attachment_ids: [id] })
  await at.friend.delete(`/api/messages/${body.id}`)
  return { id }
}
const attach = (thing: (at: Cast, key: string, who: Column) => Promise<Target>) =>
  giving(channel, async (at: Cast, key: Kind, who) => ({ body: { attachment_ids: [(await thing(at, key, who)).id!] } }))

export const files: readonly Door[] = [
  door('POST /workspaces/:id/attachments', 'upload', (at: Cast) => ({ ...workspace(at), body: aFile() }), {
    //                       own owo adi ado mak mei meo gui guo str rem ano
    'a file':              ' ok  ok  ok  ok  ok  ok  ok  ok  ok 404 404 401',
  }),
  door('GET /attachments/:id', 'download', file, seen),
  door('GET /attachments/:id', 'download', own, {
    'your own, not sent':  ' ok  ok  ok  ok  ok  ok  ok  ok  ok   - 404 401',
  }, each),
  door('GET /attachments/:id', 'download', another, {
    "another's, not sent": '404 404 404 404 404 404 404 404 404 404 404 401',
  }),
  door('GET /attachments/:id', 'download', attachedToDeleted, {
    'with its message':    '404 404 404 404 404 404 404 404 404 404 404 401',
  }),
  door('DELETE /attachments/:id', 'delete', own, {
    //                       own owo adi ado mak mei meo gui guo str rem ano
    'your own, not sent':  ' ok  ok  ok  ok  ok  ok  ok  ok  ok   - 404 401',
  }, each),
  door('DELETE /attachments/:id', 'delete', another, {
    "another's, not sent": '404 404 404 404 404 404 404 404 404 404 404 401',
  }),
  door('DELETE /attachments/:id', 'delete', sent, {
    'sent, your own if you are in it': '404 404 404 404 404 404 404 404 404 404 404 401',
  }, each),
  door('POST /channels/:id/messages', 'send your own file', attach(own), {
    public: takesPart.public.replace('404 404 404 401', '404   - 404 401'),
    private: takesPart.private.replace('404 404 404 401', '404   - 404 401'),
  }, each),
  door('POST /channels/:id/messages', 'send your own file of another workspace', attach(elsewhere), {
    public:   '400 403 400 403 400 400 403 400 404   -   -   -',
  }, { each: true, late: true }),
  door('POST /channels/:id/messages', "send another's file", attach(another), {
    //         own owo adi ado mak mei meo gui guo str rem ano
    public:   '400 403 400 403 400 400 403 400 404 404 404 401',
    private:  '400 404 400 404 400 400 404 400 404 404 404 401',
  }, { late: true }),
]
