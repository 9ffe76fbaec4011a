/** What may be in what, of "Atlassian Document Format" and its JSON schema, as far as we write it. */

const inline = ['text', 'hardBreak']
const lists = ['bulletList', 'orderedList', 'taskList']
const blocks = ['paragraph', 'heading', ...lists, 'codeBlock', 'blockquote', 'rule', 'table']
const children: Readonly<Record<string, readonly string[]>> = {
  doc: blocks,
  paragraph: inline,
  heading: inline,
  bulletList: ['listItem'],
  orderedList: ['listItem'],
  listItem: ['paragraph', 'bulletList', 'orderedList', 'codeBlock'],
  taskList: ['taskItem'],
  taskItem: inline,
  codeBlock: ['text'],
  blockquote: ['paragraph', 'bulletList', 'orderedList', 'codeBlock'],
  table: ['tableRow'],
  tableRow: ['tableHeader', 'tableCell'],
  tableHeader: ['paragraph'],
  tableCell: ['paragraph'],
}
const notEmpty = ['bulletList', 'orderedList', 'taskList', 'listItem', 'blockquote', 'table', 'tableRow', 'tableCell']
const marks = ['strong', 'em', 'strike', 'code', 'link']

interface Node {
  readonly type?: string
  readonly version?: unknown
  readonly text?: unknown
  readonly attrs?: Readonly<Record<string, unknown>>
  readonly marks?: readonly { readonly type: string; readonly attrs?: Readonly<Record<string, unknown>> }[]
  readonly content?: readonly Node[]
}

/** @returns what is wrong with a document; undefined when nothing is */
export function adfFault(document: unknown): string | undefined {
  const doc = document as Node
  if (doc.type !== 'doc' || doc.version !== 1) return 'no document of version 1'
  return faultIn(doc)
}

function faultIn(node: Node): string | undefined {
  const { type = 'nothing' } = node
  if (type === 'text') return textFault(node)
  if (type === 'hardBreak' || type === 'rule') return undefined
  const allowed = children[type]
  if (!allowed) return `no node ${type}`
  const content = node.content
  if (!Array.isArray(content)) return `${type} without content`
  if (content.length === 0 && notEmpty.includes(type)) return `${type} is empty`
  const foreign = content.find((child: Node) => !allowed.includes(child.type ?? ''))
  if (foreign) return `${foreign.type} in ${type}`
  if (type === 'listItem' && content[0]!.type?.endsWith('List')) return 'a list item begins with a list'
  if (type === 'heading' && ![1, 2, 3, 4, 5, 6].includes(Number(node.attrs?.['level']))) return 'level of a heading'
  if (type === 'taskItem' && !['TODO', 'DONE'].includes(node.attrs?.['state'] as string)) return 'state of a task'
  if (type.startsWith('task') && typeof node.attrs?.['localId'] !== 'string') return 'localId of a task'
  if (type === 'codeBlock' && content.some((child: Node) => child.marks)) return 'marks in code'
  return content.map(faultIn).find((fault: string | undefined) => fault !== undefined)
}

function textFault({ text, marks: own = [] }: Node): string | undefined {
  if (typeof text !== 'string' || text === '') return 'empty text'
  const types = own.map(({ type }) => type)
  if (types.some((type) => !marks.includes(type)) || new Set(types).size < types.length) return 'marks'
  if (types.includes('code') && types.some((type) => type !== 'code' && type !== 'link')) return 'marks of code'
  const link = own.find(({ type }) => type === 'link')
  return link && !/^(?:https?:\/\/|mailto:)/.test(link.attrs?.['href'] as string) ? 'address of a link' : undefined
}
