import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { blockPerson, unblockPerson } from '../actions/blocks.ts'
import { like, takeLikeBack } from '../actions/matching.ts'
import type { Parts } from '../actions/parts.ts'
import { reachActor } from '../actions/profiles.ts'
import { listBlocks } from '../lists/profiles.ts'
import { timestamp } from '../wire.ts'
import { Block, ByUser, Liked, PageOf, PageQuery } from './shapes.ts'

export function matchingRoutes(parts: Parts): readonly Route[] {
  return [
    route(
      'POST',
      '/likes',
      { summary: 'Like somebody; when both do, a conversation begins', body: ByUser, reply: Liked, status: 200 },
      (call) => like(parts, callerOf(call), call.body.user_id),
    ),
    route(
      'DELETE',
      '/likes/:user_id',
      { summary: 'Take a like back that has not made a match', params: ByUser },
      (call) => takeLikeBack(parts, callerOf(call), call.params.user_id),
    ),
    route(
      'POST',
      '/blocks',
      { summary: 'Block somebody: the conversation ends, nothing of one reaches the other', body: ByUser },
      (call) => blockPerson(parts, callerOf(call), call.body.user_id),
    ),
    route(
      'DELETE',
      '/blocks/:user_id',
      { summary: 'Take a block back; what it has ended stays ended', params: ByUser },
      (call) => unblockPerson(parts, callerOf(call), call.params.user_id),
    ),
    route(
      'GET',
      '/blocks',
      { summary: 'Whom you have blocked, the latest first', query: Type.Object(PageQuery), reply: PageOf(Block) },
      (call) =>
        readPage(
          parts.database,
          async (reader) => listBlocks(reader, (await reachActor(reader, callerOf(call))).id, call.query),
          ({ uuid, username, display_name, created_at }) => ({
            user_id: uuid,
            username,
            display_name,
            blocked_at: timestamp(created_at),
          }),
        ),
    ),
  ]
}
