import { sectionsOf, type Section } from '../ai/sections.ts'
import { isEnglish } from './english.ts'
import { isPlaceholder, isTemplateLead, leadIn } from './placeholders.ts'
import { rolesOf, type Role } from './roles.ts'

/** A line that somebody wrote: no placeholder, no blank. */
export interface Line {
  readonly kind: 'text' | 'item' | 'row' | 'header' | 'code'
  /** As it is read: without markup, code, addresses, and what is struck out. Cells are put apart by ` | `. */
  readonly text: string
  /** Columns of white space it begins with. */
  readonly indent: number
  /** It is something to be ticked. */
  readonly isTask: boolean
  readonly cells: readonly string[]
}

/** A heading with what stands right under it, or a paragraph with a heading of its own (`**Problem.** …`). */
export interface Part {
  /** Key of the section it is, or is in. */
  readonly key: string
  readonly title: string
  /** 0: what is before the first heading. 7: begins within a line. */
  readonly level: number
  /** Of its own heading. */
  readonly own: ReadonlySet<Role>
  /** Its own and those of the sections it is in. */
  readonly roles: ReadonlySet<Role>
  readonly lines: Line[]
  /** Others are in it. */
  hasParts: boolean
  words: number
}

/** A product document as the rules read it. */
export interface Draft {
  /** Of the only heading of the first level, where there is one. */
  readonly title: string
  readonly parts: readonly Part[]
  readonly words: number
  readonly isEnglish: boolean
  /** All of it was read: it may be concluded that something is not there. */
  readonly isWhole: boolean
}

/** Section of what stands before the first heading. */
const INTRODUCTION = 'introduction'
const NONE: ReadonlySet<Role> = new Set()
const LEAD_LEVEL = 7

/** @param most UTF-16 units that are read */
export function readDraft(whole: string, most: number): Draft {
  const isWhole = whole.length <= most
  const text = isWhole ? whole : whole.slice(0, most)
  const sections = sectionsOf(text)
  const titles = sections.filter(({ level }) => level === 1)
  const title = titles.length === 1 && sections[0] === titles[0] ? titles[0] : undefined
  const parts: Part[] = []
  const opening = sections[0]?.start ?? text.length
  fill(parts, part({ key: INTRODUCTION, title: '', level: 0 }), text.slice(0, opening))
  const known = new Map<string, ReadonlySet<Role>>()
  const roles = (of: string): ReadonlySet<Role> => {
    if (!known.has(of)) known.set(of, rolesOf(of))
    return known.get(of)!
  }
  const open: { readonly section: Section; readonly part: Part }[] = []
  for (const section of sections) {
    while (open.length > 0 && open.at(-1)!.section.level >= section.level) open.pop()
    const parent = open.at(-1)?.part
    if (parent) parent.hasParts = true
    const made = part(section, section === title ? NONE : roles(section.title), parent?.roles)
    open.push({ section, part: made })
    fill(parts, made, text.slice(section.bodyStart, section.bodyEnd))
  }
  const lines = parts.flatMap(({ lines }) => lines)
  return {
    title: title?.title ?? '',
    parts,
    words: parts.reduce((sum, { words }) => sum + words, 0),
    isEnglish: isEnglish(lines.map((line) => line.text)),
    isWhole,
  }
}

function part(
  { key, title, level }: Pick<Part, 'key' | 'title' | 'level'>,
  own: ReadonlySet<Role> = NONE,
  inherited: ReadonlySet<Role> = NONE,
): Part {
  const roles = inherited.size === 0 ? own : new Set([...inherited, ...own])
  return { key, title, level, own, roles, lines: [], hasParts: false, words: 0 }
}

function fill(parts: Part[], section: Part, body: string): void {
  parts.push(section)
  let current = section
  let fence: string | undefined
  let isComment = false
  const raws = body.split(/\r\n|\n|\r/)
  for (const [at, raw] of raws.entries()) {
    const trimmed = raw.trim()
    if (fence !== undefined) {
      if (trimmed.startsWith(fence)) fence = undefined
      else if (trimmed !== '' && !isPlaceholder(trimmed)) add(current, { ...empty, kind: 'code' })
      continue
    }
    fence = /^(?:`{3}|~{3})/.exec(trimmed)?.[0]
    if (fence !== undefined) continue
    const visible = withoutComments(trimmed, isComment)
    isComment = visible.isOpen
    if (visible.text === '') continue
    const lead = leadIn(visible.text)
    const own = lead && rolesOf(lead.title)
    if (lead && own && (own.size > 0 || isTemplateLead(lead.title))) {
      section.hasParts = true
      current = part({ key: section.key, title: lead.title, level: LEAD_LEVEL }, own, section.roles)
      parts.push(current)
    }
    const written = lead && current.title === lead.title ? lead.rest : visible.text
    const next = raws[at + 1]?.trim() ?? ''
    if (written !== '' && !isPlaceholder(written)) add(current, lineOf(written, indentOf(raw), isSeparator(next)))
  }
}

function add(to: Part, line: Line): void {
  // A row that only numbers what is to come says nothing.
  const filled = line.cells.filter((cell) => /[\p{L}\p{N}]/u.test(cell))
  if (line.kind === 'row' && filled.length < 2 && !/\p{L}/u.test(line.text)) return
  to.lines.push(line)
  if (line.kind !== 'header') to.words += line.text.match(/\w\S*/g)?.length ?? 0
}

/** Whether something was written under the heading itself. */
export const isBlank = ({ lines }: Part): boolean => lines.every(({ kind }) => kind === 'header')

function withoutComments(line: string, isOpen: boolean): { readonly text: string; readonly isOpen: boolean } {
  if (!isOpen && !line.includes('<!--')) return { text: line, isOpen }
  let text = ''
  let at = 0
  for (;;) {
    const next = line.indexOf(isOpen ? '-->' : '<!--', at)
    if (!isOpen) text += line.slice(at, next < 0 ? undefined : next)
    if (next < 0) return { text: text.trim(), isOpen }
    at = next + (isOpen ? 3 : 4)
    isOpen = !isOpen
  }
}

const isSeparator = (line: string): boolean => line.includes('-') && /^[\s:|-]+$/.test(line)
const MARKER = /^(?:>\s?)*\s*((?:[-+*]|\d{1,9}[.)])\s+)?(\[[ xX]\]\s+)?/
const empty: Line = { kind: 'text', text: '', indent: 0, isTask: false, cells: [] }

function lineOf(line: string, indent: number, isHeader: boolean): Line {
  if (line.startsWith('|')) {
    const cells = plain(line.replace(/^\|/, '').replace(/\|$/, ''))
      .split('|')
      .map((cell) => cell.trim())
    const kind = isHeader && cells.length > 1 ? 'header' : 'row'
    return { kind, text: cells.join(' | '), indent, isTask: false, cells }
  }
  const [all, marker, task] = MARKER.exec(line)!
  const kind = marker === undefined ? 'text' : 'item'
  return { kind, text: plain(line.slice(all.length)), indent, isTask: task !== undefined, cells: [] }
}

const indentOf = (raw: string): number => /^[ \t]{0,40}/.exec(raw)![0].replaceAll('\t', '    ').length

/** What people read of a line of Markdown. */
function plain(line: string): string {
  if (!/[`~[*_]|:\/\//.test(line)) return line.trim()
  return line
    .replace(/`[^`]*`/g, ' ')
    .replace(/~~[^~]*~~/g, ' ')
    .replace(/!?\[([^[\]]*)\]\([^()\s]*\)/g, '$1')
    .replace(/https?:\/\/\S+/g, ' ')
    .replace(/[*]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '')
    .trim()
}
