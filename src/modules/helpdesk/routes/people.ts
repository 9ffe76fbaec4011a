import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { notFound } from '../../../kernel/errors.ts'
import { Text } from '../../../kernel/fields.ts'
import { camelPageOf, pageQuery, readCamelPage, readOne } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { reachPerson, type Parts } from '../actions/parts.ts'
import { setRights } from '../actions/people.ts'
import { setStatus } from '../actions/status.ts'
import { listPeople, type ListedPerson } from '../lists/people.ts'
import type { Status } from '../live.ts'
import { checkKnowsPeople, checkSeesPermissions, grantsOf } from '../people-policy.ts'
import { checkMay, permissionsOf, roleOf, type Person } from '../policy.ts'
import { accessPerson, type PersonAccess } from '../store/access.ts'
import { exact, Id, Nullable, Permission, permissions, PresenceStatus, Role } from '../wire.ts'

/** Code points of a search. */
const Q = 100

const StatusBody = Type.Object({
  status: Type.Optional(PresenceStatus),
  statusMessage: Type.Optional(Nullable(Type.String())),
  customStatus: Type.Optional(Nullable(Type.String())),
})
const StatusFields = {
  status: PresenceStatus,
  statusMessage: Nullable(Type.String()),
  customStatus: Nullable(Type.String()),
}
const StatusReply = Type.Object(StatusFields, exact)

const Permissions = Type.Array(Permission, { uniqueItems: true, maxItems: permissions.length })
const RightsFields = {
  userId: Id,
  role: Role,
  permissions: Type.Array(Permission, { description: 'All they have now, by role and grants' }),
  granted: Type.Array(Permission, { description: 'On top of the role' }),
  denied: Type.Array(Permission, { description: 'Of the role' }),
}
const RightsReply = Type.Object(RightsFields, exact)
const RightsBody = Type.Object({
  role: Type.Optional(Role),
  granted: Type.Optional(Permissions),
  denied: Type.Optional(Permissions),
})
const Me = Type.Object({ ...RightsFields, displayName: Type.String(), ...StatusFields }, exact)
const ById = Type.Object({ id: Id })
const ListItem = Type.Object(
  { id: Id, displayName: Type.String(), username: Type.String(), role: Role, ...StatusFields },
  exact,
)

export function peopleRoutes(parts: Parts): readonly Route[] {
  const { database, live } = parts
  const show = ({ id, username, display_name: displayName, ...row }: ListedPerson): object => ({
    id,
    displayName,
    username,
    role: roleOf(row),
    // As others see them; what they last said of it stays readable while they are away.
    status: live.statusOf(id).status,
    statusMessage: row.status_message,
    customStatus: row.custom_status,
  })
  const ownStatus = (person: PersonAccess): Status => ({
    status: live.isThere(person.actor_id) ? live.statusOf(person.actor_id).status : (person.status ?? 'online'),
    statusMessage: person.status_message,
    customStatus: person.custom_status,
  })
  return [
    route(
      'GET',
      '/me',
      { summary: 'Your role, your permissions, and the status you have set', reply: Me },
      (call) =>
        readOne(database, async (reader) => {
          const person = await reachPerson(reader, callerOf(call))
          return { ...showRights(person), displayName: person.actor_name, ...ownStatus(person) }
        }),
    ),
    route(
      'GET',
      '/status',
      { summary: 'The status you have set; others see offline while you are not connected', reply: StatusReply },
      (call) =>
        readOne(database, async (reader) => {
          const person = await reachPerson(reader, callerOf(call))
          checkMay(person, 'chat.access')
          return ownStatus(person)
        }),
    ),
    route(
      'PUT',
      '/status',
      {
        summary: 'Set your status; what is not named stays, null clears it',
        body: StatusBody,
        reply: StatusReply,
      },
      (call) => setStatus(parts, callerOf(call), call.body),
    ),
    route(
      'GET',
      '/users',
      {
        summary: 'People, who came last first (agents and admins)',
        query: Type.Object({ ...pageQuery(Id), q: Type.Optional(Text(0, Q)) }),
        reply: camelPageOf(ListItem, Id),
      },
      (call) =>
        readCamelPage(
          database,
          async (reader) => {
            checkKnowsPeople(await reachPerson(reader, callerOf(call)))
            return listPeople(reader, call.query)
          },
          show,
        ),
    ),
    route(
      'GET',
      '/users/:id/permissions',
      { summary: 'What a person may do (yourself, or anybody for admins)', params: ById, reply: RightsReply },
      (call) =>
        readOne(database, async (reader) => {
          checkSeesPermissions(await reachPerson(reader, callerOf(call)), call.params.id)
          const person = await reader.get(accessPerson, { actor: call.params.id })
          if (!person) throw notFound('This account')
          return showRights(person)
        }),
    ),
    route(
      'PUT',
      '/users/:id/permissions',
      {
        summary: 'Say what a person may do (admin): role, and lists that take the place of those there are',
        params: ById,
        body: RightsBody,
        reply: RightsReply,
      },
      async (call) => showRights(await setRights(parts, callerOf(call), call.params.id, call.body)),
    ),
  ]
}

const showRights = (person: Person): object => {
  const held = permissionsOf(person)
  return {
    userId: person.actor_id,
    role: roleOf(person),
    permissions: permissions.filter((permission) => held.has(permission)),
    ...grantsOf(person),
  }
}
