import { perform, type Caller } from '../../../kernel/action.ts'
import { CommandError, conflict, notFound } from '../../../kernel/errors.ts'
import { retrySeconds } from '../../../kernel/limits.ts'
import { OutgoingError } from '../../../kernel/outgoing.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import type { Alignment } from '../craft/alignment.ts'
import { CraftClient, CraftFault } from '../craft/client.ts'
import type { Initiative } from '../craft/initiative.ts'
import { likeliest, similarityTo } from '../craft/matching.ts'
import { emit, initiativeSubject, prdSubject } from '../events.ts'
import { toId } from '../ids.ts'
import { openIntegration, type Opened } from '../integrations/access.ts'
import { recordOutcome } from '../integrations/outcomes.ts'
import { craftIdOf, initiativeOf, listCraftLinks, toInitiativeId, type CraftLink } from '../lists/craft.ts'
import { checkEdits } from '../policy.ts'
import { joinedRoom } from '../rooms.ts'
import type { PrdAccess } from '../store/access.ts'
import { deleteCraftLink, findCraftLink } from '../store/craft.ts'
import { timestamp } from '../wire.ts'
import { compare, comparisonOf, hasRoom, renewInitiative, saveLink, tellAlignment, textOf } from './craft-links.ts'
import { reachPrd, type Parts } from './parts.ts'

/** Section 8.4, by who edits the PRD. Craft.io is asked before the unit; rights are checked again in it. */

/** For all calls of one search together, while somebody waits. */
const SEARCH_MS = 30_000

/** @throws not_found, also where Craft.io has none; forbidden; conflict without an integration; unavailable */
export async function linkInitiative(parts: Parts, caller: Caller, id: number, given: string): Promise<CraftLink> {
  const { opened } = await prepare(parts, caller, id)
  const client = new CraftClient(opened)
  const initiative = await ask(parts, caller, opened, () => client.initiative(craftIdOf(given)))
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const { organization_id, actor_id } = await reachEditable(unit, caller, id)
    about(initiativeSubject(id, initiative.id))
    await works(unit, opened)
    await renewInitiative(unit, organization_id, initiative)
    const before = await unit.get(findCraftLink, { prd: id, initiative: initiative.id })
    if (before?.link_type !== 'manual') {
      await saveLink(parts, unit, id, before ? initiativeOf(before) : initiative, 'manual', actor_id)
    }
    return showLink(unit, id, initiative.id)
  })
}

/** A suggested one is linked; one that is linked stays as it is. @throws not_found, forbidden */
export function acceptInitiative(parts: Parts, caller: Caller, id: number, given: string): Promise<CraftLink> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const { actor_id } = await reachEditable(unit, caller, id)
    const link = await reachLink(unit, id, given)
    about(initiativeSubject(id, link.initiative_id))
    if (link.link_type === 'suggested') await saveLink(parts, unit, id, initiativeOf(link), 'manual', actor_id)
    return showLink(unit, id, link.initiative_id)
  })
}

/** A link, or a suggestion. @throws not_found, forbidden */
export async function unlinkInitiative(parts: Parts, caller: Caller, id: number, given: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const { actor_id, actor_name } = await reachEditable(unit, caller, id)
    const { initiative_id } = await reachLink(unit, id, given)
    await unit.run(deleteCraftLink, { prd: id, initiative: initiative_id })
    const payload = {
      prdId: toId('prd', id),
      initiativeId: toInitiativeId(initiative_id),
      unlinkedBy: { id: toId('user', actor_id), name: actor_name },
      unlinkedAt: timestamp(unit.now),
    }
    const effects = [{ kind: 'forget', subject: initiativeSubject(id, initiative_id) }] as const
    emit(unit, 'craft-initiative-unlinked', payload, { to: [joinedRoom(id)] }, { subject: prdSubject(id), effects })
  })
}

/**
 * Looks through the organisation's initiatives for those that this PRD is likely to belong to, and suggests them, while
 * the PRD has room; the likeliest are linked, where the organisation wants that. What is linked stays so.
 * @returns those that were found, linked or suggested
 * @throws not_found, forbidden; conflict without an integration; unavailable
 */
export async function matchInitiatives(parts: Parts, caller: Caller, id: number): Promise<readonly CraftLink[]> {
  const prepared = await prepare(parts, caller, id)
  const { opened } = prepared
  const text = await parts.unitOfWork.run((unit) => textOf(parts, unit, id))
  const matches = likeliest(await search(parts, caller, prepared, text))
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const { organization_id, actor_id } = await reachEditable(unit, caller, id)
    about(prdSubject(id))
    await works(unit, opened)
    for (const { initiative, link } of matches) {
      await renewInitiative(unit, organization_id, initiative)
      const wanted = opened.settings.autoLink === true ? link : 'suggested'
      const before = await unit.get(findCraftLink, { prd: id, initiative: initiative.id })
      const isBetter = before?.link_type === 'suggested' && wanted === 'automatic'
      if (before ? isBetter : await hasRoom(parts, unit, id)) {
        await saveLink(parts, unit, id, before ? initiativeOf(before) : initiative, wanted, actor_id)
      }
    }
    const found = new Set(matches.map(({ initiative }) => toInitiativeId(initiative.id)))
    return (await listCraftLinks(unit, id)).filter(({ initiative }) => found.has(initiative.id))
  })
}

/** @throws not_found, forbidden; conflict for a PRD that is linked with no initiative */
export async function checkPrdAlignment(parts: Parts, caller: Caller, id: number): Promise<Alignment> {
  const comparison = await parts.unitOfWork.run(async (unit) => {
    await reachEditable(unit, caller, id)
    return comparisonOf(parts, unit, id)
  })
  if (!comparison) throw conflict('Link an initiative of Craft.io with this PRD first')
  const alignment = compare(comparison)
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    await reachEditable(unit, caller, id)
    about(prdSubject(id))
    tellAlignment(unit, id, alignment)
    return alignment
  })
}

interface Scored {
  readonly initiative: Initiative
  readonly score: number
}

async function search(
  parts: Parts,
  caller: Caller,
  { prd, opened }: Prepared,
  text: string,
): Promise<readonly Scored[]> {
  const similarity = similarityTo({ title: prd.title, text })
  const enough = new AbortController()
  const ticket = parts.hub.wheel.schedule(SEARCH_MS, () => enough.abort(new OutgoingError('timeout')))
  try {
    return await ask(parts, caller, opened, async () => {
      const scored: Scored[] = []
      const client = new CraftClient(opened, enough.signal)
      for await (const initiative of client.initiatives(parts.settings.craftInitiatives)) {
        scored.push({ initiative, score: similarity(initiative) })
      }
      return scored
    })
  } finally {
    ticket.cancel()
  }
}

interface Prepared {
  readonly prd: PrdAccess
  readonly opened: Opened<'craft'>
}

function prepare(parts: Parts, caller: Caller, id: number): Promise<Prepared> {
  return parts.database.read(async (reader) => {
    const prd = await reachPrd(reader, caller, id)
    checkEdits(prd)
    const opened = await openIntegration(parts, reader, prd.organization_id, 'craft')
    if (opened) return { prd, opened }
    throw conflict('The organization is not connected with Craft.io; one of its admins can connect it')
  })
}

const works = (unit: Unit, { organization, updatedAt }: Opened<'craft'>): Promise<void> =>
  recordOutcome(unit, organization, 'craft', { ok: true }, { updatedAt })

/** A call to Craft.io; how it failed is kept with the integration. @throws CommandError */
async function ask<T>(
  parts: Parts,
  { accountId }: Caller,
  { organization, updatedAt }: Opened<'craft'>,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof CraftFault || error instanceof OutgoingError)) throw error
    if (error.reason === 'not_found') throw notFound('This initiative')
    if (error.reason !== 'rate_limited' && error.reason !== 'open') {
      const outcome = { ok: false, message: error.message } as const
      const options = { updatedAt, by: accountId }
      await parts.unitOfWork.run((unit) => recordOutcome(unit, organization, 'craft', outcome, options))
    }
    throw refusal(error)
  }
}

/** What a person can do about it: wait, or look at the settings. */
function refusal({ reason, message, retryAfterMs }: CraftFault | OutgoingError): CommandError {
  if (SETTINGS.has(reason)) return conflict(message)
  const retryAfter = retryAfterMs === undefined ? undefined : retrySeconds(retryAfterMs)
  return new CommandError('unavailable', message, retryAfter === undefined ? {} : { retryAfter })
}

const SETTINGS: ReadonlySet<string> = new Set(['unauthorized', 'forbidden', 'malformed', 'refused', 'redirect'])

async function reachEditable(unit: Unit, caller: Caller, id: number): Promise<PrdAccess> {
  const prd = await reachPrd(unit, caller, id)
  checkEdits(prd)
  return prd
}

async function reachLink(unit: Unit, prd: number, given: string) {
  const link = await unit.get(findCraftLink, { prd, initiative: craftIdOf(given) })
  if (!link) throw notFound('This initiative')
  return link
}

async function showLink(unit: Unit, prd: number, initiative: string): Promise<CraftLink> {
  const shown = toInitiativeId(initiative)
  return (await listCraftLinks(unit, prd)).find((link) => link.initiative.id === shown)!
}
