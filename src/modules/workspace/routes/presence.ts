import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { setAway } from '../actions/presence.ts'
import { reachWorkspace, type Parts } from '../actions/parts.ts'
import { acquaintances } from '../store/access.ts'
import { exact, Id, PresenceStatus } from '../wire.ts'
import { ById } from './shapes.ts'

const Presence = Type.Object({ user_id: Id, status: PresenceStatus }, exact)

export function presenceRoutes(parts: Parts): readonly Route[] {
  const { database, live } = parts
  return [
    route(
      'GET',
      '/workspaces/:id/presence',
      {
        summary: 'Everybody of the workspace who is not offline; guests see the people of their channels',
        params: ById,
        reply: Type.Object({ items: Type.Array(Presence) }, exact),
      },
      async (call) => {
        const caller = callerOf(call)
        const { uuid, knows } = await database.read(async (reader) => {
          const access = await reachWorkspace(reader, caller, call.params.id)
          if (access.role !== 'guest') return { uuid: access.uuid, knows: undefined }
          const rows = await reader.all(acquaintances, { workspace: access.id, user: access.actor_id })
          return { uuid: access.uuid, knows: new Set([access.actor_id, ...rows.map((row) => row.user_id)]) }
        })
        const seen = [...live.roster.present(uuid)].filter(({ accountId }) => knows?.has(accountId) ?? true)
        return { items: seen.map(({ userId, status }) => ({ user_id: userId, status })) }
      },
    ),
    route(
      'PUT',
      '/workspaces/:id/presence',
      {
        summary: 'Say that you are away, or with "online" that what you do shall tell',
        params: ById,
        body: Type.Object({ status: Type.Enum(['online', 'away']) }),
        reply: Presence,
      },
      (call) => setAway(parts, callerOf(call), call.params.id, call.body.status === 'away'),
    ),
  ]
}
