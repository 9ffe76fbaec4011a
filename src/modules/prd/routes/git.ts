import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { requestPush } from '../actions/pushing.ts'
import type { Parts } from '../actions/parts.ts'
import { rowOf } from '../ids.ts'
import { exact } from '../wire.ts'
import { ById } from './shapes.ts'

const Queued = Type.Object({ status: Type.Literal('queued') }, exact)

export function gitRoutes(parts: Parts): readonly Route[] {
  return [
    route(
      'POST',
      '/organizations/:id/integrations/git/push',
      {
        summary: 'Push the versions of an organization to its Git server now (its admins)',
        params: ById,
        reply: Queued,
        status: 202,
      },
      (call) => requestPush(parts, callerOf(call), rowOf('organization', call.params.id)),
    ),
  ]
}
