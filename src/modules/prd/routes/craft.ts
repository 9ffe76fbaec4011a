import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { SlidingWindow } from '../../../kernel/limits.ts'
import { ListPosition, readAt } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import {
  acceptInitiative, checkPrdAlignment, linkInitiative, matchInitiatives, unlinkInitiative,
} from '../actions/craft.ts'
import { takeCraftDelivery } from '../actions/craft-deliveries.ts'
import { reachPrd, type Parts } from '../actions/parts.ts'
import { AnyId, rowOf } from '../ids.ts'
import { listCraftLinks } from '../lists/craft.ts'
import { alignmentStatuses, exact, linkTypes, Nullable, Timestamp } from '../wire.ts'
import { ById, Person } from './shapes.ts'

const InitiativeId = Type.String({
  minLength: 1,
  maxLength: 110,
  description: "Craft.io's id of the initiative, like init_2305843010635321210; also without the prefix",
})

/** Section 8.4. */
export const CraftLink = Type.Object(
  {
    initiative: Type.Object(
      { id: Type.String(), title: Type.String(), status: Type.String(), objectives: Type.Array(Type.String()) },
      exact,
    ),
    linkType: Type.Enum([...linkTypes]),
    /** Who linked it, or asked for suggestions; null: the server did by itself. */
    linkedBy: Nullable(Person),
    linkedAt: Timestamp,
    /** When Craft.io last changed what is shown here. */
    updatedAt: Timestamp,
  },
  exact,
)
const Found = Type.Object({ items: Type.Array(CraftLink) }, exact)
const CraftLinks = Type.Object({ items: Type.Array(CraftLink), position: ListPosition }, exact)
const Alignment = Type.Object(
  {
    score: Type.Number({ minimum: 0, maximum: 1 }),
    status: Type.Enum([...alignmentStatuses]),
    suggestions: Type.Array(Type.String()),
  },
  exact,
)
const OfInitiative = Type.Object({ id: AnyId, initiativeId: InitiativeId })
const Taken = Type.Object(
  { outcome: Type.Enum(['applied', 'ignored'], { description: 'ignored: it is about nothing that is linked here' }) },
  exact,
)

export function craftRoutes(parts: Parts): readonly Route[] {
  const { clock, settings } = parts
  const deliveries = new SlidingWindow<string>(clock, settings.craftDeliveries)
  const base = '/prds/:id/integrations/craft'
  return [
    route(
      'GET',
      base,
      {
        summary: 'Initiatives of Craft.io that a PRD is linked with or that are suggested, the last first; not paged',
        params: ById,
        reply: CraftLinks,
      },
      async (call) => {
        const { found, position } = await readAt(parts.database, async (reader) => {
          const { id } = await reachPrd(reader, callerOf(call), idOf(call))
          return listCraftLinks(reader, id)
        })
        return { items: found, position }
      },
    ),
    route(
      'POST',
      `${base}/initiatives`,
      {
        summary: 'Link an initiative of Craft.io with a PRD (who edits it)',
        params: ById,
        body: Type.Object({ initiativeId: InitiativeId }),
        reply: CraftLink,
      },
      (call) => linkInitiative(parts, callerOf(call), idOf(call), call.body.initiativeId),
    ),
    route(
      'POST',
      `${base}/initiatives/:initiativeId/accept`,
      {
        summary: 'Link an initiative that is suggested (who edits the PRD)',
        params: OfInitiative,
        reply: CraftLink,
        status: 200,
      },
      (call) => acceptInitiative(parts, callerOf(call), idOf(call), call.params.initiativeId),
    ),
    route(
      'DELETE',
      `${base}/initiatives/:initiativeId`,
      { summary: 'Link an initiative with a PRD no more, or decline a suggestion (who edits it)', params: OfInitiative },
      (call) => unlinkInitiative(parts, callerOf(call), idOf(call), call.params.initiativeId),
    ),
    route(
      'POST',
      `${base}/match`,
      {
        summary: 'Find initiatives that a PRD is likely to belong to, and suggest or link them (who edits it)',
        params: ById,
        reply: Found,
        status: 200,
      },
      async (call) => ({ items: await matchInitiatives(parts, callerOf(call), idOf(call)) }),
    ),
    route(
      'POST',
      `${base}/alignment`,
      {
        summary: 'Compare the text of a PRD with the objectives of its initiatives, and tell all (who edits it)',
        params: ById,
        reply: Alignment,
        status: 200,
      },
      (call) => checkPrdAlignment(parts, callerOf(call), idOf(call)),
    ),
    route(
      'POST',
      '/integrations/craft/:organizationId/webhook',
      {
        summary: 'Tell of a changed initiative; signed as the Standard Webhooks specification says',
        auth: 'open',
        params: Type.Object({ organizationId: AnyId }),
        bytes: { maxBytes: settings.craftDeliveryBytes },
        reply: Taken,
        status: 200,
      },
      async ({ params, address, raw, bytes }) => {
        deliveries.pass(address, 'Too many deliveries from this address')
        const organization = rowOf('organization', params.organizationId)
        return { outcome: await takeCraftDelivery(parts, organization, raw.request.headers, bytes) }
      },
    ),
  ]
}

const idOf = ({ params }: { readonly params: { readonly id: string } }): number => rowOf('prd', params.id)
