const MAX_BYTES = 200

/** What no name of a branch may have; git check-ref-format, and everything that is not seen. */
const rules: readonly (readonly [pattern: RegExp, fault: string])[] = [
  [/^$/, 'must not be empty'],
  [/[\p{Cc}\p{Cf}\p{Cs}\p{Z}]/u, 'must not have spaces, control characters or invisible ones'],
  [/[~^:?*[\\]/, 'must not have any of ~ ^ : ? * [ \\'],
  [/^refs\//i, 'must be the name of a branch alone, without refs/heads/ before it'],
  [/^-/, 'must not begin with a dash'],
  [/^\/|\/$|\/\//, 'must not begin or end with a slash, or have two in a row'],
  [/\.\.|@\{/, 'must not have two dots in a row or @{'],
  [/(^|\/)\./, 'must not have a part that begins with a dot'],
  [/\.$/, 'must not end with a dot'],
  [/\.lock($|\/)/i, 'must not have a part that ends with .lock'],
  [/^(@|HEAD)$/i, 'must not be @ or HEAD'],
]

/**
 * Whether this may be the name of a branch, as people write it: without `refs/heads/`.
 *
 * @returns what is wrong with it and would be right; undefined when it may
 */
export function branchFault(name: string): string | undefined {
  if (Buffer.byteLength(name) > MAX_BYTES) return `must have at most ${MAX_BYTES} bytes`
  return rules.find(([pattern]) => pattern.test(name))?.[1]
}

/** @throws Error when the name was not checked before */
export function refOf(branch: string): string {
  const fault = branchFault(branch)
  if (fault !== undefined) throw new Error(`The name of a branch ${fault}`)
  return `refs/heads/${branch}`
}
