import { perform, type Caller } from '../../../kernel/action.ts'
import { conflict, forbidden, invalid, notFound } from '../../../kernel/errors.ts'
import { checkName } from '../../../kernel/names.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { rowOf, toId } from '../ids.ts'
import { showTemplate, type Template } from '../lists/templates.ts'
import { checkAdministers } from '../policy.ts'
import type { OrganizationAccess } from '../store/access.ts'
import { countTemplates, deleteTemplateRow, insertTemplate } from '../store/templates.ts'
import { isBuiltIn } from '../templates/built-in.ts'
import { timestamp } from '../wire.ts'
import { checkContent } from './content.ts'
import { reachOrganization, type Parts } from './parts.ts'

export interface NewTemplate {
  readonly name: string
  readonly content: string
}

/** @throws not_found, forbidden, invalid; too_large; conflict past the limit */
export function createTemplate(parts: Parts, caller: Caller, id: number, input: NewTemplate): Promise<Template> {
  const name = checkName('name', input.name)
  checkContent(parts, input.content)
  return perform(parts.unitOfWork, caller, async (unit) => {
    const organization = await reachOrganization(unit, caller, id)
    checkAdministers(organization)
    const most = parts.settings.templates
    const { count } = (await unit.get(countTemplates, { organization: id }))!
    if (Number(count) >= most) throw conflict(`An organization has at most ${most} templates; delete one first`)
    const row = { name, content: input.content, created_by: caller.accountId, created_at: unit.now }
    const made = (await unit.get(insertTemplate, { organization_id: id, ...row }))!
    return {
      id: toId('template', made.id),
      name,
      isBuiltIn: false,
      createdBy: toId('user', caller.accountId),
      createdAt: timestamp(unit.now),
    }
  })
}

/** @throws not_found, forbidden */
export async function deleteTemplate(
  parts: Parts,
  caller: Caller,
  organization: number,
  template: string,
): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    checkAdministers(await reachOrganization(unit, caller, organization))
    if (isBuiltIn(template)) throw forbidden('This template is part of the PRD tool and cannot be deleted')
    const id = rowOf('template', template)
    if ((await unit.run(deleteTemplateRow, { organization, id })) === 0) throw notFound('This template')
  })
}

/**
 * What a PRD from this template begins with: `{{title}}`, `{{author}}` and `{{date}}` in it stand for those of the PRD.
 * @throws invalid when the organisation has no such template
 */
export async function textOfTemplate(
  unit: Unit,
  { id, actor_name: author }: Pick<OrganizationAccess, 'id' | 'actor_name'>,
  template: string,
  title: string,
): Promise<string> {
  const found = await showTemplate(unit, id, template)
  if (!found) throw invalid({ templateId: 'must name a template of this organization' })
  const values: Readonly<Record<string, string>> = { title, author, date: timestamp(unit.now).slice(0, 10) }
  return found.content.replaceAll(/\{\{(title|author|date)\}\}/g, (_, name: string) => values[name]!)
}
