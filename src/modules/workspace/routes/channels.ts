import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { invalid } from '../../../kernel/errors.ts'
import { Text } from '../../../kernel/fields.ts'
import { readOne, readPage } from '../../../kernel/page.ts'
import { Reply, route, type Route } from '../../../kernel/route.ts'
import { addToChannel, removeFromChannel } from '../actions/channel-members.ts'
import { createChannel, deleteChannel, editChannel, NAME, setArchived } from '../actions/channels.ts'
import { openDirect } from '../actions/direct.ts'
import { reachChannel, reachWorkspace, type Parts } from '../actions/parts.ts'
import { listChannels, listMembers, readChannel } from '../lists/channels.ts'
import { ChannelType, exact, Id, Nullable, Role, Timestamp } from '../wire.ts'
import { ById, PageOf, PageQuery, Ref } from './shapes.ts'

const properties = {
  id: Id,
  workspace_id: Id,
  name: Type.String(),
  type: ChannelType,
  description: Type.String(),
  created_by: Id,
  created_at: Timestamp,
  updated_at: Timestamp,
  archived_at: Nullable(Timestamp),
  /** The one everybody but guests is in. */
  is_general: Type.Boolean(),
  /** Whether the one who asks is in it. */
  joined: Type.Boolean(),
  /** Only of direct messages: who is in it. */
  members: Type.Optional(Type.Array(Id)),
}
const Channel = Type.Object(properties, exact)
const ChannelNow = Type.Object({ ...properties, member_count: Type.Integer({ minimum: 0 }) }, exact)
const Member = Type.Object(
  { user_id: Id, username: Type.String(), display_name: Type.String(), role: Role, joined_at: Timestamp },
  exact,
)

const name = Type.String({ minLength: 1, maxLength: NAME })
const description = Text(0, 1_000)
/** Public to private and back; a direct message is neither. */
const NamedType = Type.Enum(['public', 'private'])
const Filter = Type.Object({
  ...PageQuery,
  type: Type.Optional(ChannelType),
  archived: Type.Boolean({ default: false }),
  joined: Type.Optional(Type.Boolean()),
  /** Part of the name; case does not count. */
  q: Type.Optional(Text(0, NAME)),
})
const NewChannel = Type.Object({
  type: Type.Optional(ChannelType),
  name: Type.Optional(name),
  description: Type.Optional(description),
  user_ids: Type.Optional(Type.Array(Ref, { maxItems: 100 })),
})
const OneMember = Type.Object({ id: Ref, user_id: Ref })

export function channelRoutes(parts: Parts): readonly Route[] {
  const { database } = parts
  return [
    route(
      'GET',
      '/workspaces/:id/channels',
      {
        summary: 'Channels you see: those you are in, and the public ones unless you are a guest; newest first',
        params: ById,
        query: Filter,
        reply: PageOf(ChannelNow),
      },
      (call) =>
        readPage(
          database,
          async (reader) =>
            listChannels(reader, await reachWorkspace(reader, callerOf(call), call.params.id), call.query),
          (channel) => channel,
        ),
    ),
    route(
      'POST',
      '/workspaces/:id/channels',
      {
        summary:
          'Make a channel (members), or open the direct message of some people: 200 when it was there. `name` is ' +
          'needed for all but a direct message, `user_ids` for a direct message',
        params: ById,
        body: NewChannel,
        reply: Channel,
      },
      async (call) => {
        const { type = 'public', name, description = '', user_ids: userIds } = call.body
        if (type === 'dm') {
          if (userIds === undefined) throw invalid({ user_ids: 'is required; [] is where you keep notes' })
          const { channel, made } = await openDirect(parts, callerOf(call), call.params.id, userIds)
          return new Reply(channel, {}, made ? 201 : 200)
        }
        if (name === undefined) throw invalid({ name: 'is required' })
        const input = { type, name, description, userIds: userIds ?? [] }
        return createChannel(parts, callerOf(call), call.params.id, input)
      },
    ),
    route(
      'GET',
      '/channels/:id',
      { summary: 'One channel', params: ById, reply: ChannelNow },
      (call) =>
        readOne(database, async (reader) =>
          readChannel(reader, await reachChannel(reader, callerOf(call), call.params.id)),
        ),
    ),
    route(
      'PATCH',
      '/channels/:id',
      {
        summary: 'Change name, description, or type between public and private (who made it, and admins who see it)',
        params: ById,
        body: Type.Object({
          name: Type.Optional(name),
          description: Type.Optional(description),
          type: Type.Optional(NamedType),
        }),
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
      { summary: 'Delete a channel and everything in it (who made it, and admins who see it)', params: ById },
      (call) => deleteChannel(parts, callerOf(call), call.params.id),
    ),
    route(
      'POST',
      '/channels/:id/archive',
      {
        summary: 'Make a channel read-only (who made it, and admins who see it)',
        params: ById,
        reply: Channel,
        status: 200,
      },
      (call) => setArchived(parts, callerOf(call), call.params.id, true),
    ),
    route(
      'POST',
      '/channels/:id/unarchive',
      {
        summary: 'Take a channel out of the archive (who made it, and admins who see it)',
        params: ById,
        reply: Channel,
        status: 200,
      },
      (call) => setArchived(parts, callerOf(call), call.params.id, false),
    ),
    route(
      'GET',
      '/channels/:id/members',
      {
        summary: 'Who is in a channel, the newest account first; `before` is the last user_id of the page before',
        params: ById,
        query: Type.Object(PageQuery),
        reply: PageOf(Member),
      },
      (call) =>
        readPage(
          database,
          async (reader) => listMembers(reader, await reachChannel(reader, callerOf(call), call.params.id), call.query),
          (member) => member,
        ),
    ),
    route(
      'POST',
      '/channels/:id/members',
      {
        summary: 'Join a public channel, or with user_id bring somebody into one you are in (members)',
        params: ById,
        body: Type.Object({ user_id: Type.Optional(Ref) }),
        reply: Channel,
        status: 200,
      },
      (call) => addToChannel(parts, callerOf(call), call.params.id, call.body.user_id),
    ),
    route(
      'DELETE',
      '/channels/:id/members/:user_id',
      {
        summary: 'Leave a channel (`me`), or take somebody out of it (who made it, and admins; admins only by owners)',
        params: OneMember,
      },
      (call) => removeFromChannel(parts, callerOf(call), call.params.id, call.params.user_id),
    ),
  ]
}
