import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { requestSync } from '../actions/jira.ts'
import { reachPrd, type Parts } from '../actions/parts.ts'
import { rowOf } from '../ids.ts'
import { readJira } from '../lists/jira.ts'
import { exact, integrations, Nullable, syncTypes, Timestamp } from '../wire.ts'
import { ById } from './shapes.ts'

const SyncTypeOf = Type.Enum([...syncTypes], {
  description: 'export: changes of the PRD go to Jira; import: those of Jira come here; bidirectional: both',
})
const Text = Type.String()

const Order = Type.Object({
  syncType: SyncTypeOf,
  projectKey: Type.Optional(
    Type.String({ pattern: '^[A-Z][A-Z0-9_]{1,19}$', description: 'like PROJ; without it, that of the settings' }),
  ),
})
const Queued = Type.Object({ status: Type.Literal('queued'), syncType: SyncTypeOf, projectKey: Text }, exact)
const { result } = integrations['jira-sync-complete'].properties

const Standing = Type.Object(
  {
    /** Null: there was none yet. */
    lastSync: Nullable(
      Type.Object(
        {
          syncType: SyncTypeOf,
          projectKey: Text,
          status: Type.Enum(['queued', 'running', 'completed']),
          askedAt: Timestamp,
          endedAt: Nullable(Timestamp),
          /** As in jira-sync-complete; null until then. */
          result: Nullable(result),
          /** Why there were errors, in words; empty without any. */
          message: Text,
        },
        exact,
      ),
    ),
    /** User stories and requirements that have an issue, also those that are not in the text any more. */
    items: Type.Array(
      Type.Object(
        { kind: Type.Enum(['story', 'requirement']), title: Text, key: Text, url: Text, syncedAt: Timestamp },
        exact,
      ),
    ),
  },
  exact,
)

/** Section 8.1. */
export function jiraRoutes(parts: Parts): readonly Route[] {
  return [
    route(
      'POST',
      '/prds/:id/integrations/jira/sync',
      {
        summary: 'Synchronize the user stories and requirements of a PRD with Jira (its editors), as a job',
        params: ById,
        body: Order,
        reply: Queued,
        status: 202,
      },
      ({ params, body, ...call }) => requestSync(parts, callerOf(call), rowOf('prd', params.id), body),
    ),
    route(
      'GET',
      '/prds/:id/integrations/jira',
      { summary: 'What a PRD has in Jira, and what its last synchronization came to', params: ById, reply: Standing },
      ({ params, ...call }) =>
        parts.database.read(async (reader) => {
          const { id } = await reachPrd(reader, callerOf(call), rowOf('prd', params.id))
          return readJira(reader, id)
        }),
    ),
  ]
}
