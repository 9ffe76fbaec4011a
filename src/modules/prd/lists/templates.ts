import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { rowOf, toId } from '../ids.ts'
import { findTemplate, templatesPage } from '../store/templates.ts'
import { builtIn } from '../templates/built-in.ts'
import { timestamp } from '../wire.ts'
import { ALL } from './organizations.ts'

/** What routes/shapes.ts describes. */
export interface Template {
  readonly id: string
  readonly name: string
  readonly isBuiltIn: boolean
  /** Null: it is part of the PRD tool. */
  readonly createdBy: string | null
  readonly createdAt: string | null
}

export interface TemplateWithContent extends Template {
  readonly content: string
}

/** The organisation's own, the newest first, and after them those that every one has. */
export async function listTemplates(
  reader: Reader,
  organization: number,
  { limit, before }: Page,
): Promise<Listed<Template, string>> {
  const passed = builtIn.findIndex(({ id }) => id === before)
  const from = before === undefined ? ALL : passed < 0 ? rowOf('template', before) : 0
  const rows = await reader.all(templatesPage, { organization, before: from, limit: limit + 1 })
  const own = rows.map(show)
  return paged([...own, ...builtIn.slice(passed + 1).map(showBuiltIn)], limit, ({ id }) => id)
}

/** @returns undefined when the organisation has no such template */
export async function showTemplate(
  reader: Reader,
  organization: number,
  id: string,
): Promise<TemplateWithContent | undefined> {
  const known = builtIn.find((template) => template.id === id)
  if (known) return { ...showBuiltIn(known), content: known.content }
  const row = await reader.get(findTemplate, { organization, id: rowOf('template', id) })
  return row && { ...show(row), content: row.content }
}

const show = (row: { id: number; name: string; created_by: number; created_at: number }): Template => ({
  id: toId('template', row.id),
  name: row.name,
  isBuiltIn: false,
  createdBy: toId('user', row.created_by),
  createdAt: timestamp(row.created_at),
})

const showBuiltIn = ({ id, name }: { readonly id: string; readonly name: string }): Template => ({
  id,
  name,
  isBuiltIn: true,
  createdBy: null,
  createdAt: null,
})
