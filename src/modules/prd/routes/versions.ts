import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readCamelPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { compareVersions, CURRENT, readVersion } from '../actions/comparing.ts'
import { reachPrd, type Parts } from '../actions/parts.ts'
import { restoreVersion } from '../actions/restoring.ts'
import { createVersion } from '../actions/versions.ts'
import { AnyId, IdOf, rowOf } from '../ids.ts'
import { listVersions } from '../lists/versions.ts'
import { exact, Nullable, StateVector, Timestamp, VersionNumber, versionTypes } from '../wire.ts'
import { ById, pageBy, pageFrom, PageOf, Person } from './shapes.ts'

const CommitHash = Type.String({ pattern: '^[0-9a-f]{40}$' })
const VersionName = Type.Union([VersionNumber, Type.Literal(CURRENT)])

const Version = Type.Object(
  {
    id: IdOf('version'),
    version: VersionNumber,
    changelog: Type.String(),
    /** Null: 1.0.0, the text the PRD began with. */
    commitHash: Nullable(CommitHash),
    createdBy: Person,
    createdAt: Timestamp,
  },
  exact,
)
/** Of the text as it is now everything is null but its name, `current`, and its text. */
const VersionWithContent = Type.Object(
  {
    id: Nullable(IdOf('version')),
    version: VersionName,
    changelog: Type.String(),
    commitHash: Nullable(CommitHash),
    createdBy: Nullable(Person),
    createdAt: Nullable(Timestamp),
    content: Type.String(),
  },
  exact,
)
const NewVersion = Type.Object({
  changelog: Type.String({ minLength: 1, description: 'What has changed; its first line is the subject of the commit' }),
  versionType: Type.Enum([...versionTypes]),
})
const Difference = Type.Object(
  {
    from: VersionName,
    to: VersionName,
    diff: Type.String({ description: 'Unified, as git apply takes it; empty where both are equal' }),
    /** Lines. */
    added: Type.Integer({ minimum: 0 }),
    removed: Type.Integer({ minimum: 0 }),
  },
  exact,
)
const Restored = Type.Object({ version: VersionNumber, changed: Type.Boolean(), stateVector: StateVector }, exact)

const OfPrd = Type.Object({ id: AnyId, version: AnyId })
const Ref = Type.String({ minLength: 1, maxLength: 64, description: 'a version, like 1.2.0 or ver_3, or current' })
const Compared = Type.Object({ from: Ref, to: Type.Optional(Ref) })

/** Section 5.1, and what a history is for. */
export function versionRoutes(parts: Parts): readonly Route[] {
  return [
    route(
      'GET',
      '/prds/:id/versions',
      {
        summary: 'Versions of a PRD, newest first, without their texts',
        params: ById,
        query: Type.Object(pageBy('version')),
        reply: PageOf(Version),
      },
      ({ params, query, ...call }) =>
        readCamelPage(
          parts.database,
          async (reader) => {
            const { id } = await reachPrd(reader, callerOf(call), rowOf('prd', params.id))
            return listVersions(reader, id, pageFrom('version', query))
          },
          (version) => version,
        ),
    ),
    route(
      'POST',
      '/prds/:id/versions',
      { summary: 'Make a version of the text as it is now (who may edit)', params: ById, body: NewVersion, reply: Version },
      async ({ params, body, ...call }) =>
        (await createVersion(parts, callerOf(call), rowOf('prd', params.id), body)).version,
    ),
    route(
      'GET',
      '/prds/:id/versions/:version',
      {
        summary: 'One version with its text; version: 1.2.0, ver_3, or current',
        params: OfPrd,
        reply: VersionWithContent,
      },
      ({ params, ...call }) => readVersion(parts, callerOf(call), rowOf('prd', params.id), params.version),
    ),
    route(
      'POST',
      '/prds/:id/versions/:version/restore',
      {
        summary: 'Make the text what it was in a version, by an edit (who may edit)',
        params: OfPrd,
        reply: Restored,
        status: 200,
      },
      ({ params, ...call }) => restoreVersion(parts, callerOf(call), rowOf('prd', params.id), params.version),
    ),
    route(
      'GET',
      '/prds/:id/diff',
      {
        summary: 'What changed between two versions; to: current when not given',
        params: ById,
        query: Compared,
        reply: Difference,
      },
      ({ params, query: { from, to = CURRENT }, ...call }) =>
        compareVersions(parts, callerOf(call), rowOf('prd', params.id), { from, to }),
    ),
  ]
}
