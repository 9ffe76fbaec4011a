import type { AnnouncedType } from '../wire.ts'

/** What is posted: Mattermost's Markdown, in which nothing that people wrote has a meaning, and nobody is called. */

/** What is told of a PRD, in the words of those who did it. */
export interface Announcement {
  readonly type: AnnouncedType
  readonly title: string
  /** Where the PRD can be read; without it only its title is told. */
  readonly link?: string | undefined
  /** Who approved or rejected it, made the version, or wrote the comment. */
  readonly actor: string
  /** Of a version. */
  readonly version?: string | undefined
  /** The answer of who rejected it, the changelog, or the comment. */
  readonly text?: string | undefined
  /** Who is mentioned in the comment. */
  readonly mentioned?: readonly string[] | undefined
}

/** Characters of a text that are quoted: who wants more follows the link. */
const QUOTED = 300
/** Of those mentioned, how many are named. */
const NAMED = 5

/** Far shorter than the 16 383 characters that Mattermost takes. */
export function messageOf(announcement: Announcement): string {
  const quoted = plain(announcement.text ?? '', QUOTED)
  const headline = headlineOf(announcement)
  return quoted === '' ? headline : `${headline}\n> ${quoted}`
}

function headlineOf({ type, title, link, actor, version, mentioned = [] }: Announcement): string {
  const name = plain(title, QUOTED)
  const prd = link === undefined ? `**${name}**` : `**[${name}](${link})**`
  const who = plain(actor)
  switch (type) {
    case 'prd_approved':
      return `:white_check_mark: ${prd} has been approved by ${who}`
    case 'prd_rejected':
      return `:x: ${prd} has been rejected by ${who}`
    case 'version_created':
      return `:bookmark: ${who} made version ${plain(version ?? '')} of ${prd}`
    case 'comment_mention':
      return `:speech_balloon: ${who} mentioned ${listed(mentioned)} in a comment on ${prd}`
  }
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'somebody'
  const shown = names.slice(0, NAMED).map((name) => plain(name))
  const others = names.length - shown.length
  const all = others === 0 ? shown : [...shown, others === 1 ? 'one other' : `${others} others`]
  return all.length === 1 ? all[0]! : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`
}

const CALL = '@\u200b'

/**
 * One line of text as it is. Mattermost reads mentions after it has taken Markdown's escapes and character references
 * away, so a character that is not seen stands behind every `@`, and `&` cannot begin a reference.
 */
export function plain(text: string, most = 100): string {
  const line = text.replaceAll(/[\s\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim()
  const characters = [...line]
  const short = characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : line
  return short
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/[\\`*_[\]!~|#>]/g, String.raw`\$&`)
    .replaceAll('@', CALL)
}
