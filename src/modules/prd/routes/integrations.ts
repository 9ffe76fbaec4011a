import Type, { type TObject, type TSchema } from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { ListPosition, readAt } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { deleteIntegration, putIntegration, testIntegration, type NewIntegration } from '../actions/integrations.ts'
import { reachOrganization, type Parts } from '../actions/parts.ts'
import { integrationKinds, kinds, labels, type IntegrationKind } from '../integrations/kinds.ts'
import { rowOf } from '../ids.ts'
import { listIntegrations } from '../lists/integrations.ts'
import { checkAdministers } from '../policy.ts'
import { healths } from '../tables-integrations.ts'
import { exact, Nullable, Timestamp } from '../wire.ts'
import { ById, Person } from './shapes.ts'

/** A schema of what comes in as one of what goes out: nothing more than it says. */
function exactly(schema: TSchema): TSchema {
  const { properties, items } = schema as { readonly properties?: Record<string, TSchema>; readonly items?: TSchema }
  if (properties) {
    const inner = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, exactly(one)]))
    return { ...schema, properties: inner, ...exact }
  }
  return items ? { ...schema, items: exactly(items) } : schema
}

/** As its admins see it: which secrets are set, and none of them. */
const integration = (kind: IntegrationKind): TSchema => {
  const { settings, secrets } = kinds[kind]
  const isSet = Object.fromEntries(Object.keys(secrets.properties).map((name) => [name, Type.Boolean()]))
  return Type.Object(
    {
      kind: Type.Literal(kind),
      settings: exactly(settings),
      secrets: Type.Object(isSet, exact),
      status: Type.Enum([...healths], { description: 'what is known of it since its settings were last changed' }),
      statusMessage: Nullable(Type.String()),
      statusAt: Timestamp,
      updatedBy: Person,
      updatedAt: Timestamp,
    },
    exact,
  )
}

/** Settings and secrets side by side; what was set before need not be given again. */
function bodyOf(kind: IntegrationKind): TObject {
  const { settings, secrets } = kinds[kind]
  const optional = Object.entries<TSchema>(secrets.properties).map(([name, one]) => [name, Type.Optional(one)] as const)
  return Type.Object({ ...settings.properties, ...Object.fromEntries(optional) })
}

const Integrations = Type.Object(
  { items: Type.Array(Type.Union(integrationKinds.map(integration))), position: ListPosition },
  exact,
)
const Tested = Type.Object(
  { ok: Type.Boolean(), message: Type.String({ description: 'what was found, or what is wrong' }) },
  exact,
)

export function integrationRoutes(parts: Parts): readonly Route[] {
  return [
    route(
      'GET',
      '/organizations/:id/integrations',
      {
        summary: 'What the organization is connected with, the last changed first (its admins)',
        params: ById,
        reply: Integrations,
      },
      async (call) => {
        const { found, position } = await readAt(parts.database, async (reader) => {
          const organization = await reachOrganization(reader, callerOf(call), idOf(call))
          checkAdministers(organization)
          return listIntegrations(reader, parts.secret, organization.id)
        })
        return { items: found, position }
      },
    ),
    ...integrationKinds.flatMap((kind) => routesOf(parts, kind)),
  ]
}

function routesOf(parts: Parts, kind: IntegrationKind): readonly Route[] {
  const path = `/organizations/:id/integrations/${kind}`
  const label = labels[kind]
  return [
    route(
      'PUT',
      path,
      {
        summary:
          `Connect the organization with ${label}, or change how (its admins); secrets that are left out stay as they` +
          ' are while the address does',
        params: ById,
        body: bodyOf(kind),
        reply: integration(kind),
      },
      (call) => putIntegration(parts, callerOf(call), idOf(call), kind, call.body as NewIntegration),
    ),
    route(
      'DELETE',
      path,
      { summary: `Disconnect the organization from ${label} (its admins)`, params: ById },
      (call) => deleteIntegration(parts, callerOf(call), idOf(call), kind),
    ),
    route(
      'POST',
      `${path}/test`,
      {
        summary: `Try the connection with ${label} (admins of the organization)`,
        params: ById,
        reply: Tested,
        status: 200,
      },
      (call) => testIntegration(parts, callerOf(call), idOf(call), kind),
    ),
  ]
}

const idOf = ({ params }: { readonly params: { readonly id: string } }): number => rowOf('organization', params.id)
