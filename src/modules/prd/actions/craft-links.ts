import { conflict } from '../../../kernel/errors.ts'
import { jobs } from '../../../kernel/jobs.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { checkAlignment, objectivesOf, type Alignment } from '../craft/alignment.ts'
import { changesOf, type Initiative, type InitiativeChanges } from '../craft/initiative.ts'
import { emit, initiativeSubject, prdSubject } from '../events.ts'
import { toId } from '../ids.ts'
import { initiativeOf, showInitiative, toInitiativeId } from '../lists/craft.ts'
import { joinedRoom } from '../rooms.ts'
import { countCraftLinks, craftLinksOf, craftLinksTo, findCraftLink, saveCraftLink } from '../store/craft.ts'
import type { LinkType, Payload } from '../wire.ts'
import type { Parts } from './parts.ts'

/** Section 8.4: what is known of initiatives, and what everybody who has joined a PRD is told of it. */

/** Job: compares a PRD with its initiatives (its key is the PRD's row). */
export const CRAFT_ALIGNMENT = 'prd.craft-alignment'

/** An initiative in many PRDs names no more of them to each. */
const AFFECTED = 100

/**
 * Links or suggests it, whatever it was before, and tells it.
 * @param by the account; null: the server, by itself
 * @throws conflict past the limit
 */
export async function saveLink(
  { settings }: Pick<Parts, 'settings'>,
  unit: Unit,
  prd: number,
  { id: initiative_id, title, status, objectives, updatedAt }: Initiative,
  linkType: LinkType,
  by: number | null,
): Promise<void> {
  const before = await unit.get(findCraftLink, { prd, initiative: initiative_id })
  if (!before && !(await hasRoom({ settings }, unit, prd))) {
    throw conflict(`A PRD has at most ${settings.craftLinks} initiatives; remove one first`)
  }
  const row = {
    prd_id: prd,
    initiative_id,
    title,
    status,
    objectives: JSON.stringify(objectives),
    link_type: linkType,
    linked_by: by,
    linked_at: unit.now,
    initiative_at: updatedAt,
  }
  await unit.run(saveCraftLink, row)
  const { objectives: named, ...shown } = showInitiative(row)
  const payload = { prdId: toId('prd', prd), initiative: { ...shown, objectives: [...named] }, linkType }
  const subject = initiativeSubject(prd, initiative_id)
  emit(unit, 'craft-initiative-linked', payload, { to: [joinedRoom(prd)] }, { subject })
  if (linkType !== 'suggested') await jobs.schedule(unit, CRAFT_ALIGNMENT, String(prd), unit.now)
}

export async function hasRoom({ settings }: Pick<Parts, 'settings'>, unit: Unit, prd: number): Promise<boolean> {
  const { count } = (await unit.get(countCraftLinks, { prd }))!
  return Number(count) < settings.craftLinks
}

/**
 * What Craft.io says of an initiative, for all PRDs of an organisation that have it; where it is older than what is
 * known it changes nothing. Each PRD is told what changed for it, with the PRDs that everybody in the organisation
 * sees: of others, who has joined this one need not know. Of a mere suggestion nobody is told.
 * @returns how many PRDs have it
 */
export async function renewInitiative(unit: Unit, organization: number, initiative: Initiative): Promise<number> {
  const { id, title, status, objectives, updatedAt } = initiative
  const rows = await unit.all(craftLinksTo, { organization, initiative: id })
  const changed: { readonly prd: number; readonly isOpen: boolean; readonly changes: InitiativeChanges }[] = []
  for (const { access, ...row } of rows) {
    if (updatedAt < row.initiative_at) continue
    const changes = changesOf(initiativeOf(row), initiative)
    const state = { title, status, objectives: JSON.stringify(objectives), initiative_at: updatedAt }
    if (changes || updatedAt > row.initiative_at) await unit.run(saveCraftLink, { ...row, ...state })
    if (changes && row.link_type !== 'suggested') changed.push({ prd: row.prd_id, isOpen: access !== 'none', changes })
  }
  const open = changed.filter(({ isOpen }) => isOpen).map(({ prd }) => prd)
  for (const { prd, changes } of changed) {
    const affected = [prd, ...open.filter((one) => one !== prd)].slice(0, AFFECTED).toSorted((a, b) => a - b)
    const payload = {
      prdId: toId('prd', prd),
      initiative: { id: toInitiativeId(id), changes: changes as Changes },
      affectedPRDs: affected.map((one) => toId('prd', one)),
    }
    emit(unit, 'craft-initiative-updated', payload, { to: [joinedRoom(prd)] }, { subject: initiativeSubject(prd, id) })
    await jobs.schedule(unit, CRAFT_ALIGNMENT, String(prd), unit.now)
  }
  return rows.length
}

/** Lists that are ours alone are not written to by whoever gets them. */
type Changes = Payload<'craft-initiative-updated'>['initiative']['changes']

/** What a PRD is compared by; undefined: it is linked with no initiative. */
export interface Comparison {
  readonly objectives: readonly string[]
  readonly text: string
}

export async function comparisonOf(parts: Parts, unit: Unit, prd: number): Promise<Comparison | undefined> {
  const links = (await unit.all(craftLinksOf, { prd })).filter(({ link_type }) => link_type !== 'suggested')
  if (links.length === 0) return undefined
  return { objectives: objectivesOf(links.map(initiativeOf)), text: await textOf(parts, unit, prd) }
}

/** As much of a document as is looked through. */
export async function textOf({ documents, settings }: Parts, unit: Unit, prd: number): Promise<string> {
  return (await documents.open(unit, prd)).text.toString().slice(0, settings.suggestionCharacters)
}

/** Takes its time with a long text: not for units. */
export const compare = ({ objectives, text }: Comparison): Alignment => checkAlignment(objectives, text)

export function tellAlignment(unit: Unit, prd: number, { suggestions, ...rest }: Alignment): void {
  const payload = { prdId: toId('prd', prd), alignment: { ...rest, suggestions: [...suggestions] } }
  emit(unit, 'craft-alignment-check', payload, { to: [joinedRoom(prd)] }, { subject: prdSubject(prd) })
}
