import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { reachPrd, type Parts } from '../actions/parts.ts'
import { rowOf } from '../ids.ts'
import { ActiveUser, exact, Milliseconds, Nullable, Offset } from '../wire.ts'
import { ById } from './shapes.ts'

const Present = Type.Object(
  {
    ...ActiveUser.properties,
    cursorPosition: Nullable(Offset),
    selection: Nullable(Type.Object({ start: Offset, end: Offset }, exact)),
    /** When they last sent a presence; null: not yet. */
    timestamp: Nullable(Milliseconds),
  },
  exact,
)

export function presenceRoutes(parts: Parts): readonly Route[] {
  const { database, live } = parts
  return [
    route(
      'GET',
      '/prds/:id/presence',
      {
        summary: 'Who has joined it now, and where they are in the text',
        params: ById,
        reply: Type.Object({ items: Type.Array(Present) }, exact),
      },
      async (call) => {
        const id = rowOf('prd', call.params.id)
        await database.read((reader) => reachPrd(reader, callerOf(call), id))
        return { items: live.present(id) }
      },
    ),
  ]
}
