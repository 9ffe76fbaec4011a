import { invalid } from '../kernel/errors.ts'

/** Ours, for accounts of an outside provider that names no address; nobody can own an address under .invalid. */
export const PLACEHOLDER_DOMAIN = 'users.invalid'

const USERNAME = /^[A-Za-z0-9_.-]{2,32}$/
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
const EMAIL = new RegExp(`^[A-Za-z0-9.!#$%&'*+/=?^_\`{|}~-]{1,64}@${LABEL}(?:\\.${LABEL})+$`)
/**
 * What can make one name look like another or turn the text around it: control and format characters (bidirectional
 * marks, zero-width characters, tags), line separators, private use, and the letters that are drawn as nothing.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u034f\u115f\u1160\u2800\u3164\uffa0]/u

/** Length in code points: what people count, up to composed characters. */
const lengthOf = (text: string): number => Array.from(text).length

/** Each says what a value must be like, or nothing when it is. */
const rules = {
  username: (value: string) => (USERNAME.test(value) ? undefined : 'must be 2 to 32 letters, digits, "_", "." or "-"'),
  email(value: string) {
    if (value.length > 254 || !EMAIL.test(value)) return 'must be an e-mail address of up to 254 characters'
    return keyOf(value).endsWith(`@${PLACEHOLDER_DOMAIN}`) ? `must not be under ${PLACEHOLDER_DOMAIN}` : undefined
  },
  password: passwordRule,
  new_password: passwordRule,
  display_name(value: string) {
    if (UNSEEN.test(value)) return 'must not have control, direction or invisible characters'
    const length = lengthOf(value.trim())
    return length >= 1 && length <= 80 ? undefined : 'must be 1 to 80 characters'
  },
}

function passwordRule(value: string): string | undefined {
  const length = lengthOf(value)
  return length >= 8 && length <= 200 && value.isWellFormed() ? undefined : 'must be 8 to 200 characters'
}

type Fields = { readonly [K in keyof typeof rules]?: string | undefined }

/** Checks every field that is given. @throws CommandError invalid, naming each bad one */
export function checkFields(fields: Fields): void {
  const faults: Record<string, string> = {}
  for (const name of Object.keys(rules) as (keyof typeof rules)[]) {
    const value = fields[name]
    const fault = value === undefined ? undefined : rules[name](value)
    if (fault !== undefined) faults[name] = fault
  }
  if (Object.keys(faults).length > 0) throw invalid(faults)
}

/** Whether a value of somebody else's making would pass as this field. */
export const passes = (name: keyof typeof rules, value: unknown): value is string =>
  typeof value === 'string' && rules[name](value) === undefined

/** What makes two usernames or addresses the same: compatibility forms and case do not count. */
export const keyOf = (text: string): string => text.normalize('NFKC').toLowerCase()

export const cleanDisplayName = (text: string): string => text.trim().normalize('NFC')
