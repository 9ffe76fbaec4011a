import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { invalid } from '../../../kernel/errors.ts'
import { readCamelPage, readOne } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import {
  ChannelName,
  createChannel,
  deleteChannel,
  Description,
  editChannel,
  toldChanges,
  Topic,
} from '../actions/channels.ts'
import { addMember, removeMember } from '../actions/members.ts'
import { reachChannel, reachPerson, type Parts } from '../actions/parts.ts'
import { listChannels, showChannel } from '../lists/channels.ts'
import { listMembers } from '../lists/members.ts'
import { checkMay } from '../policy.ts'
import { ById, Channel, Member, PageOf, PageQuery, Ref, Visibility } from './shapes.ts'

const NewChannel = Type.Object({
  name: ChannelName,
  description: Type.Optional(Description),
  topic: Type.Optional(Topic),
  visibility: Type.Optional(Visibility),
  memberIds: Type.Optional(Type.Array(Ref, { maxItems: 200 })),
})
const OneMember = Type.Object({ id: Ref, userId: Ref })

export function channelRoutes(parts: Parts): readonly Route[] {
  const { database } = parts
  return [
    route(
      'GET',
      '/channels',
      {
        summary: 'Channels you see, newest first; archived=true: those in the archive instead',
        query: Type.Object({ ...PageQuery, archived: Type.Boolean({ default: false }) }),
        reply: PageOf(Channel),
      },
      (call) =>
        readCamelPage(
          database,
          async (reader) => {
            const person = await reachPerson(reader, callerOf(call))
            checkMay(person, 'chat.access')
            return listChannels(reader, person, call.query)
          },
          (channel) => channel,
        ),
    ),
    route(
      'POST',
      '/channels',
      {
        summary: 'Make a channel (chat.create_channels); you and memberIds are its members',
        body: NewChannel,
        reply: Channel,
      },
      (call) => {
        const { name, description = '', topic = '', visibility = 'public', memberIds = [] } = call.body
        return createChannel(parts, callerOf(call), { name, description, topic, visibility, memberIds })
      },
    ),
    route('GET', '/channels/:id', { summary: 'One channel', params: ById, reply: Channel }, (call) =>
      readOne(database, async (reader) =>
        showChannel(reader, await reachChannel(reader, callerOf(call), call.params.id)),
      ),
    ),
    route(
      'PATCH',
      '/channels/:id',
      {
        summary: 'Change a channel, put it into the archive or take it out (chat.manage_channels)',
        params: ById,
        body: Type.Object({ ...toldChanges, visibility: Type.Optional(Visibility) }),
        reply: Channel,
      },
      (call) => {
        if (Object.keys(call.body).length === 0) throw invalid({ body: 'must have at least one field to change' })
        return editChannel(parts, callerOf(call), call.params.id, call.body)
      },
    ),
    route(
      'DELETE',
      '/channels/:id',
      { summary: 'Delete a channel and everything in it (chat.manage_channels)', params: ById },
      (call) => deleteChannel(parts, callerOf(call), call.params.id),
    ),
    route(
      'GET',
      '/channels/:id/members',
      {
        summary: 'Members of a channel, the newest account first; `before` is the last userId of the page before',
        params: ById,
        query: Type.Object(PageQuery),
        reply: PageOf(Member),
      },
      (call) =>
        readCamelPage(
          database,
          async (reader) => {
            const { id } = await reachChannel(reader, callerOf(call), call.params.id)
            return listMembers(reader, id, call.query)
          },
          (member) => member,
        ),
    ),
    route(
      'POST',
      '/channels/:id/members',
      {
        summary: 'Make somebody a member (chat.manage_channels), or yourself; who is one stays one',
        params: ById,
        body: Type.Object({ userId: Ref }),
        reply: Member,
        status: 200,
      },
      (call) => addMember(parts, callerOf(call), call.params.id, call.body.userId),
    ),
    route(
      'DELETE',
      '/channels/:id/members/:userId',
      {
        summary: 'Take a member out (chat.manage_channels), or yourself; their tabs leave the channel at once',
        params: OneMember,
      },
      (call) => removeMember(parts, callerOf(call), call.params.id, call.params.userId),
    ),
  ]
}
