import type { IncomingHttpHeaders } from 'node:http'
import Type from 'typebox'
import { CommandError, conflict, invalid } from '../../../kernel/errors.ts'
import { parseJson } from '../../../kernel/gate.ts'
import { jobs, type JobHandler } from '../../../kernel/jobs.ts'
import { compile } from '../../../kernel/schema.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { CraftInitiative, toInitiative } from '../craft/client.ts'
import type { Initiative } from '../craft/initiative.ts'
import { linkFor, shareWords, similarityTo, type FoundLink } from '../craft/matching.ts'
import { TOLERANCE_MS, verifyDelivery } from '../craft/webhook.ts'
import { openIntegration, type Opened } from '../integrations/access.ts'
import { expireDeliveries, findCraftLink, findPrd, lastChangedPrds, takeDelivery } from '../store/craft.ts'
import {
  compare, comparisonOf, CRAFT_ALIGNMENT, hasRoom, renewInitiative, saveLink, tellAlignment, textOf,
} from './craft-links.ts'
import type { Parts } from './parts.ts'

/** Section 8.4: what the webhook brings (craft/webhook.ts), and what comes of it. */

/** Job: looks for the PRDs that an initiative which none has may belong to. */
const CRAFT_OFFER = 'prd.craft-offer'
/** PRDs whose titles are looked at, those that were changed last. */
const OFFERED_TITLES = 1_000
/** Of these, PRDs whose texts are. */
const OFFERED_TEXTS = 5

export type DeliveryOutcome = 'applied' | 'ignored'

const readType = compile(Type.Object({ type: Type.String({ maxLength: 100 }) }))
const readUpdate = compile(Type.Object({ data: CraftInitiative }))

/**
 * An organisation that is not there, one without the integration, and a wrong signature answer alike.
 * @param body as it came
 * @returns ignored: of another type, or it changes nothing here
 * @throws unauthenticated; invalid; conflict for one that was taken before
 */
export async function takeCraftDelivery(
  parts: Parts,
  organization: number,
  headers: IncomingHttpHeaders,
  body: Uint8Array,
): Promise<DeliveryOutcome> {
  const opened = await openQuietly(parts, organization)
  const delivery = verifyDelivery(opened?.secrets.webhookSecret, headers, body, parts.clock.now())
  if (!opened || !delivery) {
    throw new CommandError('unauthenticated', 'Sign this anew with the webhook secret, not more than 5 minutes ago')
  }
  const content = parseJson(decode(body))
  const { type } = readType(content)
  const initiative = type === 'initiative.updated' ? readInitiative(content, parts.clock.now()) : undefined
  return parts.unitOfWork.run(async (unit) => {
    const taken = await unit.run(takeDelivery, { organization, delivery: delivery.id, at: unit.now })
    if (taken === 0) throw conflict('This delivery was taken before')
    if (!initiative) return 'ignored'
    if ((await renewInitiative(unit, organization, initiative)) > 0) return 'applied'
    if (opened.settings.autoLink !== true) return 'ignored'
    await jobs.schedule(unit, CRAFT_OFFER, `${organization}:${initiative.id}`, unit.now, { organization, initiative })
    return 'applied'
  })
}

/** Housekeeping: those that are too old to be taken again are forgotten. */
export async function expireCraftDeliveries(unit: Unit): Promise<void> {
  await unit.run(expireDeliveries, { before: unit.now - 2 * TOLERANCE_MS })
}

export const craftJobs = (parts: Parts): readonly (readonly [string, JobHandler])[] => [
  [CRAFT_ALIGNMENT, { outside: ({ key }) => align(parts, Number(key)) }],
  [CRAFT_OFFER, { outside: ({ payload }) => offer(parts, payload as Offer) }],
]

/** What keeps it from being opened is not for whoever knocks. */
async function openQuietly(parts: Parts, organization: number): Promise<Opened<'craft'> | undefined> {
  try {
    return await parts.database.read((reader) => openIntegration(parts, reader, organization, 'craft'))
  } catch (error) {
    if (error instanceof CommandError) return undefined
    throw error
  }
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw invalid({ body: 'must be UTF-8' })
  }
}

/** From the future it would keep back all that comes before. */
function readInitiative(content: unknown, now: number): Initiative {
  const { data } = readUpdate(content)
  const time = Date.parse(data.updateTime)
  if (time >= 0 && time <= now + TOLERANCE_MS) return toInitiative(data)
  throw invalid({ 'data.updateTime': 'must be an ISO-8601 time that is not in the future' })
}

async function align(parts: Parts, prd: number): Promise<((unit: Unit) => Promise<void>) | void> {
  const comparison = await parts.unitOfWork.run(async (unit) => {
    return (await unit.get(findPrd, { prd })) && comparisonOf(parts, unit, prd)
  })
  if (!comparison) return undefined
  const alignment = compare(comparison)
  return async (unit) => {
    if (await unit.get(findPrd, { prd })) tellAlignment(unit, prd, alignment)
  }
}

interface Offer {
  readonly organization: number
  readonly initiative: Initiative
}

async function offer(parts: Parts, { organization, initiative }: Offer): Promise<(unit: Unit) => Promise<void>> {
  const found: { readonly prd: number; readonly link: FoundLink }[] = []
  const titles = await parts.database.read((reader) =>
    reader.all(lastChangedPrds, { organization, limit: OFFERED_TITLES }),
  )
  const likely = titles
    .filter(({ title }) => shareWords(title, initiative.title))
    .map(({ id, title }) => ({ prd: id, title, score: similarityTo({ title, text: '' })(initiative) }))
    .toSorted((a, b) => b.score - a.score)
  for (const { prd, title } of likely.slice(0, OFFERED_TEXTS)) {
    const text = await parts.unitOfWork.run(async (unit) => {
      return (await unit.get(findPrd, { prd })) ? textOf(parts, unit, prd) : ''
    })
    const link = linkFor(similarityTo({ title, text })(initiative))
    if (link) found.push({ prd, link })
  }
  return async (unit) => {
    for (const { prd, link } of found) {
      if (!(await unit.get(findPrd, { prd })) || !(await hasRoom(parts, unit, prd))) continue
      if (await unit.get(findCraftLink, { prd, initiative: initiative.id })) continue
      await saveLink(parts, unit, prd, initiative, link, null)
    }
  }
}
