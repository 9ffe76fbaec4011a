import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readOne, readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { reachMember, removeMember, setRole } from '../actions/members.ts'
import { reachWorkspace, type Parts } from '../actions/parts.ts'
import { listMembers, type MemberRecord } from '../store/members.ts'
import { exact, Id, Role, Timestamp, timestamp } from '../wire.ts'
import { ById, PageOf, PageQuery, Ref } from './shapes.ts'

const Member = Type.Object(
  { user_id: Id, username: Type.String(), display_name: Type.String(), role: Role, joined_at: Timestamp },
  exact,
)
/** `me` is short for your own id. */
const OneMember = Type.Object({ id: Ref, user_id: Ref })

export function memberRoutes(parts: Parts): readonly Route[] {
  const { database } = parts
  return [
    route(
      'GET',
      '/workspaces/:id/members',
      {
        summary: 'Members, who came last first; guests see the people of their channels',
        params: ById,
        query: Type.Object(PageQuery),
        reply: PageOf(Member),
      },
      (call) =>
        readPage(
          database,
          async (reader) =>
            listMembers(reader, await reachWorkspace(reader, callerOf(call), call.params.id), call.query),
          showMember,
        ),
    ),
    route(
      'GET',
      '/workspaces/:id/members/:user_id',
      { summary: 'One member; "me" is you', params: OneMember, reply: Member },
      (call) =>
        readOne(database, async (reader) => {
          const workspace = await reachWorkspace(reader, callerOf(call), call.params.id)
          return showMember(await reachMember(reader, workspace, call.params.user_id))
        }),
    ),
    route(
      'PATCH',
      '/workspaces/:id/members/:user_id',
      {
        summary: 'Give a role (admins below their own, owners any)',
        params: OneMember,
        body: Type.Object({ role: Role }),
        reply: Member,
      },
      async (call) => {
        const { id, user_id } = call.params
        return showMember(await setRole(parts, callerOf(call), id, user_id, call.body.role))
      },
    ),
    route(
      'DELETE',
      '/workspaces/:id/members/:user_id',
      { summary: 'Remove a member (admins those below them, owners any), or leave', params: OneMember },
      (call) => removeMember(parts, callerOf(call), call.params.id, call.params.user_id),
    ),
  ]
}

const showMember = (row: MemberRecord): object => ({
  user_id: row.uuid,
  username: row.username,
  display_name: row.display_name,
  role: row.role,
  joined_at: timestamp(row.joined_at),
})
