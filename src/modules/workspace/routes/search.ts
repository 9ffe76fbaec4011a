import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { Text } from '../../../kernel/fields.ts'
import { readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { reachWorkspace, type Parts } from '../actions/parts.ts'
import { searchMessages } from '../lists/search.ts'
import { ById, Message, PageOf, PageQuery, Ref } from './shapes.ts'

export function searchRoutes({ database }: Parts): readonly Route[] {
  return [
    route(
      'GET',
      '/workspaces/:id/search',
      {
        summary: 'Messages with every word of q, each as the beginning of a word, in the channels you see',
        params: ById,
        query: Type.Object({
          ...PageQuery,
          q: Text(1, 500),
          channel_id: Type.Optional(Ref),
          user_id: Type.Optional(Ref),
        }),
        reply: PageOf(Message),
      },
      (call) =>
        readPage(
          database,
          async (reader) => {
            const workspace = await reachWorkspace(reader, callerOf(call), call.params.id)
            return searchMessages(reader, workspace, call.query)
          },
          (message) => message,
        ),
    ),
  ]
}
