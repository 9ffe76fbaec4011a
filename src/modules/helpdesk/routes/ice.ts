import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { Reply, route, type Route } from '../../../kernel/route.ts'
import { reachPerson, type Parts } from '../actions/parts.ts'
import { iceConfiguration } from '../ice.ts'
import { checkMayCall } from '../people-policy.ts'
import { exact, Nullable, Timestamp } from '../wire.ts'

const urls = Type.Array(Type.String())
const IceConfiguration = Type.Object(
  {
    iceServers: Type.Array(
      Type.Union([
        Type.Object({ urls }, exact),
        Type.Object({ urls, username: Type.String(), credential: Type.String() }, exact),
      ]),
      { description: 'STUN without credentials, TURN with ones of your own; empty where the server has none set' },
    ),
    iceTransportPolicy: Type.Enum(['all', 'relay']),
    expiresAt: Nullable(Timestamp),
  },
  exact,
)

export const iceRoutes = ({ database, settings, clock }: Parts): readonly Route[] => [
  route(
    'GET',
    '/ice-servers',
    {
      summary: 'For the RTCPeerConnection of a call; good until expiresAt (call.audio or call.video)',
      reply: IceConfiguration,
    },
    async (call) => {
      const person = await database.read((reader) => reachPerson(reader, callerOf(call)))
      checkMayCall(person)
      // Somebody's credentials are nothing to keep on the way.
      return new Reply(iceConfiguration(settings, person.actor_id, clock.now()), { 'Cache-Control': 'no-store' })
    },
  ),
]
