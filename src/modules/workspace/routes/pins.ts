import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { pageOf, readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { reachChannel, type Parts } from '../actions/parts.ts'
import { pinMessage, unpinMessage } from '../actions/pins.ts'
import { listPins } from '../lists/pins.ts'
import { exact, Id, Timestamp } from '../wire.ts'
import { ById, Message, PageQuery } from './shapes.ts'

const pinned = { pinned_by: Id, pinned_at: Timestamp }
const Pin = Type.Object({ message_id: Id, channel_id: Id, ...pinned }, exact)
const PinnedMessage = Type.Object({ message: Message, ...pinned }, exact)

export function pinRoutes(parts: Parts): readonly Route[] {
  const { database } = parts
  return [
    route(
      'POST',
      '/messages/:id/pin',
      { summary: 'Pin a message to its channel (those in it but guests)', params: ById, reply: Pin, status: 200 },
      (call) => pinMessage(parts, callerOf(call), call.params.id),
    ),
    route(
      'DELETE',
      '/messages/:id/pin',
      { summary: 'Take a pin off, whoever put it there (those in the channel but guests)', params: ById },
      (call) => unpinMessage(parts, callerOf(call), call.params.id),
    ),
    route(
      'GET',
      '/channels/:id/pins',
      {
        summary: 'What is pinned, the last pinned first; `before` is `next_before` of the page before',
        params: ById,
        query: Type.Object(PageQuery),
        reply: pageOf(PinnedMessage, Type.String()),
      },
      (call) =>
        readPage(
          database,
          async (reader) => {
            const channel = await reachChannel(reader, callerOf(call), call.params.id)
            return listPins(reader, channel.id, call.query)
          },
          (pin) => pin,
        ),
    ),
  ]
}
