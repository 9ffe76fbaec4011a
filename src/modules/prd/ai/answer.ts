import { followUpTypes, type FollowUpType } from '../wire-integrations.ts'

/** What the model offers to do next. */
export interface FollowUp {
  readonly type: FollowUpType
  readonly description: string
}

/** The line behind which the model puts its suggestions: in Markdown it is a comment, so that nobody would see one that
 * stands where it is not looked for. */
export const SUGGESTIONS_MARK = '<!-- suggestions -->'
export const MOST_SUGGESTIONS = 5

const BARE_MARK = bare(SUGGESTIONS_MARK)
/** Of the mark with white space in and before it, so that a line of blanks is not kept back for ever. */
const LONGEST_MARK = 80
/** Of the blank lines before it, which are weighed again with each delta. */
const LONGEST_BLANK = 1_000
/** Of all that stands behind the mark; more is no list of five. */
const LONGEST_BLOCK = 16_000
const LONGEST_DESCRIPTION = 500

/**
 * Takes an answer apart as it arrives: text for people, and the suggestions behind it, which never pass as text,
 * however the stream is cut. Without such a block the text is the answer, unit for unit, but for what is no text at all: halves
 * of surrogate pairs and NUL become U+FFFD.
 */
export class AnswerReader {
  /** What has come of the current line and may still become the mark, with the white space before it. */
  private held = ''
  private half = ''
  private isAtLineStart = true
  /** What stands behind the mark; undefined before it. */
  private block: string | undefined

  /** @returns what of the answer can be told by now; may be empty */
  read(delta: string): string {
    const whole = this.half + delta
    const isHalf = /[\ud800-\udbff]$/.test(whole)
    this.half = isHalf ? whole.slice(-1) : ''
    return this.take(clean(isHalf ? whole.slice(0, -1) : whole))
  }

  /** @returns what was kept back, and the suggestions: those that are well-formed, five at most */
  end(): { readonly text: string; readonly suggestions: readonly FollowUp[] } {
    const rest = this.take(clean(this.half))
    const kept = this.block === undefined ? this.held : ''
    this.held = ''
    this.half = ''
    return { text: rest + kept, suggestions: suggestionsOf(this.block ?? '') }
  }

  private take(text: string): string {
    if (this.block !== undefined) {
      this.block = (this.block + text).slice(0, LONGEST_BLOCK + 1)
      return ''
    }
    let told = ''
    let rest = text
    while (rest !== '') {
      if (this.isAtLineStart) {
        // Line by line from here: whether it is the mark shows within its first units.
        const { kept, passed, left } = this.weigh(rest)
        if (this.block !== undefined) return told
        told += passed
        this.held = kept
        rest = left
      } else {
        const { passed, left } = this.pass(rest)
        told += passed
        rest = left
      }
    }
    return told
  }

  /** What remains of a line that is not the mark. */
  private pass(rest: string): { passed: string; left: string } {
    const at = rest.indexOf('\n')
    if (at < 0) return { passed: rest, left: '' }
    this.isAtLineStart = true
    return { passed: rest.slice(0, at), left: rest.slice(at) }
  }

  /** The beginning of a line, with the line breaks and blanks before it. */
  private weigh(rest: string): { kept: string; passed: string; left: string } {
    const all = this.held + rest
    const blank = /^\s*/.exec(all)![0]
    const line = all.slice(blank.lastIndexOf('\n') + 1)
    const start = bare(line.slice(0, LONGEST_MARK))
    if (start.startsWith(BARE_MARK)) {
      this.block = behindMark(line).slice(0, LONGEST_BLOCK + 1)
      return { kept: '', passed: '', left: '' }
    }
    const isOpen = line.length < LONGEST_MARK && !line.trimStart().includes('\n') && BARE_MARK.startsWith(start)
    if (isOpen && blank.length < LONGEST_BLANK) return { kept: all, passed: '', left: '' }
    this.isAtLineStart = false
    return { kept: '', passed: blank, left: all.slice(blank.length) }
  }
}

function bare(line: string): string {
  return line.replace(/[ \t]+/g, '').toLowerCase()
}

const behindMark = (line: string): string => line.slice(line.indexOf('>') + 1)

const clean = (text: string): string => text.toWellFormed().replaceAll('\0', '\ufffd')

function suggestionsOf(block: string): readonly FollowUp[] {
  // Models like to put JSON into a fence.
  const from = block.indexOf('[')
  const to = block.lastIndexOf(']')
  if (block.length > LONGEST_BLOCK || from < 0 || to < from) return []
  try {
    const list: unknown = JSON.parse(block.slice(from, to + 1))
    return Array.isArray(list) ? list.flatMap(suggestionOf).slice(0, MOST_SUGGESTIONS) : []
  } catch {
    return []
  }
}

function suggestionOf(item: unknown): readonly FollowUp[] {
  if (typeof item !== 'object' || item === null) return []
  const { type, description } = item as { readonly type?: unknown; readonly description?: unknown }
  const known = followUpTypes.find((each) => each === type)
  const words = typeof description === 'string' ? clean(description).trim() : ''
  if (known === undefined || words === '' || words.length > LONGEST_DESCRIPTION) return []
  return [{ type: known, description: words }]
}
