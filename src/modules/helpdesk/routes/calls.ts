import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readCamelPage, readOne } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { reachPerson, type Parts } from '../actions/parts.ts'
import { checkSeesCall, checkSeesCallsOf } from '../calls/policy.ts'
import { listCalls, showCall } from '../lists/calls.ts'
import { checkMay } from '../policy.ts'
import { findCall } from '../store/calls.ts'
import { callStates } from '../tables.ts'
import { CallType, exact, Id, Nullable, TextId, Timestamp } from '../wire.ts'
import { PageOf, PageQuery, Ref } from './shapes.ts'

/** One that is not ours is simply not there. */
const ByUuid = Type.Object({ id: Type.String({ pattern: '^[\\w-]{1,64}$', description: 'an id' }) })

const Call = Type.Object(
  {
    id: TextId,
    callerId: Id,
    callerName: Type.String(),
    calleeId: Id,
    calleeName: Type.String(),
    callType: CallType,
    state: Type.Enum([...callStates]),
    /** Why it came to its end, in a word; null while it rings or runs. */
    reason: Nullable(Type.String()),
    startedAt: Timestamp,
    answeredAt: Nullable(Timestamp),
    endedAt: Nullable(Timestamp),
    /** From the answer to the end; null before, and where there was no answer. */
    durationSeconds: Nullable(Type.Integer({ minimum: 0 })),
  },
  exact,
)

export function callRoutes({ database }: Parts): readonly Route[] {
  return [
    route(
      'GET',
      '/calls',
      {
        summary: 'Your calls, newest first (call.view_history); an admin may name whose',
        query: Type.Object({ ...PageQuery, userId: Type.Optional(Ref) }),
        reply: PageOf(Call),
      },
      (call) =>
        readCamelPage(
          database,
          async (reader) => {
            const person = await reachPerson(reader, callerOf(call))
            checkMay(person, 'call.view_history')
            const { userId = person.actor_id, ...page } = call.query
            checkSeesCallsOf(person, userId)
            return listCalls(reader, userId, page)
          },
          showCall,
        ),
    ),
    route(
      'GET',
      '/calls/:id',
      { summary: 'One call, for its parties and for admins', params: ByUuid, reply: Call },
      (call) =>
        readOne(database, async (reader) => {
          const person = await reachPerson(reader, callerOf(call))
          return showCall(checkSeesCall(person, await reader.get(findCall, { uuid: call.params.id })))
        }),
    ),
  ]
}
