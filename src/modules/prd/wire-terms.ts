import Type, { type TSchema } from 'typebox'

/** What frames of specs/prd.md are made of. */

export const exact = { additionalProperties: false }
export const Nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])

export const idOf = (prefix: string) => Type.String({ pattern: `^${prefix}_[1-9]\\d*$` })
export const PrdId = idOf('prd')
export const UserId = idOf('user')

/** ISO-8601 UTC, to the second. */
export const Timestamp = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}Z$' })
export const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`
/** Wall-clock milliseconds since the epoch: what the document uses for edits and presence. */
export const Milliseconds = Type.Integer({ minimum: 0 })

/** Offset in UTF-16 units, as JavaScript counts. */
export const Offset = Type.Integer({ minimum: 0 })
/** Operations counted by replica. */
export const StateVector = Type.Array(Type.Integer({ minimum: 0 }))
export const VersionNumber = Type.String({ pattern: '^\\d+\\.\\d+\\.\\d+$' })
