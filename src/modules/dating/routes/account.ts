import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { eraseAccount } from '../actions/erasure.ts'
import { exportAccount } from '../actions/export.ts'
import type { Parts } from '../actions/parts.ts'

const Confirmation = Type.Object({
  username: Type.String({ maxLength: 200, description: 'your own user name, typed again: there is no way back' }),
})

/** What a person can do with everything at once. */
export function accountRoutes(parts: Parts): readonly Route[] {
  return [
    route(
      'GET',
      '/export',
      { summary: 'Everything the dating service keeps of you, as one JSON file; five times a day', download: true },
      (call) => exportAccount(parts, callerOf(call)),
    ),
    route(
      'DELETE',
      '/account',
      { summary: 'Erase all your dating data, your conversations among it; your login stays', body: Confirmation },
      (call) => eraseAccount(parts, callerOf(call), call.body.username),
    ),
  ]
}
