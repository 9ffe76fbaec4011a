/** One setting: where it comes from, what it is without being set, and why. docs/operating.md is made from these. */
export interface Field<T> {
  readonly env: string
  readonly fallback: T
  readonly reason: string
  readonly parse: (text: string) => T
}

export const text = (env: string, fallback: string, reason: string): Field<string> => ({
  env,
  fallback,
  reason,
  parse: (value) => value,
})

export const list = (env: string, fallback: readonly string[], reason: string): Field<readonly string[]> => ({
  env,
  fallback,
  reason,
  parse: (value) => value.split(',').map((part) => part.trim()).filter((part) => part !== ''),
})

/** One or more of a few words; without being set, all of them. Read in their own order, each once. */
export const choices = <C extends string>(env: string, words: readonly C[], reason: string): Field<readonly C[]> => ({
  env,
  fallback: words,
  reason,
  parse(value) {
    const given = value.split(',').map((part) => part.trim()).filter((part) => part !== '')
    const unknown = given.filter((word) => !(words as readonly string[]).includes(word))
    if (unknown.length > 0) throw new Error(`${env} names ${unknown.join(', ')}; it may name ${words.join(', ')}`)
    if (given.length === 0) throw new Error(`${env} must name at least one of ${words.join(', ')}`)
    return words.filter((word) => given.includes(word))
  },
})

export const flag = (env: string, fallback: boolean, reason: string): Field<boolean> => ({
  env,
  fallback,
  reason,
  parse: (value) => value === 'true' || value === '1',
})

export const whole = (env: string, fallback: number, reason: string, min = 0): Field<number> => ({
  env,
  fallback,
  reason,
  parse(value) {
    const number = Number(value)
    if (!Number.isSafeInteger(number) || number < min) throw new Error(`${env} must be a whole number from ${min} up`)
    return number
  },
})

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const DAY = 24 * 60 * MINUTE
