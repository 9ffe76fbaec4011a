import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { readConflicts, resolveConflict } from '../actions/conflicts.ts'
import type { Parts } from '../actions/parts.ts'
import { AnyId, IdOf, rowOf } from '../ids.ts'
import { conflictStatuses } from '../lists/conflicts.ts'
import { exact, Nullable, Offset, resolutions, StateVector, Timestamp } from '../wire.ts'
import { ById, pageBy, pageFrom, PageOf, Person } from './shapes.ts'

const Status = Type.Enum([...conflictStatuses])
const Resolution = Type.Enum([...resolutions])

/** Where edits of two people met (section 5.3). */
const Conflict = Type.Object(
  {
    id: IdOf('conflict'),
    prdId: IdOf('prd'),
    status: Status,
    /** Of the first of the two changes, in the text as it is now, UTF-16 units; null once it is resolved. */
    position: Nullable(Offset),
    /** Of both, one's own first. Empty content: a deletion. As they stand now, or stood when it was resolved. */
    changes: Type.Array(Type.Object({ author: Person, content: Type.String(), isYours: Type.Boolean() }, exact), {
      minItems: 2,
      maxItems: 2,
    }),
    detectedAt: Timestamp,
    /** yours, theirs: of who resolved it. closed: one of the changes was deleted. null: it is open. */
    resolution: Nullable(Type.Enum([...resolutions, 'closed'])),
    resolvedBy: Nullable(Person),
    resolvedAt: Nullable(Timestamp),
  },
  exact,
)
const Resolved = Type.Object({ conflictId: IdOf('conflict'), resolution: Resolution, stateVector: StateVector }, exact)
const OfPrd = Type.Object({ id: AnyId, conflictId: AnyId })
const Outcome = Type.Object({
  resolution: Resolution,
  mergedContent: Type.Optional(
    Nullable(Type.String({ description: 'For merge: what takes the place of both changes; may be empty' })),
  ),
})

export function conflictRoutes(parts: Parts): readonly Route[] {
  return [
    route(
      'GET',
      '/prds/:id/conflicts',
      {
        summary: 'Edits of two people that met in one place, newest first; open, resolved, or both',
        params: ById,
        query: Type.Object({ ...pageBy('conflict'), status: Type.Optional(Status) }),
        reply: PageOf(Conflict),
      },
      ({ params, query: { status, ...query }, ...call }) =>
        readConflicts(parts, callerOf(call), rowOf('prd', params.id), { ...pageFrom('conflict', query), status }),
    ),
    route(
      'POST',
      '/prds/:id/conflicts/:conflictId/resolve',
      {
        summary: 'Resolve a conflict: its two authors; with merge also who manages the PRD',
        params: OfPrd,
        body: Outcome,
        reply: Resolved,
        status: 200,
      },
      ({ params, body, ...call }) =>
        resolveConflict(parts, callerOf(call), rowOf('prd', params.id), rowOf('conflict', params.conflictId), body),
    ),
  ]
}
