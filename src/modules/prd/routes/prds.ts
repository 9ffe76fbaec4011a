import { Readable } from 'node:stream'
import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { invalid } from '../../../kernel/errors.ts'
import { readCamelPage } from '../../../kernel/page.ts'
import { Download, Reply, route, type Route } from '../../../kernel/route.ts'
import { FreeObject } from '../../../wire/free-object.ts'
import { formatPosition } from '../../../wire/position.ts'
import { applyUnjoined } from '../actions/editing.ts'
import type { Parts } from '../actions/parts.ts'
import { changePrd, createPrd, deletePrd, readPrd, TITLE } from '../actions/prds.ts'
import { vectorOf } from '../arguments.ts'
import { rowOf } from '../ids.ts'
import { listPrds } from '../lists/prds.ts'
import { Access, ById, pageBy, PageOf, pageFrom, Prd, PrdStatus, PrdWithContent, RefTo } from './shapes.ts'
import { exact, Operation, StateVector } from '../wire.ts'
import { TemplateRef } from './templates.ts'

/** What file systems take for something else. */
const NOT_IN_NAMES = /[\\/:*?"<>|]/g
const Title = Type.String({ minLength: 1, maxLength: TITLE })
const NewPrd = Type.Object({
  organizationId: RefTo('organization'),
  title: Title,
  content: Type.Optional(Type.String({ description: 'Markdown; empty when neither it nor templateId is given' })),
  templateId: Type.Optional(TemplateRef),
  access: Type.Optional(Access),
})
const Changes = Type.Object({
  title: Type.Optional(Title),
  access: Type.Optional(Access),
  ownerId: Type.Optional(RefTo('user')),
})
const Query = Type.Object({
  ...pageBy('prd'),
  organizationId: Type.Optional(RefTo('organization')),
  status: Type.Optional(PrdStatus),
  q: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'words of the title, each as the beginning of one' }),
  ),
})

export function prdRoutes(parts: Parts): readonly Route[] {
  return [
    route(
      'GET',
      '/prds',
      { summary: 'PRDs you see, newest first, without their texts', query: Query, reply: PageOf(Prd) },
      (call) =>
        readCamelPage(
          parts.database,
          (reader) => {
            const { organizationId, status, q } = call.query
            const organization = organizationId === undefined ? undefined : rowOf('organization', organizationId)
            return listPrds(reader, call.session.account.id, {
              ...pageFrom('prd', call.query),
              organization,
              status,
              q,
            })
          },
          (prd) => prd,
        ),
    ),
    route(
      'POST',
      '/prds',
      {
        summary: 'Make a PRD (admins and members of the organization); you own it. access: view when not given',
        body: NewPrd,
        reply: Prd,
      },
      (call) => {
        const { organizationId, access = 'view', ...input } = call.body
        const organization = rowOf('organization', organizationId)
        return createPrd(parts, callerOf(call), { ...input, access, organizationId: organization })
      },
    ),
    route(
      'GET',
      '/prds/:id',
      { summary: 'One PRD with its text as it is now', params: ById, reply: PrdWithContent },
      async (call) => {
        const { prd, position } = await readPrd(parts, callerOf(call), idOf(call))
        return new Reply(prd, { 'Switchboard-Position': formatPosition(position) })
      },
    ),
    route(
      'GET',
      '/prds/:id/content',
      { summary: 'The text of a PRD as a Markdown file', params: ById, download: true },
      async (call) => {
        const { prd } = await readPrd(parts, callerOf(call), idOf(call))
        const bytes = Buffer.from(prd.content)
        const file = { size: bytes.length, stream: Readable.from([bytes], { objectMode: false }) }
        return new Download(file, `${prd.title.replaceAll(NOT_IN_NAMES, '-')}.md`, 'text/markdown; charset=utf-8')
      },
    ),
    route(
      'POST',
      '/prds/:id/operations',
      {
        summary: 'Edit the text without a connection: content-update, with the vector of the text that was read',
        params: ById,
        body: Type.Object({
          operation: FreeObject,
          stateVector: Type.Optional(vectorOf(parts.settings.vectorSlots)),
        }),
        reply: Type.Object({ operations: Type.Array(Operation), stateVector: StateVector }, exact),
        status: 200,
      },
      (call) => {
        const { operation, stateVector = [] } = call.body
        return applyUnjoined(parts, callerOf(call), idOf(call), operation, stateVector)
      },
    ),
    route(
      'PATCH',
      '/prds/:id',
      {
        summary: 'Rename a PRD, change what the organization may do with it, hand it over (its owner, admins)',
        params: ById,
        body: Changes,
        reply: Prd,
      },
      (call) => {
        const { ownerId, ...changes } = call.body
        if (Object.keys(call.body).length === 0) throw invalid({ body: 'must have at least one field to change' })
        const owner = ownerId === undefined ? undefined : rowOf('user', ownerId)
        return changePrd(parts, callerOf(call), idOf(call), { ...changes, ownerId: owner })
      },
    ),
    route(
      'DELETE',
      '/prds/:id',
      { summary: 'Delete a PRD and everything in it (its owner, admins of the organization)', params: ById },
      (call) => deletePrd(parts, callerOf(call), idOf(call)),
    ),
  ]
}

const idOf = ({ params }: { readonly params: { readonly id: string } }): number => rowOf('prd', params.id)
