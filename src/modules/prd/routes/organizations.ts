import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readCamelPage, readOne } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { addMember, changeMember, removeMember } from '../actions/members.ts'
import { changeOrganization, createOrganization, deleteOrganization, OrganizationName } from '../actions/organizations.ts'
import { reachOrganization, type Parts } from '../actions/parts.ts'
import { rowOf } from '../ids.ts'
import { listMembers, listOrganizations, showOrganization } from '../lists/organizations.ts'
import { ById, Member, OfPerson, Organization, OrganizationRole, pageBy, PageOf, pageFrom, RefTo } from './shapes.ts'

const Named = Type.Object({ name: OrganizationName })
const NewMember = Type.Object({
  userId: Type.Optional(RefTo('user')),
  username: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  role: Type.Optional(OrganizationRole),
})

export function organizationRoutes(parts: Parts): readonly Route[] {
  const { database } = parts
  return [
    route(
      'GET',
      '/organizations',
      {
        summary: 'Organizations you are a member of, newest first',
        query: Type.Object(pageBy('organization')),
        reply: PageOf(Organization),
      },
      (call) =>
        readCamelPage(
          database,
          (reader) => listOrganizations(reader, call.session.account.id, pageFrom('organization', call.query)),
          (organization) => organization,
        ),
    ),
    route(
      'POST',
      '/organizations',
      { summary: 'Make an organization; you are its admin', body: Named, reply: Organization },
      (call) => createOrganization(parts, callerOf(call), call.body.name),
    ),
    route('GET', '/organizations/:id', { summary: 'One organization', params: ById, reply: Organization }, (call) =>
      readOne(database, async (reader) =>
        showOrganization(reader, await reachOrganization(reader, callerOf(call), idOf(call))),
      ),
    ),
    route(
      'PATCH',
      '/organizations/:id',
      { summary: 'Rename an organization (its admins)', params: ById, body: Named, reply: Organization },
      (call) => changeOrganization(parts, callerOf(call), idOf(call), call.body.name),
    ),
    route(
      'DELETE',
      '/organizations/:id',
      { summary: 'Delete an organization that has no PRDs left, and its git repository (its admins)', params: ById },
      (call) => deleteOrganization(parts, callerOf(call), idOf(call)),
    ),
    route(
      'GET',
      '/organizations/:id/members',
      {
        summary: 'Members of an organization, the newest account first',
        params: ById,
        query: Type.Object(pageBy('user')),
        reply: PageOf(Member),
      },
      (call) =>
        readCamelPage(
          database,
          async (reader) => {
            const { id } = await reachOrganization(reader, callerOf(call), idOf(call))
            return listMembers(reader, id, pageFrom('user', call.query))
          },
          (member) => member,
        ),
    ),
    route(
      'POST',
      '/organizations/:id/members',
      {
        summary:
          'Make somebody a member, by userId or username (admins of the organization); role is member by default',
        params: ById,
        body: NewMember,
        reply: Member,
      },
      (call) => {
        const { userId, username, role = 'member' } = call.body
        const named = { accountId: userId === undefined ? undefined : rowOf('user', userId), username }
        return addMember(parts, callerOf(call), idOf(call), named, role)
      },
    ),
    route(
      'PATCH',
      '/organizations/:id/members/:userId',
      {
        summary: 'Give a member another role (admins of the organization)',
        params: OfPerson,
        body: Type.Object({ role: OrganizationRole }),
        reply: Member,
      },
      (call) => changeMember(parts, callerOf(call), idOf(call), rowOf('user', call.params.userId), call.body.role),
    ),
    route(
      'DELETE',
      '/organizations/:id/members/:userId',
      { summary: 'Take a member out (admins of the organization), or leave it yourself', params: OfPerson },
      (call) => removeMember(parts, callerOf(call), idOf(call), rowOf('user', call.params.userId)),
    ),
  ]
}

const idOf = ({ params }: { readonly params: { readonly id: string } }): number => rowOf('organization', params.id)
