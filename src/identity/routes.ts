import { Type } from 'typebox'
import { CommandError } from '../kernel/errors.ts'
import { plainCodes, Reply, route, type Api, type Call } from '../kernel/route.ts'
import { showUser, toRecord } from './account.ts'
import type { Core } from './core.ts'
import { endAll, endLogin, endSession, listLogins } from './logins.ts'
import { changePassword, logIn, refresh, register, type Origin } from './passwords.ts'
import { findById } from './store/accounts.ts'
import { ById, Credentials, Login, PasswordChange, Refresh, Registration, Tokens, User } from './wire.ts'

const MINUTE_MS = 60_000

/** The doors of identity. What they do is in passwords.ts and logins.ts. */
export function identityApi(core: Core): Api {
  const { database, unitOfWork, settings } = core
  return {
    prefix: '/api/auth',
    tag: 'identity',
    writes: { limit: settings.writesPerMinute, perMs: MINUTE_MS },
    codes: plainCodes,
    routes: [
      route(
        'POST',
        '/register',
        { summary: 'Make an account; the first one is admin', auth: 'open', body: Registration, reply: Tokens },
        async (call) => unstored(await register(core, call.body, originOf(call))),
      ),
      route(
        'POST',
        '/login',
        { summary: 'Log in with username or e-mail', auth: 'open', body: Credentials, reply: Tokens, status: 200 },
        async (call) => unstored(await logIn(core, call.body, originOf(call))),
      ),
      route(
        'POST',
        '/refresh',
        { summary: 'Trade a refresh token for new tokens', auth: 'open', body: Refresh, reply: Tokens, status: 200 },
        async ({ body }) => unstored(await refresh(core, body.refresh_token)),
      ),
      route('POST', '/logout', { summary: 'End this login; its connections are cut' }, ({ session }) =>
        unitOfWork.run((unit) => endSession(unit, session, 'You have logged out')),
      ),
      route('POST', '/logout-all', { summary: 'End every login of this account' }, ({ session }) =>
        unitOfWork.run((unit) => endAll(unit, session.account.id, 'You have logged out everywhere')),
      ),
      route(
        'POST',
        '/password',
        { summary: 'Change the password; ends all other logins', body: PasswordChange },
        (call) => changePassword(core, call.session, call.body, originOf(call)),
      ),
      route('GET', '/me', { summary: 'Your account', reply: User }, async ({ session }) => {
        const row = await database.read((reader) => reader.get(findById, { id: session.account.id }))
        if (!row) throw new CommandError('not_found', 'This account is gone')
        return showUser(toRecord(row))
      }),
      route(
        'GET',
        '/logins',
        { summary: 'Your live logins, the latest used first', reply: Type.Array(Login) },
        ({ session }) => database.read((reader) => listLogins(reader, session, core.clock.now())),
      ),
      route('DELETE', '/logins/:id', { summary: 'End one of your logins', params: ById }, ({ session, params }) =>
        unitOfWork.run((unit) => endLogin(unit, session.account.id, params.id)),
      ),
    ],
  }
}

/** Tokens must not stay in any cache on the way (RFC 6749, 5.1). */
const unstored = (tokens: Tokens): Reply => new Reply(tokens, { 'Cache-Control': 'no-store' })

const originOf = ({ address, raw }: Pick<Call<never, never, never>, 'address' | 'raw'>): Origin => ({
  address,
  agent: raw.request.headers['user-agent'] ?? '',
})
