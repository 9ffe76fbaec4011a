import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readCamelPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { deleteBroadcast, sendBroadcast } from '../actions/broadcasts.ts'
import type { Parts } from '../actions/parts.ts'
import { listBroadcasts, showBroadcast } from '../lists/broadcasts.ts'
import { payloads, Priority } from '../wire.ts'
import { PageOf, PageQuery } from './shapes.ts'

/** One that is not ours is simply not there. */
const ByUuid = Type.Object({ id: Type.String({ pattern: '^[\\w-]{1,64}$', description: 'an id' }) })
const Broadcast = payloads.system_broadcast_received

export function broadcastRoutes(parts: Parts): readonly Route[] {
  return [
    route(
      'GET',
      '/broadcasts',
      {
        summary: 'What was sent to everybody, newest first',
        query: Type.Object(PageQuery),
        reply: PageOf(Broadcast),
      },
      (call) => readCamelPage(parts.database, (reader) => listBroadcasts(reader, call.query), showBroadcast),
    ),
    route(
      'POST',
      '/broadcasts',
      {
        summary: 'Send something to everybody (chat.send_broadcasts)',
        body: Type.Object({ message: Type.String(), priority: Type.Optional(Priority) }),
        reply: Broadcast,
      },
      (call) => sendBroadcast(parts, callerOf(call), call.body),
    ),
    route(
      'DELETE',
      '/broadcasts/:id',
      {
        summary: 'Forget a broadcast: in the list, and for who comes back later (chat.send_broadcasts)',
        params: ByUuid,
      },
      (call) => deleteBroadcast(parts, callerOf(call), call.params.id),
    ),
  ]
}
