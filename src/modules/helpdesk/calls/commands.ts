import type { Connection } from '../../../kernel/connection.ts'
import type { Command } from '../../../kernel/face.ts'
import type { Decode } from '../../../kernel/schema.ts'
import type { Session } from '../../../kernel/session.ts'
import { acknowledge } from '../failures.ts'
import type { HelpdeskSettings } from '../settings.ts'
import type { Calls } from './calls.ts'
import { refuseInvalid } from './inviting.ts'
import { readAcceptance, readCandidate, readInvitation, readNamedCall } from './shapes.ts'

/** The document's five events of calls. */
export function callCommands(
  calls: Calls,
  { offerCharacters }: Pick<HelpdeskSettings, 'offerCharacters'>,
): readonly (readonly [string, Command])[] {
  return [
    [
      'call:invite',
      {
        // Read where its tab can be told that it need not wait.
        decode: (data) => data,
        run: async ({ connection, session }, data) => {
          const invitation = orTell(() => readInvitation(data, offerCharacters), () => refuseInvalid(connection))
          return acknowledge(await calls.invite(connection, session, invitation))
        },
      },
    ],
    [
      'call:accept',
      taking((data) => readAcceptance(data, offerCharacters), (tab, session, it) => calls.accept(tab, session, it)),
    ],
    ['call:reject', taking(readNamedCall, (tab, session, it) => calls.reject(tab, session, it))],
    ['call:end', taking(readNamedCall, (tab, session, it) => calls.end(tab, session, it))],
    ['call:ice_candidate', taking(readCandidate, (tab, session, it) => calls.candidate(tab, session, it))],
  ]
}

const taking = <T>(
  decode: Decode<T>,
  run: (tab: Connection, session: Session, taken: T) => Promise<object>,
): Command => ({
  decode,
  run: async ({ connection, session }, taken) => acknowledge(await run(connection, session, taken as T)),
})

function orTell<T>(read: () => T, tell: () => void): T {
  try {
    return read()
  } catch (error) {
    tell()
    throw error
  }
}
