import { statements } from '../../kernel/statement.ts'
import type { Role, Status } from '../account.ts'
import type { IdentityTables } from '../tables.ts'

const sql = statements<IdentityTables>()

/** Everything of an account but its secrets and keys. */
export const accountColumns = [
  'a.id',
  'a.uuid',
  'a.username',
  'a.email',
  'a.display_name',
  'a.role',
  'a.status',
  'a.created_at',
  'a.updated_at',
] as const

export const findById = sql<{ id: number }>()((db, p) =>
  db.selectFrom('accounts as a').select(accountColumns).where('a.id', '=', p.id),
)

/** By name or address: no username has the '@' that every address has. With what is needed to check a password. */
export const findForLogin = sql<{ key: string }>()((db, p) =>
  db
    .selectFrom('accounts as a')
    .select(accountColumns)
    .select(['a.username_key', 'a.password_hash'])
    .where((e) => e.or([e('a.username_key', '=', p.key), e('a.email_key', '=', p.key)])),
)

export const findSecret = sql<{ id: number }>()((db, p) =>
  db.selectFrom('accounts').select(['username_key', 'password_hash', 'status']).where('id', '=', p.id),
)

export const listById = sql<{ before: number; limit: number }>()((db, p) =>
  db
    .selectFrom('accounts as a')
    .select(accountColumns)
    .where('a.id', '<', p.before)
    .orderBy('a.id', 'desc')
    .limit(p.limit),
)

export const countAll = sql<object>()((db) =>
  db.selectFrom('accounts').select((e) => e.fn.countAll<number | string>().as('count')),
)

export const findAny = sql<object>()((db) => db.selectFrom('accounts').select('id').limit(1))

export const ownerOfName = sql<{ key: string }>()((db, p) =>
  db.selectFrom('accounts').select('id').where('username_key', '=', p.key),
)

export const ownerOfEmail = sql<{ key: string }>()((db, p) =>
  db.selectFrom('accounts').select('id').where('email_key', '=', p.key),
)

export const otherActiveAdmin = sql<{ id: number }>()((db, p) =>
  db
    .selectFrom('accounts')
    .select('id')
    .where('role', '=', 'admin')
    .where('status', '=', 'active')
    .where('id', '!=', p.id)
    .limit(1),
)

export interface NewAccountRow {
  uuid: string
  username: string
  username_key: string
  email: string
  email_key: string
  display_name: string
  password_hash: string | null
  role: Role
  at: number
}

export const insertAccount = sql<NewAccountRow>()((db, p) =>
  db
    .insertInto('accounts')
    .values({
      uuid: p.uuid,
      username: p.username,
      username_key: p.username_key,
      email: p.email,
      email_key: p.email_key,
      display_name: p.display_name,
      password_hash: p.password_hash,
      role: p.role,
      status: 'active',
      created_at: p.at,
      updated_at: p.at,
    })
    .returning('id'),
)

interface Profile {
  id: number
  email: string
  email_key: string
  display_name: string
  role: Role
  at: number
}

export const updateProfile = sql<Profile>()((db, p) =>
  db
    .updateTable('accounts')
    .set({
      email: p.email,
      email_key: p.email_key,
      display_name: p.display_name,
      role: p.role,
      updated_at: p.at,
    })
    .where('id', '=', p.id),
)

export const updateStatus = sql<{ id: number; status: Status; at: number }>()((db, p) =>
  db.updateTable('accounts').set({ status: p.status, updated_at: p.at }).where('id', '=', p.id),
)

/** Changes no row when the password was changed since `old` was read. */
export const replaceHash = sql<{ id: number; old: string; fresh: string }>()((db, p) =>
  db
    .updateTable('accounts')
    .set({ password_hash: p.fresh })
    .where('id', '=', p.id)
    .where('password_hash', '=', p.old),
)
