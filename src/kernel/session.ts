/** An account as the rest of the server sees it: read from the database for each request, never from the token. */
export interface Account {
  readonly id: number
  readonly uuid: string
  readonly username: string
  readonly email: string
  readonly displayName: string
  readonly role: string
  readonly status: string
}

/** An authenticated party: one login of one account. */
export interface Session {
  readonly account: Account
  /** Identity of the login; the same across refreshed tokens, so that logout reaches every connection of it. */
  readonly id: string
  /** Wall-clock milliseconds at which the token that opened it ends. */
  readonly expiresAt: number
}

/** Port: turns a token into a session. */
export interface Authenticator {
  /** Checks signature, times, revocation and the account's status. @throws CommandError unauthenticated */
  authenticate(token: string): Promise<Session>
}

/** Rooms every connection of an account or of a login is in, whatever its module: the handles by which it is cut. */
export const accountRoom = (accountId: number): string => `account:${accountId}`
export const sessionRoom = (sessionId: string): string => `session:${sessionId}`
