import { sectionsOf } from '../ai/sections.ts'
import { editsBetween } from '../history/diff.ts'
import type { Edit } from '../merge.ts'
import { escapeInline, escapeStart } from './inline.ts'
import { isSectionFor, type Content, type Item, type ItemForm, type ItemKind } from './items.ts'

/** How what was changed in Jira is written into the text of a PRD. */

/** A title as it is written there, so that it reads as this text and breaks nothing around it. */
function writtenTitle(title: string, form: ItemForm): string {
  const escaped = escapeInline(title)
  if (form === 'row') return escaped.replaceAll('|', '\\|')
  return form === 'heading' ? escaped.replace(/#$/, '\\#') : escapeStart(escaped)
}

const LIST = /^(?:[-*+]|\d{1,9}[.)])\s/

function writtenDescription(description: string, indent: number): string {
  if (description === '') return ''
  const pad = ' '.repeat(indent)
  const gap = indent > 0 && LIST.test(description) ? '\n' : '\n\n'
  return gap + pad + description.replace(/\n(?=[^\n])/g, `\n${pad}`)
}

/**
 * The edits that make an item what it is to be; what stays is not touched. Of a row of a table only the title is
 * written: its other cells are the PRD's own.
 * @returns each standing after the ones before it, in a text that is unchanged up to the end of the item
 */
export function rewrite(text: string, item: Item, content: Content): readonly Edit[] {
  const edits: Edit[] = []
  const replace = (from: number, to: number, after: string): void => {
    for (const edit of editsBetween(text.slice(from, to), after)) edits.push({ ...edit, at: edit.at + from })
  }
  // The later first: it does not move the other.
  if (item.form !== 'row' && content.description !== item.description) {
    replace(item.below, Math.max(item.below, item.end), writtenDescription(content.description, item.indent))
  }
  if (content.title !== item.title) {
    replace(item.titleStart, item.titleEnd, writtenTitle(content.title, item.form))
  }
  return edits
}

/** New items as one insertion. */
export interface Addition {
  readonly edit: Edit
  /** Where each of them begins in the text after the edit. */
  readonly starts: readonly number[]
}

const titles: Readonly<Record<ItemKind, string>> = { story: 'User Stories', requirement: 'Requirements' }

/**
 * Puts new items behind the last one of their kind, written as that is; else at the end of the section they belong to;
 * else in a new one at the end of the text.
 * @param contents at least one
 */
export function append(text: string, items: readonly Item[], kind: ItemKind, contents: readonly Content[]): Addition {
  const last = items.findLast((item) => item.kind === kind)
  if (last) return insertion(last.end, '', contents.map(writer(text, last)))
  const sections = sectionsOf(text)
  const section = sections.find(({ title }) => isSectionFor(kind, title))
  const at = text.slice(0, section?.end ?? text.length).trimEnd().length
  const heading = section ? '' : `${at === 0 ? '' : '\n\n'}## ${titles[kind]}`
  return insertion(at, heading, contents.map((content, i) => entry(i === 0 ? '\n\n' : '\n', '- ', content, 2)))
}

interface Written {
  /** With the line breaks before it. */
  readonly text: string
  /** How many of these there are. */
  readonly lead: number
}

function insertion(at: number, before: string, written: readonly Written[]): Addition {
  let inserted = before
  const starts = written.map(({ text, lead }) => {
    const start = at + inserted.length + lead
    inserted += text
    return start
  })
  return { edit: { at, removed: 0, inserted }, starts }
}

function entry(gap: string, mark: string, { title, description }: Content, indent: number): Written {
  const text = gap + mark + writtenTitle(title, 'list') + writtenDescription(description, indent)
  return { text, lead: gap.length + /^ */.exec(mark)![0].length }
}

/** How one is written behind another. */
function writer(text: string, last: Item): (content: Content, i: number) => Written {
  const before = text.slice(text.lastIndexOf('\n', last.start) + 1, last.start)
  const mark = before + text.slice(last.start, last.titleStart)
  switch (last.form) {
    case 'list':
      return (content, i) => {
        const counted = mark.replace(/\d{1,8}/, (number) => `${Number(number) + i + 1}`).replace(/\[[xX]\]/, '[ ]')
        const indent = last.indent + counted.length - mark.length
        return entry('\n', counted, content, indent)
      }
    case 'row': {
      const line = text.slice(last.start, last.end)
      const open = line.startsWith('|') ? '|' : ''
      const cells = (part: string): number => part.replace(/\\./g, '').split('|').length - 1
      const left = cells(text.slice(last.start, last.titleStart)) - open.length
      const right = cells(text.slice(last.titleEnd, last.end))
      return ({ title }) => {
        const row = `${open}${'  |'.repeat(left)} ${writtenTitle(title, 'row')} ${'|  '.repeat(right)}`.trim()
        return { text: `\n${row}`, lead: 1 }
      }
    }
    case 'heading': {
      const isAtx = text[last.start] === '#'
      const hashes = isAtx ? /^#+/.exec(text.slice(last.start))![0] : '##'
      return ({ title, description }) => ({
        text: `\n\n${hashes} ${writtenTitle(title, 'heading')}${writtenDescription(description, 0)}`,
        lead: 2,
      })
    }
    case 'paragraph':
      return ({ title, description }) => ({
        text: `\n\n${writtenTitle(title, 'paragraph')}${writtenDescription(description, 0)}`,
        lead: 2,
      })
  }
}
