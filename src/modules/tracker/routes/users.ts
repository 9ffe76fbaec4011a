import Type from 'typebox'
import type { Identity } from '../../../identity/index.ts'
import type { AccountRecord } from '../../../identity/account.ts'
import { notFound } from '../../../kernel/errors.ts'
import { callerOf } from '../../../kernel/action.ts'
import { readOne, readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import type { Reader } from '../../../kernel/database.ts'
import type { Tracker } from '../actions/tracker.ts'
import { checkAdmin } from '../policy.ts'
import { actorRole } from '../store.ts'
import { Id, Timestamp, timestamp, UserStatus } from '../wire.ts'
import { ById, PageOf, PageQuery } from './shapes.ts'

const Role = Type.Enum(['reporter', 'developer', 'manager', 'admin'])
const User = Type.Object({
  id: Id,
  username: Type.String(),
  email: Type.String(),
  role: Role,
  status: UserStatus,
  created_at: Timestamp,
  updated_at: Timestamp,
})
// The sizes and forms are the identity's to check: one rule for every door.
const NewUser = Type.Object({
  username: Type.String(),
  email: Type.String(),
  password: Type.String(),
  display_name: Type.Optional(Type.String()),
  role: Type.Optional(Role),
})
const Changes = Type.Object({
  email: Type.Optional(Type.String()),
  display_name: Type.Optional(Type.String()),
  role: Type.Optional(Role),
})

/** Accounts as the tracker shows them; all of it for admins. What is changed here is the identity's to change. */
export function userRoutes({ database }: Tracker, identity: Identity): readonly Route[] {
  const { actions } = identity
  return [
    route(
      'GET',
      '/users',
      { summary: 'All accounts (admin)', query: Type.Object(PageQuery), reply: PageOf(User) },
      ({ session, query }) =>
        readPage(
          database,
          async (reader) => {
            await checkReaderIsAdmin(reader, session.account.id)
            const rows = await identity.listAccounts(reader, { limit: query.limit + 1, before: query.before })
            const shown = rows.slice(0, query.limit)
            return { rows: shown, next: rows.length > query.limit ? shown.at(-1)!.id : undefined }
          },
          show,
        ),
    ),
    route(
      'POST',
      '/users',
      { summary: 'Make an account (admin)', body: NewUser, reply: User },
      async (call) => show(await actions.createAccount(callerOf(call), call.body)),
    ),
    route('GET', '/users/:id', { summary: 'One account (admin, or your own)', params: ById, reply: User }, (call) =>
      readOne(database, async (reader) => {
        if (call.params.id !== call.session.account.id) await checkReaderIsAdmin(reader, call.session.account.id)
        const account = await identity.findAccount(reader, call.params.id)
        if (!account) throw notFound('This account')
        return show(account)
      }),
    ),
    route(
      'PATCH',
      '/users/:id',
      { summary: 'Change e-mail, name or role (admin)', params: ById, body: Changes, reply: User },
      async (call) => show(await actions.updateAccount(callerOf(call), call.params.id, call.body)),
    ),
    route(
      'POST',
      '/users/:id/status',
      {
        summary: 'Activate or deactivate; a deactivated account is cut off at once (admin)',
        params: ById,
        body: Type.Object({ status: UserStatus }),
        reply: User,
        status: 200,
      },
      async (call) => show(await actions.setStatus(callerOf(call), call.params.id, call.body.status)),
    ),
  ]
}

async function checkReaderIsAdmin(reader: Reader, actor: number): Promise<void> {
  checkAdmin({ id: actor, role: (await reader.get(actorRole, { actor }))?.role ?? '' })
}

const show = (account: AccountRecord): object => ({
  id: account.id,
  username: account.username,
  email: account.email,
  role: account.role,
  status: account.status,
  created_at: timestamp(account.createdAt),
  updated_at: timestamp(account.updatedAt),
})
