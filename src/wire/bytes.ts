import Type from 'typebox'

/**
 * Bytes as a binary event carries them: a `Uint8Array`, never an array of numbers or base64.
 * @param maxLength most bytes that are taken
 */
export const Bytes = (maxLength: number) =>
  Type.Unsafe<Uint8Array>(
    Type.Refine(
      Type.Unknown({ description: `bytes, at most ${maxLength}`, '~bytes': true }),
      (value) => value instanceof Uint8Array && value.length <= maxLength,
      (value) => (value instanceof Uint8Array ? `must not be over ${maxLength} bytes` : 'must be bytes'),
    ),
  )
