import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { notFound } from '../../../kernel/errors.ts'
import { pageQuery, readCamelPage, readOne } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { reachOrganization, type Parts } from '../actions/parts.ts'
import { createTemplate, deleteTemplate } from '../actions/templates.ts'
import { AnyId, prefixes, rowOf } from '../ids.ts'
import { listTemplates, showTemplate } from '../lists/templates.ts'
import { builtIn } from '../templates/built-in.ts'
import { ById, PageOf, Template, TemplateWithContent } from './shapes.ts'

const OneTemplate = Type.Object({ id: AnyId, templateId: AnyId })
const NewTemplate = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100 }),
  content: Type.String({ description: 'Markdown; {{title}}, {{author}} and {{date}} are filled in for a new PRD' }),
})
/** The ids of those that every organisation has, and of its own. */
export const TemplateRef = Type.String({
  pattern: `^(${prefixes.template}_[1-9]\\d{0,8}|${builtIn.map(({ id }) => id).join('|')})$`,
  description: 'template_1, or the name of one that every organization has, like standard',
})

export function templateRoutes(parts: Parts): readonly Route[] {
  const { database } = parts
  return [
    route(
      'GET',
      '/organizations/:id/templates',
      {
        summary: 'Templates for a new PRD: those of the organization, newest first, then those that every one has',
        params: ById,
        query: Type.Object(pageQuery(TemplateRef)),
        reply: PageOf(Template),
      },
      (call) =>
        readCamelPage(
          database,
          async (reader) => {
            const { id } = await reachOrganization(reader, callerOf(call), idOf(call))
            return listTemplates(reader, id, call.query)
          },
          (template) => template,
        ),
    ),
    route(
      'POST',
      '/organizations/:id/templates',
      { summary: 'Make a template (admins of the organization)', params: ById, body: NewTemplate, reply: Template },
      (call) => createTemplate(parts, callerOf(call), idOf(call), call.body),
    ),
    route(
      'GET',
      '/organizations/:id/templates/:templateId',
      { summary: 'One template with its text', params: OneTemplate, reply: TemplateWithContent },
      (call) =>
        readOne(database, async (reader) => {
          const { id } = await reachOrganization(reader, callerOf(call), idOf(call))
          const template = await showTemplate(reader, id, call.params.templateId)
          if (!template) throw notFound('This template')
          return template
        }),
    ),
    route(
      'DELETE',
      '/organizations/:id/templates/:templateId',
      { summary: 'Delete a template of the organization (its admins)', params: OneTemplate },
      (call) => deleteTemplate(parts, callerOf(call), idOf(call), call.params.templateId),
    ),
  ]
}

const idOf = ({ params }: { readonly params: { readonly id: string } }): number => rowOf('organization', params.id)
