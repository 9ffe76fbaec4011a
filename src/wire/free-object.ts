import Type from 'typebox'

/** An object whose members are the client's: bounded by whoever takes it. */
export const FreeObject = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  additionalProperties: true,
  description: 'any object',
})
