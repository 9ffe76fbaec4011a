import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readOne } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { reachOrganization, type Parts } from '../actions/parts.ts'
import { rowOf } from '../ids.ts'
import type { SettingsOf } from '../integrations/kinds.ts'
import { findIntegration } from '../store/integrations.ts'
import { exact, linkStatuses, Nullable } from '../wire.ts'
import { ById } from './shapes.ts'

const Link = Type.Object(
  {
    status: Type.Enum([...linkStatuses]),
    serverUrl: Nullable(Type.String({ description: 'null: the organization has no Mattermost server' })),
    error: Nullable(Type.String()),
  },
  exact,
)

export function mattermostRoutes(parts: Parts): readonly Route[] {
  return [
    route(
      'GET',
      '/organizations/:id/integrations/mattermost/status',
      { summary: 'How the link to its Mattermost server stands (members)', params: ById, reply: Link },
      (call) =>
        readOne(parts.database, async (reader) => {
          const organization = rowOf('organization', call.params.id)
          await reachOrganization(reader, callerOf(call), organization)
          const row = await reader.get(findIntegration, { organization, kind: 'mattermost' })
          if (!row) return { status: 'disconnected' as const, serverUrl: null, error: null }
          const { url: serverUrl } = JSON.parse(row.settings) as SettingsOf<'mattermost'>
          const { status, error } = parts.links.status(organization) ?? { status: 'disconnected' as const, error: null }
          return { status, serverUrl, error }
        }),
    ),
  ]
}
