import Type from 'typebox'

/** No NUL: PostgreSQL stores none, and the two databases must take the same. */
export const Text = (minLength: number, maxLength: number) =>
  Type.String({ minLength, maxLength, pattern: '^[^\\u0000]*$', description: 'text without NUL characters' })

/** One line, with something to see in it. */
export const Line = (maxLength: number) =>
  Type.String({
    minLength: 1,
    maxLength,
    // Linear: faults are described with every keyword, so a pattern meets text far over `maxLength`.
    pattern: '^(?!\\s*$)[^\\p{Cc}]*$',
    description: 'one line of text, not blank, without control characters',
  })
