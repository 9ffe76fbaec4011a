/** A heading of a Markdown text with what stands under it. Offsets are UTF-16 units of the text. */
export interface Section {
  /** Its name in links and on the wire, unique in the text: `technical-requirements`, the second one of that title
   * `technical-requirements-2`. */
  readonly key: string
  /** What people read, without markup. Empty for a heading without words. */
  readonly title: string
  /** 1 … 6 */
  readonly level: number
  /** where the line of the heading begins */
  readonly start: number
  /** behind the heading and its line break */
  readonly bodyStart: number
  /** where the next heading of any level begins, or the text ends: what stands under this very heading */
  readonly bodyEnd: number
  /** where the next heading of this level or above begins, or the text ends: subsections are part of it */
  readonly end: number
}

/** A heading as found, before it is known where its section ends. */
interface Heading {
  readonly title: string
  readonly level: number
  readonly start: number
  readonly bodyStart: number
}

interface Line {
  readonly text: string
  readonly start: number
  /** behind its line break */
  readonly next: number
}

/** One walk over the lines. What is open decides what a line may be. */
interface Walk {
  /** `indent`: how far the content of the list item is indented that holds the fence, 0 at the top */
  fence: { readonly mark: string; readonly indent: number } | undefined
  /** an HTML block, and what ends it; an empty string: a blank line */
  html: string | undefined
  /** the offset at which the open paragraph begins */
  paragraph: number | undefined
  /** the open paragraph belongs to a quote or a list item, so that it never is a heading of the text */
  contained: boolean
  /** how far the content of each open list item is indented, the innermost last */
  readonly items: number[]
  readonly headings: Heading[]
}

/** Longer than any heading that somebody names, so that a paragraph over `===` does not make a key of a megabyte. */
const KEY_LENGTH = 100

const ATX = /^#{1,6}(?=[ \t]|$)/
const FENCE = /^(?:`{3,}(?=[^`]*$)|~{3,})/
const SETEXT = /^(?:=+|-+)[ \t]*$/
const BREAK = /^(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/
const ITEM = /^(?:[-+*]|\d{1,9}[.)])(?=[ \t]|$)/
const RAW = /^<(script|pre|style|textarea)(?=[\s>]|$)/i
const BLOCKS =
  'address article aside base basefont blockquote body caption center col colgroup dd details dialog dir div dl dt ' +
  'fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html iframe legend li link ' +
  'main menu menuitem nav noframes ol optgroup option p param search section summary table tbody td tfoot th thead ' +
  'title tr track ul'
const BLOCK = new RegExp(`^</?(?:${BLOCKS.replaceAll(' ', '|')})(?=[\\s>/]|$)`, 'i')

function* linesOf(text: string): Generator<Line> {
  let start = 0
  for (const found of text.matchAll(/\r\n|\n|\r/g)) {
    const next = found.index + found[0].length
    yield { text: text.slice(start, found.index), start, next }
    start = next
  }
  if (start < text.length) yield { text: text.slice(start), start, next: text.length }
}

/** Columns of white space a line begins with: a tab goes to the next multiple of four. */
function indentOf(line: string): { columns: number; rest: string } {
  let columns = 0
  let at = 0
  for (; at < line.length; at++) {
    if (line[at] === ' ') columns++
    else if (line[at] === '\t') columns += 4 - (columns % 4)
    else break
  }
  return { columns, rest: line.slice(at) }
}

/** Headings as the CommonMark specification (0.31, 4.2 and 4.3) finds them at the top level of a text: none in
 * fenced or indented code, in HTML blocks that begin with a known tag or a comment, in quotes or in list items. */
function headingsOf(text: string): readonly Heading[] {
  const walk: Walk = {
    fence: undefined,
    html: undefined,
    paragraph: undefined,
    contained: false,
    items: [],
    headings: [],
  }
  for (const line of linesOf(text)) step(walk, line, text)
  return walk.headings
}

function step(walk: Walk, line: Line, text: string): void {
  const { columns, rest } = indentOf(line.text)
  if (rest === '') {
    walk.paragraph = undefined
    if (walk.html === '') walk.html = undefined
    return
  }
  if (columns < indentIn(walk)) leaveItems(walk, columns, rest)
  if (walk.fence) {
    if (columns - walk.fence.indent < 4 && closes(walk.fence.mark, rest)) walk.fence = undefined
    return
  }
  if (walk.html !== undefined) {
    if (walk.html !== '' && rest.toLowerCase().includes(walk.html)) walk.html = undefined
    return
  }
  block(walk, line, text, columns, rest)
}

const indentIn = (walk: Walk): number => walk.items.at(-1) ?? 0

/** A line that is indented less than a list item's content ends the item, unless it goes on with its paragraph. */
function leaveItems(walk: Walk, columns: number, rest: string): void {
  const lazy = walk.paragraph !== undefined && !walk.fence && !begins(columns, rest)
  if (lazy) return
  while (columns < indentIn(walk)) walk.items.pop()
  walk.fence = undefined
  walk.html = undefined
  walk.paragraph = undefined
}

/** Whether a line begins something that ends a paragraph before it. */
function begins(columns: number, rest: string): boolean {
  if (columns > 3) return false
  if (ATX.test(rest) || FENCE.test(rest) || BREAK.test(rest) || ITEM.test(rest)) return true
  return rest.startsWith('>') || htmlEnd(rest) !== undefined
}

function block(walk: Walk, line: Line, text: string, columns: number, rest: string): void {
  const open = walk.paragraph !== undefined
  if (columns - indentIn(walk) > 3) return
  const top = walk.items.length === 0
  const fence = FENCE.exec(rest)
  if (fence) {
    walk.fence = { mark: fence[0], indent: indentIn(walk) }
    walk.paragraph = undefined
    return
  }
  const atx = ATX.exec(rest)
  if (atx) {
    walk.paragraph = undefined
    if (top) walk.headings.push({ ...spans(line.start, line.next), level: atx[0].length, title: atxTitle(rest) })
    return
  }
  if (open && top && !walk.contained && SETEXT.test(rest)) {
    const start = walk.paragraph!
    const title = plain(text.slice(start, line.start))
    walk.headings.push({ ...spans(start, line.next), level: rest.startsWith('=') ? 1 : 2, title })
    walk.paragraph = undefined
    return
  }
  if (BREAK.test(rest)) {
    walk.paragraph = undefined
    return
  }
  if (rest.startsWith('>')) {
    const quoted = rest.replace(/^>[ \t]*/, '')
    const text = quoted !== '' && !ATX.test(quoted) && !BREAK.test(quoted)
    walk.paragraph = text ? line.start : undefined
    walk.contained = true
    return
  }
  if (item(walk, line, columns, rest, open)) return
  if (html(walk, rest)) return
  if (!open) {
    walk.paragraph = line.start
    walk.contained = !top
  }
}

const spans = (start: number, bodyStart: number): { start: number; bodyStart: number } => ({ start, bodyStart })

/** @returns whether the line begins a list item. A number other than 1, or an item without text, does not end a
 * paragraph. */
function item(walk: Walk, line: Line, columns: number, rest: string, open: boolean): boolean {
  const mark = ITEM.exec(rest)?.[0]
  if (mark === undefined) return false
  const content = indentOf(rest.slice(mark.length))
  const interrupts = content.rest !== '' && (/^\D/.test(mark) || mark.startsWith('1'))
  if (open && walk.items.length === 0 && !walk.contained && !interrupts) return false
  const gap = content.rest === '' || content.columns > 4 ? 1 : content.columns
  const indent = columns + mark.length + gap
  walk.items.push(indent)
  walk.paragraph = undefined
  walk.contained = true
  const fence = FENCE.exec(content.rest)
  if (fence) walk.fence = { mark: fence[0], indent }
  else if (content.rest !== '' && !ATX.test(content.rest)) walk.paragraph = line.start
  return true
}

/** @returns whether the line begins an HTML block */
function html(walk: Walk, rest: string): boolean {
  const end = htmlEnd(rest)
  if (end === undefined) return false
  walk.paragraph = undefined
  const closed = end !== '' && rest.toLowerCase().includes(end)
  if (!closed) walk.html = end
  return true
}

/** What ends the HTML block that a line begins (CommonMark 4.6, conditions 1 to 6): a text, or `''`: a blank line. */
function htmlEnd(rest: string): string | undefined {
  if (!rest.startsWith('<')) return undefined
  const raw = RAW.exec(rest)?.[1]
  if (raw !== undefined) return `</${raw.toLowerCase()}>`
  if (rest.startsWith('<!--')) return '-->'
  if (rest.startsWith('<?')) return '?>'
  if (rest.startsWith('<![CDATA[')) return ']]>'
  if (/^<![a-z]/i.test(rest)) return '>'
  return BLOCK.test(rest) ? '' : undefined
}

function closes(mark: string, rest: string): boolean {
  let length = 0
  while (rest[length] === mark[0]) length++
  return length >= mark.length && rest.slice(length).trim() === ''
}

function atxTitle(rest: string): string {
  const title = rest.replace(/^#+/, '').trim()
  // A closing sequence of # counts only behind a space, or when it is all there is.
  let end = title.length
  while (end > 0 && title[end - 1] === '#') end--
  const closed = end === 0 || (end < title.length && /\s/.test(title[end - 1]!))
  return plain(closed ? title.slice(0, end) : title)
}

/** A line of Markdown without its markup. */
function plain(title: string): string {
  return title
    .replace(/!?\[([^[\]]*)\]\([^()\r\n]*\)/g, '$1')
    .replace(/[*`]|~~|(?<![\p{L}\p{N}])_+|_+(?![\p{L}\p{N}])/gu, '')
    .replace(/\s+/g, ' ')
    .trim()
}

/** What a title is called in links and on the wire: small letters, digits, and dashes between the words, without the
 * number before it (`3.1 Technical requirements` is `technical-requirements`). Empty when nothing is left. */
export function sectionKey(title: string): string {
  return title
    .normalize('NFKC')
    .toLowerCase()
    .trim()
    .replace(/^#{1,6}\s+/, '')
    .replace(/^(?:\d{1,4}(?:\.\d{1,4}){0,8}[.)]|\d{1,4}(?:\.\d{1,4}){1,8})\s+(?=\S)/, '')
    .split(/[^\p{L}\p{M}\p{N}]+/u)
    .filter((word) => word !== '')
    .join('-')
    .slice(0, KEY_LENGTH)
    .replace(/[-\ud800-\udbff]$/, '')
}

/** The sections of a Markdown text in the order of their headings: every heading at the top level of the text (ATX and
 * setext) begins one. What stands before the first heading belongs to none. */
export function sectionsOf(text: string): readonly Section[] {
  const headings = headingsOf(text)
  const ends = endsOf(headings, text.length)
  const keys = new Keys()
  return headings.map((heading, at) => ({
    key: keys.of(heading.title),
    title: heading.title,
    level: heading.level,
    start: heading.start,
    bodyStart: heading.bodyStart,
    bodyEnd: headings[at + 1]?.start ?? text.length,
    end: ends[at]!,
  }))
}

function endsOf(headings: readonly Heading[], length: number): readonly number[] {
  const ends: number[] = []
  /** where the nearest heading of each level begins, among those that come later */
  const nearest = Array.from({ length: 7 }, () => length)
  for (let at = headings.length - 1; at >= 0; at--) {
    const { level, start } = headings[at]!
    ends[at] = Math.min(...nearest.slice(1, level + 1))
    nearest[level] = start
  }
  return ends
}

/** Keys of one text: each is given once. */
class Keys {
  private readonly given = new Set<string>()
  private readonly counts = new Map<string, number>()

  of(title: string): string {
    const base = sectionKey(title) || 'section'
    let count = this.counts.get(base) ?? 1
    let key = count === 1 ? base : `${base}-${count}`
    while (this.given.has(key)) key = `${base}-${++count}`
    this.counts.set(base, count)
    this.given.add(key)
    return key
  }
}

/** The section that somebody names: by its key or title, in any case, with dashes, spaces, underscores or nothing
 * between the words. The first one where several fit; undefined where none does. */
export function findSection(sections: readonly Section[], name: string): Section | undefined {
  const key = sectionKey(name)
  if (key === '') return undefined
  const joined = key.replaceAll('-', '')
  return (
    sections.find((section) => section.key === key) ??
    sections.find((section) => section.key.replaceAll('-', '') === joined)
  )
}
