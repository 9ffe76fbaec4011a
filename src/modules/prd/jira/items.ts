import { sectionsOf, type Section } from '../ai/sections.ts'
import { oneLine, plainOf } from './inline.ts'
import { cellsOf, isDelimiterRow } from './markdown.ts'

export type ItemKind = 'story' | 'requirement'
/** How it is written: a list item, a heading with what is under it, a paragraph, or a row of a table. */
export type ItemForm = 'list' | 'heading' | 'paragraph' | 'row'

/** What both sides have of an item. */
export interface Content {
  /** Plain text on one line. */
  readonly title: string
  /** Markdown; '' when there is none. */
  readonly description: string
}

/** A user story or requirement of a PRD. Offsets are UTF-16 units of the text. */
export interface Item extends Content {
  readonly kind: ItemKind
  readonly form: ItemForm
  /** Its first character that is not blank: a list item's marker. */
  readonly start: number
  /** Its title as it is written. */
  readonly titleStart: number
  readonly titleEnd: number
  /** Where its description begins, with the line breaks before it. */
  readonly below: number
  /** Behind its last character. */
  readonly end: number
  /** Columns that its further lines are indented by, more than 0 in lists only. */
  readonly indent: number
}

/** A user story, in words: "As a … I want …". */
const WISH = "i(?:['’]d)? (?:want|need|can|would|should|must|like|expect|am able)"
const STORY = new RegExp(`^(?:[^\\s:]{1,20}[:.)–—-]\\s+)?as (?:an?|the)\\b.{1,300}?\\b${WISH}\\b`, 'i')
const STORY_SECTION = /\b(?:user )?stor(?:y|ies)\b/i
const REQUIREMENT_SECTION = /\brequirements?\b/i
/** Headings that are items of such a section themselves. */
const STORY_HEADING = /^(?:(?:user )?story\b.*\d|us[-\s]?\d)/i
const REQUIREMENT_HEADING = /^(?:n?fr|req(?:uirement)?|r)[-\s]?\d/i
const CRITERIA = /^\W*(?:acceptance|criteria|given\b|definition of done)/i
const MARKER = /^( {0,3})([-*+]|\d{1,9}[.)])( {1,4})(?=\S)(\[[ xX]\] +)?/
const FENCE = /^ {0,3}(`{3,}|~{3,})/
const TITLE_COLUMN = /^(?:requirement|title|name|description|summary|(?:user )?story)s?$/i

interface Line {
  readonly text: string
  readonly start: number
  /** Behind its last character. */
  readonly end: number
}

/**
 * The user stories and requirements of a text. A story is what says "As a … I want …", anywhere; or an entry of a list
 * or table in a section of user stories. A requirement is an entry of a list or table in a section of requirements.
 * What is indented below an entry, and acceptance criteria behind it, are its description.
 * @param known places of items of before, by their start: an entry there is one, whatever it says
 * @param most no more than these
 */
export function itemsOf(
  text: string,
  known: ReadonlyMap<number, ItemKind> = new Map(),
  most = Infinity,
): readonly Item[] {
  return new Finder(text, known).find().slice(0, most)
}

class Finder {
  private readonly text: string
  private readonly known: ReadonlyMap<number, ItemKind>
  private readonly items: Item[] = []

  constructor(text: string, known: ReadonlyMap<number, ItemKind>) {
    this.text = text
    this.known = known
  }

  find(): readonly Item[] {
    const sections = sectionsOf(this.text)
    this.body(0, sections[0]?.start ?? this.text.length, undefined)
    let taken = 0
    const above: Section[] = []
    for (const section of sections) {
      while (above.length > 0 && above.at(-1)!.end <= section.start) above.pop()
      const zone = zoneOf(above)
      if (section.start >= taken) {
        const kind = this.headingKind(section, zone)
        if (kind) {
          this.heading(section, kind)
          taken = section.end
        } else this.body(section.bodyStart, section.bodyEnd, zoneOf([...above, section]))
      }
      above.push(section)
    }
    return this.items
  }

  private headingKind(section: Section, zone: ItemKind | undefined): ItemKind | undefined {
    const known = this.known.get(this.firstOf(section))
    if (known) return known
    if (STORY.test(section.title)) return 'story'
    if (zone === 'requirement') return REQUIREMENT_HEADING.test(section.title) ? zone : undefined
    if (zone !== 'story') return undefined
    if (STORY_HEADING.test(section.title)) return zone
    const first = linesOf(this.text, section.bodyStart, section.bodyEnd).find((line) => line.text.trim() !== '')
    return first && !MARKER.test(first.text) && STORY.test(plainOf(first.text.slice(0, 1_000))) ? zone : undefined
  }

  private firstOf({ start }: Section): number {
    let at = start
    while (this.text[at] === ' ') at += 1
    return at
  }

  private heading(section: Section, kind: ItemKind): void {
    const line = linesOf(this.text, section.start, section.bodyStart)[0]!
    const open = /^\s*(?:#{1,6}[ \t]+)?/.exec(line.text)![0].length
    const raw = line.text.slice(open).replace(/(?:[ \t]+#+)?[ \t]*$/, '')
    const end = section.start + this.text.slice(section.start, section.end).trimEnd().length
    this.add({
      kind,
      form: 'heading',
      start: this.firstOf(section),
      titleStart: line.start + open,
      titleEnd: line.start + open + raw.length,
      // A setext heading goes on below its title.
      below: section.start + this.text.slice(section.start, section.bodyStart).trimEnd().length,
      end,
      indent: 0,
      description: this.text.slice(section.bodyStart, Math.max(section.bodyStart, end)).trim(),
    })
  }

  /** What stands under one heading. */
  private body(from: number, to: number, zone: ItemKind | undefined): void {
    const lines = linesOf(this.text, from, to)
    let at = 0
    /** Lists that follow belong to what is above them. */
    let isTaken = false
    while (at < lines.length) {
      const line = lines[at]!
      const fence = FENCE.exec(line.text)
      if (line.text.trim() === '') at += 1
      else if (fence) {
        at = Math.min(lines.length, behindFence(lines, at, fence[1]!))
        if (isTaken) this.extend(lines[at - 1]!)
      } else if (zone && !isTaken && isTable(lines, at)) at = this.table(lines, at, zone)
      else if (MARKER.test(line.text)) {
        const next = this.entry(lines, at, isTaken ? undefined : zone)
        if (isTaken && !this.items.some(({ start }) => start >= line.start)) this.extend(lines[next - 1]!)
        else isTaken = false
        at = next
      } else {
        const end = behindParagraph(lines, at)
        const last = this.items.at(-1)
        const isBelow = last !== undefined && last.start >= from && last.form !== 'row'
        if (this.paragraph(lines, at, end)) isTaken = true
        else if (isBelow && (isTaken || CRITERIA.test(line.text))) {
          isTaken = true
          this.extend(lines[end - 1]!)
        } else isTaken = false
        at = end
      }
    }
  }

  /** @returns the line behind the entry and what is indented below it */
  private entry(lines: readonly Line[], at: number, zone: ItemKind | undefined): number {
    const line = lines[at]!
    const [mark, lead, marker, gap] = MARKER.exec(line.text)!
    const indent = lead!.length + marker!.length + gap!.length
    const isInside = (each: Line): boolean => /^ */.exec(each.text)![0].length >= indent
    let next = at + 1
    let titleLines = 1
    let isTitle = true
    for (; next < lines.length; next += 1) {
      const each = lines[next]!
      if (each.text.trim() === '') isTitle = false
      else if (isInside(each)) isTitle &&= !isBlock(each.text.slice(indent))
      // A lazy line of the title goes on with it.
      else if (!isTitle || isBlock(each.text)) break
      if (isTitle) titleLines += 1
    }
    const end = lastOf(lines, at, next)
    const start = line.start + lead!.length
    const titleStart = line.start + mark.length
    const titleEnd = this.trimmedEnd(titleStart, lines[at + titleLines - 1]!.end)
    const kind = this.kindOf(start, titleStart, titleEnd, zone)
    if (!kind) return next
    const below = lines.slice(at + titleLines, next)
    const description = dedented(below, indent)
    this.add({ kind, form: 'list', start, titleStart, titleEnd, below: titleEnd, end, indent, description })
    return next
  }

  private paragraph(lines: readonly Line[], at: number, next: number): boolean {
    const line = lines[at]!
    if (/^ {0,3}(?:>|\|)/.test(line.text)) return false
    const start = line.start + (line.text.length - line.text.trimStart().length)
    const end = this.trimmedEnd(start, lines[next - 1]!.end)
    const kind = this.kindOf(start, start, end, undefined)
    if (!kind) return false
    const [form, description] = ['paragraph', ''] as const
    this.add({ kind, form, start, titleStart: start, titleEnd: end, below: end, end, indent: 0, description })
    return true
  }

  private table(lines: readonly Line[], at: number, kind: ItemKind): number {
    const heads = cellsOf(lines[at]!.text).map(({ text }) => plainOf(text))
    const found = heads.findIndex((head) => TITLE_COLUMN.test(head))
    const fallback = heads.length > 1 && /^(?:#|no\.?|nr\.?|ids?|key)$/i.test(heads[0]!) ? 1 : 0
    const column = found === -1 ? fallback : found
    let next = at + 2
    for (; next < lines.length && lines[next]!.text.includes('|'); next += 1) {
      const line = lines[next]!
      const cells = cellsOf(line.text)
      const cell = cells[column]
      if (!cell || plainOf(cell.text) === '') continue
      const others = cells.flatMap(({ text }, i) =>
        i === column || text === '' || (heads[i] ?? '') === '' ? [] : [`- **${heads[i]}:** ${text}`],
      )
      this.add({
        kind,
        form: 'row',
        start: line.start + (line.text.length - line.text.trimStart().length),
        titleStart: line.start + cell.start,
        titleEnd: line.start + cell.end,
        below: line.start + cell.end,
        end: line.start + line.text.trimEnd().length,
        indent: 0,
        description: others.join('\n'),
      })
    }
    return next
  }

  private kindOf(start: number, from: number, to: number, zone: ItemKind | undefined): ItemKind | undefined {
    const known = this.known.get(start)
    if (known) return known
    return STORY.test(plainOf(this.text.slice(from, Math.min(to, from + 1_000)))) ? 'story' : zone
  }

  private trimmedEnd(from: number, to: number): number {
    return from + this.text.slice(from, to).trimEnd().length
  }

  private add(item: Omit<Item, 'title'>): void {
    const raw = this.text.slice(item.titleStart, item.titleEnd)
    const title = plainOf(item.form === 'row' ? raw.replaceAll('\\|', '|') : raw)
    if (title !== '') this.items.push({ ...item, title })
  }

  /** The last item goes on to this line. */
  private extend(line: Line): void {
    const last = this.items.pop()!
    const end = this.trimmedEnd(last.start, line.end)
    const description = (last.description + this.text.slice(last.end, end)).trim()
    this.items.push({ ...last, end, description })
  }
}

/** What kind of section one is in, by its own title or by those above it. */
function zoneOf(sections: readonly Section[]): ItemKind | undefined {
  for (const { title } of sections.toReversed()) {
    if (isSectionFor('story', title)) return 'story'
    if (isSectionFor('requirement', title)) return 'requirement'
  }
  return undefined
}

export const isSectionFor = (kind: ItemKind, title: string): boolean =>
  (kind === 'story' ? STORY_SECTION : REQUIREMENT_SECTION).test(title)

function linesOf(text: string, from: number, to: number): readonly Line[] {
  const lines: Line[] = []
  for (let start = from; start < to; ) {
    const found = text.indexOf('\n', start)
    const next = found === -1 || found >= to ? to : found + 1
    const raw = text.slice(start, next).replace(/\r?\n$/, '')
    lines.push({ text: raw, start, end: start + raw.length })
    start = next
  }
  return lines
}

/** Behind the last character that is not blank of the lines from `at` to before `next`. */
function lastOf(lines: readonly Line[], at: number, next: number): number {
  let last = next - 1
  while (last > at && lines[last]!.text.trim() === '') last -= 1
  const { start, text } = lines[last]!
  return start + text.trimEnd().length
}

function behindFence(lines: readonly Line[], at: number, fence: string): number {
  let next = at + 1
  const closes = (line: Line): boolean => line.text.trim().startsWith(fence) && line.text.trim().length >= fence.length
  while (next < lines.length && !closes(lines[next]!)) next += 1
  return next + 1
}

function behindParagraph(lines: readonly Line[], at: number): number {
  let next = at + 1
  while (next < lines.length && lines[next]!.text.trim() !== '' && !isBlock(lines[next]!.text)) next += 1
  return next
}

const isBlock = (line: string): boolean =>
  MARKER.test(line) || FENCE.test(line) || /^ {0,3}(?:>|\||#{1,6}\s)/.test(line)

const isTable = (lines: readonly Line[], at: number): boolean => {
  const below = lines[at + 1]?.text
  if (below === undefined || !lines[at]!.text.includes('|') || !isDelimiterRow(below)) return false
  return cellsOf(lines[at]!.text).length === cellsOf(below).length
}

function dedented(lines: readonly Line[], indent: number): string {
  const own = lines.map(({ text }) => (/^ */.exec(text)![0].length >= indent ? text.slice(indent) : text.trimStart()))
  return own.map((line) => line.trimEnd()).join('\n').replace(/^\n+|\s+$/g, '')
}

/** Characters that a summary has in Jira at the most. */
const SUMMARY_LENGTH = 255

/** A title as Jira takes it: on one line, and cut where it is too long. */
export function summaryOf(title: string): string {
  const line = oneLine(title)
  if (line.length <= SUMMARY_LENGTH) return line
  return `${line.slice(0, SUMMARY_LENGTH - 1).replace(/[\ud800-\udbff]$/, '').trimEnd()}…`
}
