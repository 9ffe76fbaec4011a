import { escapeInline, escapeStart, isLinkable, oneLine, printable } from './inline.ts'

/**
 * From the Atlassian Document Format to Markdown (the other way is markdown.ts). What comes from Jira is data: its text
 * is escaped, so that it is text in the PRD too, whatever somebody typed there.
 */

export interface AdfOptions {
  /** Headings as paragraphs in bold: they would begin sections of the PRD. */
  readonly flatHeadings?: boolean
}

/** Deeper nodes than any editor makes are left out; more of them too. */
const DEPTH = 30
const NODES = 20_000

/** Anything that was parsed from JSON: what is not a node is left out. */
interface Loose {
  readonly type?: unknown
  readonly text?: unknown
  readonly attrs?: Readonly<Record<string, unknown>>
  readonly marks?: unknown
  readonly content?: unknown
}

/**
 * @param document an ADF document as Jira gave it; null and what is none have no text
 * @returns Markdown without a line break at its end
 */
export function adfToMarkdown(document: unknown, options: AdfOptions = {}): string {
  if (typeof document === 'string') return document.split('\n').map(paragraphLine).join('\n').trim()
  return new Writer(options).blocks(document, 0).join('\n\n')
}

class Writer {
  private readonly options: AdfOptions
  private left = NODES

  constructor(options: AdfOptions) {
    this.options = options
  }

  blocks(parent: unknown, depth: number): string[] {
    const blocks: string[] = []
    let isSecond = false
    let before: unknown
    for (const node of this.children(parent, depth)) {
      // Two lists that follow each other would be one, but for their markers.
      isSecond = isList(node) && isList({ type: before }) && !isSecond
      const block = this.block(node, depth + 1, isSecond)
      if (block === '') continue
      blocks.push(block)
      before = node.type
    }
    return blocks
  }

  private children(parent: unknown, depth: number): readonly Loose[] {
    const content = isObject(parent) ? parent.content : undefined
    if (!Array.isArray(content) || depth > DEPTH) return []
    const nodes = content.filter(isObject).slice(0, Math.max(0, this.left))
    this.left -= nodes.length
    return nodes
  }

  private block(node: Loose, depth: number, isSecond = false): string {
    switch (node.type) {
      case 'paragraph':
        return this.paragraph(node, depth)
      case 'heading': {
        const text = this.line(node, depth)
        if (text === '') return ''
        return this.options.flatHeadings ? `**${text}**` : `${'#'.repeat(levelOf(node))} ${text.replace(/#$/, '\\#')}`
      }
      case 'bulletList':
        return this.list(node, depth, () => (isSecond ? '* ' : '- '))
      case 'orderedList': {
        const order = Number(node.attrs?.['order'] ?? 1)
        const start = Number.isSafeInteger(order) && order >= 0 && order < 1e8 ? order : 1
        return this.list(node, depth, (i) => `${start + i}${isSecond ? ')' : '.'} `)
      }
      case 'taskList':
      case 'decisionList':
        return this.tasks(node, depth, isSecond ? '*' : '-')
      case 'codeBlock':
        return this.code(node, depth)
      case 'rule':
        return '***'
      case 'blockquote':
      case 'panel':
        return prefixed(this.blocks(node, depth).join('\n\n'), '> ')
      case 'expand':
      case 'nestedExpand': {
        const title = stringOf(node.attrs?.['title'])
        const head = title === '' ? [] : [paragraphLine(title)]
        return [...head, ...this.blocks(node, depth)].join('\n\n')
      }
      case 'table':
        return this.table(node, depth)
      default:
        return isInline(node) ? this.paragraph({ content: [node] }, depth) : this.blocks(node, depth).join('\n\n')
    }
  }

  private paragraph(node: Loose, depth: number): string {
    const lines = this.inline(node, depth).split('\n').map((line) => line.trim())
    while (lines.length > 0 && lines.at(-1) === '') lines.pop()
    while (lines[0] === '') lines.shift()
    return lines.map((line, i) => escapeStart(line) + (i < lines.length - 1 ? '\\' : '')).join('\n')
  }

  /** All on one line. */
  private line(node: Loose, depth: number): string {
    return this.inline(node, depth).replaceAll('\n', ' ').trim()
  }

  private list(node: Loose, depth: number, marker: (i: number) => string): string {
    const items = this.children(node, depth).map((item, i) => {
      const mark = marker(i)
      const inner = this.blocks(item, depth + 1)
      const isTight = inner.length < 2 || /^(?:[-*+]|\d+[.)]) /.test(inner[1]!)
      return mark + indented(inner.join(isTight ? '\n' : '\n\n'), mark.length)
    })
    return items.map((item) => item.trimEnd()).join('\n')
  }

  private tasks(node: Loose, depth: number, mark: string): string {
    const items = this.children(node, depth).map((item) => {
      if (item.type === 'taskList') return indented(`\n${this.tasks(item, depth + 1, '-')}`, 2).slice(1)
      const state = item.attrs?.['state']
      const text = this.line(item, depth + 1)
      if (item.type === 'taskItem') return text === '' ? '' : `${mark} [${state === 'DONE' ? 'x' : ' '}] ${text}`
      return text === '' ? '' : `${mark} ${escapeStart(text)}`
    })
    return items.filter((item) => item !== '').join('\n')
  }

  private code(node: Loose, depth: number): string {
    const text = this.children(node, depth)
      .map((child) => stringOf(child.text))
      .join('')
      .replace(/\r\n?/g, '\n')
    const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
    const fence = '`'.repeat(longest + 1)
    const language = /^[\w+#.-]{1,40}$/.exec(stringOf(node.attrs?.['language']))?.[0] ?? ''
    const body = text.split('\n').map((line) => printable(line.replaceAll('\t', '    ')))
    return [fence + language, ...(text === '' ? [] : body), fence].join('\n')
  }

  private table(node: Loose, depth: number): string {
    const rows = this.children(node, depth).map((row) =>
      this.children(row, depth + 1).map((cell) => {
        const lines = this.children(cell, depth + 2).map((child) => {
          if (isInline(child)) return this.line({ content: [child] }, depth + 3)
          return this.line(child, depth + 3) || this.flat(child, depth + 3)
        })
        return lines.filter((line) => line !== '').join(' ').replaceAll('|', '\\|')
      }),
    )
    const width = Math.max(0, ...rows.map((row) => row.length))
    if (width === 0) return ''
    const line = (cells: readonly string[]): string =>
      `| ${Array.from({ length: width }, (_, i) => cells[i] ?? '').join(' | ')} |`
    return [line(rows[0]!), `|${' --- |'.repeat(width)}`, ...rows.slice(1).map(line)].join('\n')
  }

  /** Blocks where only a line may be. */
  private flat(node: Loose, depth: number): string {
    return this.children(node, depth)
      .map((child) => (isInline(child) ? this.line({ content: [child] }, depth + 1) : this.flat(child, depth + 1)))
      .filter((text) => text !== '')
      .join(' ')
  }

  private inline(node: Loose, depth: number): string {
    let text = ''
    const children = this.children(node, depth)
    for (const [i, child] of children.entries()) {
      const next = children[i + 1]
      text += this.span(child, text.at(-1) ?? '', stringOf(next?.text)[0] ?? '', depth + 1)
    }
    return text
  }

  private span(node: Loose, before: string, after: string, depth: number): string {
    switch (node.type) {
      case 'text':
        return marked(printable(stringOf(node.text)), node.marks, before, after)
      case 'hardBreak':
        return '\n'
      case 'mention':
      case 'status':
        return escapeInline(printable(stringOf(node.attrs?.['text'])))
      case 'emoji':
        return escapeInline(printable(stringOf(node.attrs?.['text']) || stringOf(node.attrs?.['shortName'])))
      case 'date':
        return dateOf(node.attrs?.['timestamp'])
      case 'inlineCard':
      case 'blockCard':
      case 'embedCard': {
        const href = stringOf(node.attrs?.['url'])
        return isLinkable(href) ? `<${href}>` : escapeInline(printable(href))
      }
      default:
        return this.inline(node, depth)
    }
  }
}

const isObject = (value: unknown): value is Loose => typeof value === 'object' && value !== null

const inlineTypes = ['text', 'hardBreak', 'mention', 'status', 'emoji', 'date', 'inlineCard', 'blockCard', 'embedCard']
const isList = ({ type }: Loose): boolean => typeof type === 'string' && type.endsWith('List')
const isInline = ({ type }: Loose): boolean => inlineTypes.includes(type as string)

const stringOf = (value: unknown): string => (typeof value === 'string' ? value.toWellFormed() : '')

const levelOf = ({ attrs }: Loose): number => Math.min(6, Math.max(1, Math.trunc(Number(attrs?.['level'])) || 1))

function dateOf(timestamp: unknown): string {
  const ms = Number(timestamp)
  return Number.isFinite(ms) && Math.abs(ms) < 8e15 ? new Date(ms).toISOString().slice(0, 10) : ''
}

const paragraphLine = (text: string): string => escapeStart(escapeInline(oneLine(text)))

/** Text in its marks; blanks at its ends stand outside of them, or they would not be read as marks. */
function marked(text: string, marks: unknown, before: string, after: string): string {
  const all = Array.isArray(marks) ? marks.filter(isObject) : []
  const find = (type: string): Loose | undefined => all.find((mark) => mark.type === type)
  const [, lead, inner, trail] = /^(\s*)(.*?)(\s*)$/s.exec(text)!
  if (inner === '') return text
  const isCode = find('code') !== undefined
  let result = isCode ? codeSpan(inner!) : escapeInline(inner!)
  if (!isCode) {
    const isWordy = (char: string): boolean => /[\p{L}\p{N}]/u.test(char)
    const isInside = find('strong') !== undefined || find('strike') !== undefined
    const canUnderline = isInside || !(isWordy(lead || before) || isWordy(trail || after))
    if (find('em')) result = canUnderline ? `_${result}_` : `*${result}*`
    if (find('strong')) result = `**${result}**`
    if (find('strike')) result = `~~${result}~~`
  }
  const href = stringOf(find('link')?.attrs?.['href'])
  if (isLinkable(href)) result = href === inner && !isCode ? `<${href}>` : `[${result}](${target(href)})`
  return lead! + result + trail!
}

const target = (href: string): string => (/[()\\]/.test(href) ? href.replace(/[()\\]/g, '\\$&') : href)

function codeSpan(text: string): string {
  const runs = new Set([...text.matchAll(/`+/g)].map(([run]) => run.length))
  let length = 1
  while (runs.has(length)) length += 1
  const fence = '`'.repeat(length)
  const edge = text.startsWith('`') || text.endsWith('`') ? ' ' : ''
  return fence + edge + text + edge + fence
}

/** Its further lines, behind a list's marker. */
export const indented = (text: string, columns: number): string =>
  text.replace(/\n(?=[^\n])/g, `\n${' '.repeat(columns)}`)

const prefixed = (text: string, prefix: string): string =>
  text === ''
    ? ''
    : text
        .split('\n')
        .map((line) => (prefix + line).trimEnd())
        .join('\n')
