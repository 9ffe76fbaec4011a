/** The inline part of Markdown, as far as the Atlassian Document Format has it too. */

export interface Mark {
  readonly type: string
  readonly attrs?: Readonly<Record<string, unknown>>
}

/** A node of the Atlassian Document Format, as we write it. */
export interface AdfNode {
  readonly type: string
  readonly text?: string
  readonly attrs?: Readonly<Record<string, unknown>>
  readonly marks?: readonly Mark[]
  readonly content?: readonly AdfNode[]
}

/** Marks within marks are read this deep; what is deeper stays as it is written. */
const DEPTH = 6
const PUNCTUATION = /[!-/:-@[-`{-~]/
const WORD = /[\p{L}\p{N}]/u
const AUTOLINK = /^<((?:https?:\/\/|mailto:)[^\s<>]+)>/i
/** Longest text or address of a link, so that looking for its end is bounded. */
const LINK_LENGTH = 2_000

const delimiters = [
  ['**', 'strong'],
  ['__', 'strong'],
  ['~~', 'strike'],
  ['*', 'em'],
  ['_', 'em'],
] as const

/** Addresses that may stand in a link, here and there: nothing that a browser would run. */
export const isLinkable = (href: string): boolean => /^(?:https?:\/\/|mailto:)[^\s<>]+$/i.test(href)

/** Nothing that ends a line or is not seen; whole characters only. */
export const printable = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  text.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')

/** One paragraph of Markdown as inline nodes; line breaks are blanks, but for hard ones. */
export function inlineOf(markdown: string): readonly AdfNode[] {
  const nodes = new Reader(markdown).read([], 0)
  return merged(nodes)
}

/** One paragraph of Markdown as people read it, on one line. */
export function plainOf(markdown: string): string {
  const text = inlineOf(markdown)
    .map((node) => (node.type === 'hardBreak' ? ' ' : (node.text ?? '')))
    .join('')
  return oneLine(text)
}

export const oneLine = (text: string): string => printable(text).replace(/\s+/g, ' ').trim()

/** Markdown that reads as this very text, inside of a line. */
export function escapeInline(text: string): string {
  return text
    .replace(/[\\`*[\]<]/g, '\\$&')
    .replace(/~(?=~)/g, '\\~')
    .replace(/&(?=#?\w+;)/g, '\\&')
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_')
}

/** The same where the line begins: it is no heading, list, quote, rule or table. */
export function escapeStart(line: string): string {
  if (/^(?:[#+=|>-](?:[\s#+=|>-]|$)|>|\|)/.test(line)) return `\\${line}`
  return line.replace(/^(\d{1,9})([.)])(?=\s|$)/, '$1\\$2')
}

class Reader {
  private readonly text: string
  /** Delimiters that are not closed any more from here on. */
  private readonly unclosed = new Map<string, number>()

  constructor(text: string) {
    this.text = text
  }

  read(marks: readonly Mark[], depth: number): AdfNode[] {
    const { text } = this
    const nodes: AdfNode[] = []
    let plain = ''
    const flush = (): void => {
      if (plain !== '') nodes.push(textNode(plain, marks))
      plain = ''
    }
    let at = 0
    while (at < text.length) {
      const char = text[at]!
      const next = text[at + 1] ?? ''
      if (char === '\\' && next === '\n') {
        flush()
        nodes.push({ type: 'hardBreak' })
        at = this.skipBlanks(at + 2)
      } else if (char === '\\' && PUNCTUATION.test(next)) {
        plain += next
        at += 2
      } else if (char === '\n') {
        const isHard = /[^\s] {2,}$/.test(plain.slice(-4)) || plain.endsWith('  ')
        plain = plain.trimEnd()
        if (isHard) {
          flush()
          nodes.push({ type: 'hardBreak' })
        } else plain += ' '
        at = this.skipBlanks(at + 1)
      } else {
        const found = this.special(at, marks, depth)
        if (!found) {
          plain += char
          at += 1
          continue
        }
        flush()
        nodes.push(...found.nodes)
        at = found.end
      }
    }
    flush()
    return nodes
  }

  private special(at: number, marks: readonly Mark[], depth: number): Found | undefined {
    const char = this.text[at]!
    if (char === '`') return this.code(at, marks)
    if (char === '<') return this.autolink(at, marks)
    if (char === '[' || (char === '!' && this.text[at + 1] === '[')) return this.link(at, marks, depth)
    if (!'*_~'.includes(char) || depth >= DEPTH) return undefined
    for (const [delimiter, type] of delimiters) {
      if (!this.text.startsWith(delimiter, at)) continue
      const end = this.closing(delimiter, at)
      if (end === undefined) continue
      const inner = this.text.slice(at + delimiter.length, end)
      const within = marks.some((mark) => mark.type === type) ? marks : [...marks, { type }]
      return { nodes: new Reader(inner).read(within, depth + 1), end: end + delimiter.length }
    }
    return undefined
  }

  /** Where what is opened at `at` is closed. */
  private closing(delimiter: string, at: number): number | undefined {
    const { text } = this
    const isWordy = delimiter.startsWith('_')
    if (at >= (this.unclosed.get(delimiter) ?? Infinity)) return undefined
    if (isWordy && WORD.test(text[at - 1] ?? '')) return undefined
    if (/\s|^$/.test(text[at + delimiter.length] ?? '')) return undefined
    for (let end = at + delimiter.length; end < text.length; end += 1) {
      if (text[end] === '\\') end += 1
      else if (text[end] === '`') end = this.code(end, [])?.end ?? end
      if (!text.startsWith(delimiter, end) || end === at + delimiter.length) continue
      const isOther = delimiter.length === 1 && text[end + 1] === delimiter
      if (isOther) {
        end += 1
        continue
      }
      if (/\s/.test(text[end - 1]!) || (isWordy && WORD.test(text[end + delimiter.length] ?? ''))) continue
      return end
    }
    this.unclosed.set(delimiter, at)
    return undefined
  }

  private code(at: number, marks: readonly Mark[]): Found | undefined {
    const fence = /^`+/.exec(this.text.slice(at, at + 100))![0]
    if (at >= (this.unclosed.get(fence) ?? Infinity)) return undefined
    for (let end = this.text.indexOf(fence, at + fence.length); end !== -1; ) {
      let behind = end + fence.length
      if (this.text[behind] !== '`') {
        const raw = this.text.slice(at + fence.length, end).replace(/\s*\n\s*/g, ' ')
        const text = /^ .*[^ ].* $/.test(raw) ? raw.slice(1, -1) : raw
        const isLinked = marks.find(({ type }) => type === 'link')
        return { nodes: [textNode(text, [...(isLinked ? [isLinked] : []), { type: 'code' }])], end: behind }
      }
      while (this.text[behind] === '`') behind += 1
      end = this.text.indexOf(fence, behind)
    }
    this.unclosed.set(fence, at)
    return { nodes: [textNode(fence, marks)], end: at + fence.length }
  }

  private autolink(at: number, marks: readonly Mark[]): Found | undefined {
    const found = AUTOLINK.exec(this.text.slice(at, at + LINK_LENGTH))
    if (!found) return undefined
    const href = found[1]!
    return { nodes: [textNode(href, [...marks, { type: 'link', attrs: { href } }])], end: at + found[0].length }
  }

  private link(at: number, marks: readonly Mark[], depth: number): Found | undefined {
    if (marks.some(({ type }) => type === 'link') || depth >= DEPTH) return undefined
    const from = at + (this.text[at] === '!' ? 2 : 1)
    const near = this.text.slice(from, from + LINK_LENGTH)
    const found = /^((?:\\.|[^[\]\\])*)\]\(\s*<?((?:\\.|[^\s()<>\\]|\([^\s()<>]*\))*)>?(?:\s+"[^"]*")?\s*\)/s.exec(near)
    if (!found) return undefined
    const href = found[2]!.replace(/\\([!-/:-@[-`{-~])/g, '$1')
    const isSafe = isLinkable(href)
    const within = isSafe ? [...marks, { type: 'link', attrs: { href } }] : marks
    const label = found[1]!.trim() === '' ? escapeInline(href) : found[1]!
    return { nodes: new Reader(label).read(within, depth + 1), end: from + found[0].length }
  }

  private skipBlanks(from: number): number {
    let at = from
    while (this.text[at] === ' ' || this.text[at] === '\t') at += 1
    return at
  }
}

interface Found {
  readonly nodes: readonly AdfNode[]
  readonly end: number
}

const textNode = (text: string, marks: readonly Mark[]): AdfNode =>
  marks.length === 0 ? { type: 'text', text } : { type: 'text', text, marks }

/** Neighbours of one kind are one; blanks at the ends go. */
function merged(nodes: readonly AdfNode[]): readonly AdfNode[] {
  const result: AdfNode[] = []
  for (const node of nodes) {
    const last = result.at(-1)
    if (node.type === 'text' && last?.type === 'text' && JSON.stringify(last.marks) === JSON.stringify(node.marks)) {
      result[result.length - 1] = { ...last, text: last.text! + node.text! }
    } else result.push(node)
  }
  const isBlank = (node: AdfNode | undefined): boolean =>
    node !== undefined && (node.type === 'hardBreak' || node.text?.trim() === '')
  while (isBlank(result[0])) result.shift()
  while (isBlank(result.at(-1))) result.pop()
  return result.map((node, i) => {
    if (node.text === undefined) return node
    let text = printable(node.text)
    if (i === 0) text = text.trimStart()
    if (i === result.length - 1) text = text.trimEnd()
    return { ...node, text }
  })
}
