import { Type, type Static } from 'typebox'
import { roles, statuses } from './account.ts'

/**
 * Bodies of the REST interface. The bounds here only keep nonsense out; what a field must be like is said by
 * fields.ts, in words a person can act on.
 */
const Text = (description: string) => Type.String({ maxLength: 1_000, description })

export const Registration = Type.Object({
  username: Text('2 to 32 letters, digits, "_", "." or "-"; unique whatever its case'),
  email: Text('An e-mail address; unique'),
  password: Text('8 to 200 characters'),
  display_name: Type.Optional(Text('Up to 80 characters; the username when absent')),
})
export type Registration = Static<typeof Registration>

export const Credentials = Type.Object({
  username: Text('The username or the e-mail address'),
  password: Text('The password'),
})
export type Credentials = Static<typeof Credentials>

export const Refresh = Type.Object({ refresh_token: Text('The newest refresh token of this login') })

export const PasswordChange = Type.Object({
  current_password: Text('The password until now'),
  new_password: Text('8 to 200 characters'),
})
export type PasswordChange = Static<typeof PasswordChange>

const exact = { additionalProperties: false }
const Id = Type.Integer({ minimum: 1, maximum: 2_147_483_647 })
const Time = Type.String({ description: 'ISO-8601, UTC' })

export const User = Type.Object(
  {
    id: Id,
    uuid: Type.String(),
    username: Type.String(),
    email: Type.String(),
    display_name: Type.String(),
    role: Type.Enum([...roles]),
    status: Type.Enum([...statuses]),
    created_at: Time,
  },
  exact,
)
export type User = Static<typeof User>

export const Tokens = Type.Object(
  {
    user: User,
    access_token: Type.String(),
    refresh_token: Type.String({ description: 'Good for one use; the answer brings the next' }),
    expires_in: Type.Integer({ description: 'Seconds until the access token ends' }),
  },
  exact,
)
export type Tokens = Static<typeof Tokens>

export const Login = Type.Object(
  {
    id: Id,
    created_at: Time,
    used_at: Time,
    expires_at: Time,
    user_agent: Type.String(),
    current: Type.Boolean({ description: 'Whether this request came with a token of it' }),
  },
  exact,
)
export type Login = Static<typeof Login>

export const ById = Type.Object({ id: Id })
