import { inlineOf, printable, type AdfNode } from './inline.ts'

/** A whole description for Jira: its "Atlassian Document Format". */
export interface Adf {
  readonly type: 'doc'
  readonly version: 1
  readonly content: readonly AdfNode[]
}

/** Lists and quotes are read this deep; what is deeper becomes text. */
const DEPTH = 8

const ATX = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/
const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)/
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:([ \t]+)(.*)|[ \t]*)$/
const TASK = /^\[([ xX])\][ \t]+(?=\S)/
const SETEXT = /^ {0,3}(=+|-+)[ \t]*$/
const DELIMITERS = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/

/**
 * Headings, paragraphs, lists with their tasks, code, quotes, rules, tables and the usual marks. What else Markdown has
 * (HTML, foot notes, images) arrives as its text.
 */
export function markdownToAdf(markdown: string): Adf {
  const lines = markdown.replace(/\r\n?/g, '\n').replaceAll('\t', '    ').split('\n')
  return { type: 'doc', version: 1, content: blocks(lines, 0) }
}

function blocks(lines: readonly string[], depth: number): readonly AdfNode[] {
  const nodes: AdfNode[] = []
  let paragraph: string[] = []
  const flush = (): void => {
    const content = inlineOf(paragraph.map((line) => line.trimStart()).join('\n'))
    if (content.length > 0) nodes.push({ type: 'paragraph', content })
    paragraph = []
  }
  let at = 0
  while (at < lines.length) {
    const line = lines[at]!
    const setext = paragraph.length > 0 ? SETEXT.exec(line) : null
    if (line.trim() === '') {
      flush()
      at += 1
    } else if (setext) {
      const content = inlineOf(paragraph.join('\n'))
      paragraph = []
      nodes.push({ type: 'heading', attrs: { level: setext[1]!.startsWith('=') ? 1 : 2 }, content })
      at += 1
    } else if (depth > DEPTH || !begins(lines, at, paragraph.length > 0)) {
      paragraph.push(line)
      at += 1
    } else {
      flush()
      const { node, next } = block(lines, at, depth)
      if (node) nodes.push(node)
      at = next
    }
  }
  flush()
  return nodes
}

/** Whether a line is the first of something else than a paragraph. A list from another number than 1 ends none. */
function begins(lines: readonly string[], at: number, isOpen: boolean): boolean {
  const line = lines[at]!
  if (ATX.test(line) || FENCE.test(line) || RULE.test(line) || /^ {0,3}>/.test(line)) return true
  const item = ITEM.exec(line)
  if (item) return !isOpen || ((item[4] ?? '') !== '' && (/^\D/.test(item[2]!) || item[2]!.startsWith('1')))
  return !isOpen && isTable(lines, at)
}

interface Block {
  readonly node: AdfNode | undefined
  readonly next: number
}

function block(lines: readonly string[], at: number, depth: number): Block {
  const line = lines[at]!
  const atx = ATX.exec(line)
  if (atx) {
    const content = inlineOf(atx[2] ?? '')
    return { node: content.length > 0 ? heading(atx[1]!.length, content) : undefined, next: at + 1 }
  }
  const fence = FENCE.exec(line)
  if (fence) return code(lines, at, fence[1]!, fence[2]!)
  if (RULE.test(line)) return { node: { type: 'rule' }, next: at + 1 }
  if (/^ {0,3}>/.test(line)) return quote(lines, at, depth)
  return ITEM.test(line) ? list(lines, at, depth) : table(lines, at)
}

const heading = (level: number, content: readonly AdfNode[]): AdfNode => ({
  type: 'heading',
  attrs: { level },
  content,
})

function code(lines: readonly string[], at: number, fence: string, language: string): Block {
  let end = at + 1
  const closes = new RegExp(`^ {0,3}\\${fence[0]!}{${fence.length},}[ ]*$`)
  while (end < lines.length && !closes.test(lines[end]!)) end += 1
  const text = lines
    .slice(at + 1, end)
    .map((each) => printable(each))
    .join('\n')
  const attrs = language === '' ? {} : { attrs: { language } }
  const content = text === '' ? [] : [{ type: 'text', text }]
  return { node: { type: 'codeBlock', ...attrs, content }, next: end + 1 }
}

function quote(lines: readonly string[], at: number, depth: number): Block {
  let end = at
  while (end < lines.length && /^ {0,3}>/.test(lines[end]!)) end += 1
  const inner = lines.slice(at, end).map((line) => line.replace(/^ {0,3}> ?/, ''))
  const content = blocks(inner, depth + 1).flatMap(within(['paragraph', 'bulletList', 'orderedList', 'codeBlock']))
  return { node: content.length > 0 ? { type: 'blockquote', content } : undefined, next: end }
}

/** What may not stand in there stands as paragraphs. */
const within =
  (allowed: readonly string[]) =>
  (node: AdfNode): readonly AdfNode[] => {
    if (allowed.includes(node.type)) return [node]
    const text = textsOf(node).join(' ').trim()
    return text === '' ? [] : [{ type: 'paragraph', content: [{ type: 'text', text }] }]
  }

const textsOf = (node: AdfNode): readonly string[] =>
  node.text === undefined ? (node.content ?? []).flatMap(textsOf) : [node.text]

interface Entry {
  readonly task: string | undefined
  readonly lines: string[]
}

function list(lines: readonly string[], at: number, depth: number): Block {
  const first = ITEM.exec(lines[at]!)![2]!
  const isOrdered = /\d/.test(first)
  const entries: Entry[] = []
  let end = at
  let indent = 0
  let isBlank = false
  for (; end < lines.length; end += 1) {
    const line = lines[end]!
    const item = ITEM.exec(line)
    if (line.trim() === '') {
      isBlank = true
      entries.at(-1)?.lines.push('')
      continue
    }
    if (/^ */.exec(line)![0].length >= indent && entries.length > 0) entries.at(-1)!.lines.push(line.slice(indent))
    else if (item && !RULE.test(line) && item[2]!.at(-1) === first.at(-1) && /\d/.test(item[2]!) === isOrdered) {
      const gap = item[3] ?? ' '
      indent = item[1]!.length + item[2]!.length + (gap.length > 4 ? 1 : gap.length)
      const rest = item[4] ?? ''
      const task = isOrdered ? null : TASK.exec(rest)
      entries.push({ task: task?.[1], lines: [task ? rest.slice(task[0].length) : rest] })
    } else if (isBlank || item || begins(lines, end, true)) break
    // A lazy line of the paragraph.
    else entries.at(-1)!.lines.push(line.trimStart())
    isBlank = false
  }
  const isTask = ({ task, lines: [, ...more] }: Entry): boolean =>
    task !== undefined && more.every((each) => each === '')
  const isTasks = entries.every(isTask)
  if (isTasks) return { node: tasks(entries), next: end }
  const allowed = within(['paragraph', 'bulletList', 'orderedList', 'codeBlock'])
  const content = entries.map(({ task, lines: own }): AdfNode => {
    const [head, ...rest] = own
    const all = task === undefined ? own : [`\\[${task}] ${head!}`, ...rest]
    const inner = blocks(all, depth + 1).flatMap(allowed)
    // It begins with a paragraph or code.
    const empty: AdfNode = { type: 'paragraph', content: [] }
    return { type: 'listItem', content: (inner[0]?.type ?? 'List').endsWith('List') ? [empty, ...inner] : inner }
  })
  const start = Number.parseInt(first, 10)
  if (!isOrdered) return { node: { type: 'bulletList', content }, next: end }
  return { node: { type: 'orderedList', attrs: { order: start }, content }, next: end }
}

const tasks = (entries: readonly Entry[]): AdfNode => ({
  type: 'taskList',
  attrs: { localId: 'tasks' },
  content: entries.map(({ task, lines }, i) => ({
    type: 'taskItem',
    attrs: { localId: `task-${i + 1}`, state: task === ' ' ? 'TODO' : 'DONE' },
    content: inlineOf(lines[0]!),
  })),
})

const isTable = (lines: readonly string[], at: number): boolean => {
  const delimiters = lines[at + 1]
  if (delimiters === undefined || !lines[at]!.includes('|') || !DELIMITERS.test(delimiters)) return false
  return cellsOf(lines[at]!).length === cellsOf(delimiters).length
}

function table(lines: readonly string[], at: number): Block {
  const width = cellsOf(lines[at]!).length
  const row = (line: string, type: string): AdfNode => {
    const cells = cellsOf(line).map(({ text }) => text)
    const content = Array.from({ length: width }, (_, i): AdfNode => {
      const inner = inlineOf(cells[i] ?? '')
      return { type, attrs: {}, content: [{ type: 'paragraph', content: inner }] }
    })
    return { type: 'tableRow', content }
  }
  const content = [row(lines[at]!, 'tableHeader')]
  let end = at + 2
  for (; end < lines.length && lines[end]!.trim() !== '' && !begins(lines, end, true); end += 1) {
    content.push(row(lines[end]!, 'tableCell'))
  }
  return { node: { type: 'table', content }, next: end }
}

/** A cell of a table's line. Offsets of the trimmed text in the line. */
export interface Cell {
  /** With its Markdown, but for escaped pipes. */
  readonly text: string
  readonly start: number
  readonly end: number
}

export const isDelimiterRow = (line: string): boolean => DELIMITERS.test(line) && line.includes('-')

export function cellsOf(line: string): readonly Cell[] {
  const bounds: number[] = []
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === '\\') at += 1
    else if (line[at] === '|') bounds.push(at)
  }
  const trimmed = line.trim()
  const from = trimmed.startsWith('|') ? [] : [-1]
  const to = bounds.length > from.length && bounds.at(-1) === line.trimEnd().length - 1 ? [] : [line.length]
  const edges = [...from, ...bounds, ...to]
  return edges.slice(1).map((edge, i) => {
    const [open, close] = [edges[i]! + 1, edge]
    const raw = line.slice(open, close)
    const start = open + (raw.length - raw.trimStart().length)
    const end = Math.max(start, close - (raw.length - raw.trimEnd().length))
    return { text: line.slice(start, end).replaceAll('\\|', '|'), start, end }
  })
}

