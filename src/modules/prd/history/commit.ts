/** One new version of one file. */
export interface NewCommit {
  /** The commit before, as the database knows it; null for the first of the organisation. */
  readonly parent: string | null
  /** `name` from `fileOf`; every other file stays as it is in `parent`. */
  readonly file: { readonly name: string; readonly content: string }
  /** Any text: what git cannot hold is left out. */
  readonly message: string
  /** Any text: what git cannot hold is left out. */
  readonly author: { readonly name: string; readonly email: string }
  /** Epoch milliseconds; git keeps whole seconds. */
  readonly at: number
}

/** Bounds of what stands in one line of every commit; far above what people are called. RFC 5321 bounds an address. */
const NAME_CHARACTERS = 200
const EMAIL_CHARACTERS = 254

const FILE = /^prd_[1-9]\d{0,15}\.md$/
const HASH = /^[\da-f]{40}$/

/** The file a PRD is kept in. No path is ever formed from a client's text. */
export const fileOf = (prdId: number): string => checkedFile(`prd_${prdId}.md`)

export function checkedFile(name: string): string {
  if (!FILE.test(name)) throw new Error('A file of the history is named by the id of its PRD')
  return name
}

export function checkedHash(hash: string): string {
  if (!HASH.test(hash)) throw new Error('A commit is named by 40 hexadecimal digits')
  return hash
}

/** A line of git's ends at a newline, a name at `<`, an address at `>`, and all of it at NUL. */
export function identity(author: NewCommit['author'], at: number): {
  readonly name: string
  readonly email: string
  readonly timestamp: number
  readonly timezoneOffset: number
} {
  if (!Number.isSafeInteger(at) || at < 0) throw new Error('The time of a commit is in whole milliseconds since 1970')
  const name = cut(author.name.toWellFormed().replaceAll(/[\p{Cc}\p{Zl}\p{Zp}<>\s]+/gu, ' ').trim(), NAME_CHARACTERS)
  const email = cut(author.email.toWellFormed().replaceAll(/[\p{Cc}\p{Zl}\p{Zp}<>\s]+/gu, ''), EMAIL_CHARACTERS)
  return {
    name: name.trim() || 'unknown',
    email: email || 'unknown@users.invalid',
    timestamp: Math.floor(at / 1000),
    timezoneOffset: 0,
  }
}

/** Git's own form: no control characters, no blank line twice, none at the ends. */
export function messageOf(text: string, fallback: string): string {
  const clean = text
    .toWellFormed()
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/[^\P{Cc}\n\t]+/gu, '')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim()
  return clean || fallback
}

/** By code points, so that no pair is halved. */
function cut(text: string, characters: number): string {
  // Spreading the whole of a long text would cost more than it keeps.
  return [...text.slice(0, characters * 2)].slice(0, characters).join('').toWellFormed()
}
