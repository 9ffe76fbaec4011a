import { perform, type Caller } from '../../../kernel/action.ts'
import { conflict, invalid } from '../../../kernel/errors.ts'
import { eventLog } from '../../../kernel/event-log.ts'
import { jobs } from '../../../kernel/jobs.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import type { Position } from '../../../wire/position.ts'
import { SERVER_SLOT } from '../document/document.ts'
import { effect, prdSubject } from '../events.ts'
import { showPrd, type Prd } from '../lists/prds.ts'
import { checkMakesPrds, checkManages, checkOwnerToBe } from '../policy.ts'
import { accessPrd, type OrganizationAccess, type PrdAccess } from '../store/access.ts'
import { deleteCollaborator, saveCollaborator } from '../store/collaborators.ts'
import { findMember } from '../store/organizations.ts'
import { countPrds, insertPrd, markDeleted, savePrd } from '../store/prds.ts'
import type { Access } from '../tables.ts'
import { cancelOfPrd, cancelUnentitled } from './ai-jobs.ts'
import { checkContent } from './content.ts'
import { closePrd, loseSight } from './expelling.ts'
import { reachOrganization, reachPrd, type Parts } from './parts.ts'
import { PRD_PURGE } from './purging.ts'
import { recordPrdActivity } from './telling.ts'
import { textOfTemplate } from './templates.ts'
import { recordFirstVersion } from './versions.ts'

/** Code points of a title: one that is longer fits no list. */
export const TITLE = 200
/** Line ends, control characters, and what turns the text around it. */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u

export interface NewPrd {
  readonly organizationId: number
  readonly title: string
  /** Nothing: as what follows says, or empty. */
  readonly content?: string | undefined
  readonly templateId?: string | undefined
  readonly access: Access
}

/** Whoever makes it owns it. @throws not_found, forbidden, invalid; too_large; conflict past the limit */
export function createPrd(parts: Parts, caller: Caller, input: NewPrd): Promise<Prd> {
  const title = readTitle(input.title)
  if (input.content !== undefined && input.templateId !== undefined) {
    throw invalid({ templateId: 'give content or templateId, not both' })
  }
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const organization = await reachOrganization(unit, caller, input.organizationId)
    checkMakesPrds(organization)
    const most = parts.settings.prds
    const { count } = (await unit.get(countPrds, { organization: organization.id }))!
    if (Number(count) >= most) throw conflict(`An organization has at most ${most} PRDs; delete one first`)
    const content = await contentOf(unit, organization, { ...input, title })
    checkContent(parts, content)
    const { id } = (await unit.get(insertPrd, {
      organization_id: organization.id,
      title,
      access: input.access,
      actor: caller.accountId,
      at: unit.now,
    }))!
    about(prdSubject(id))
    const author = { slot: SERVER_SLOT, accountId: caller.accountId, time: unit.now }
    await parts.documents.create(unit, id, content, author)
    const prd = await reachPrd(unit, caller, id)
    await recordFirstVersion(unit, prd, content)
    await recordPrdActivity(unit, prd, 'prd_created')
    return showPrd(unit, prd)
  })
}

/** A PRD and its text in one state. */
export interface Whole {
  readonly prd: Prd & { readonly content: string; readonly stateVector: readonly number[] }
  readonly position: Position
}

/** In a unit, as it reads the document where everything about it happens in one order. @throws not_found */
export function readPrd({ unitOfWork, documents }: Parts, caller: Caller, id: number): Promise<Whole> {
  return unitOfWork.run(async (unit) => {
    const prd = await reachPrd(unit, caller, id)
    const position = await eventLog.head(unit)
    const document = await documents.open(unit, id)
    const { text, vector } = document
    return { prd: { ...(await showPrd(unit, prd)), content: text.toString(), stateVector: [...vector] }, position }
  })
}

export interface Changes {
  readonly title?: string | undefined
  readonly access?: Access | undefined
  /** Whoever owned it edits it from now on. */
  readonly ownerId?: number | undefined
}

/** @throws not_found, forbidden, invalid */
export function changePrd(parts: Parts, caller: Caller, id: number, changes: Changes): Promise<Prd> {
  const title = changes.title === undefined ? undefined : readTitle(changes.title)
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const before = await reachPrd(unit, caller, id)
    about(prdSubject(id))
    checkManages(before)
    const after = { title: title ?? before.title, access: changes.access ?? before.access }
    const isRenamed = after.title !== before.title
    const owner_id = changes.ownerId ?? before.owner_id
    if (owner_id !== before.owner_id) await handOver(unit, before, owner_id)
    await unit.run(savePrd, { id, ...after, owner_id, updated_at: isRenamed ? unit.now : before.updated_at })
    const prd = await reachPrd(unit, caller, id)
    if (isRenamed) await recordPrdActivity(unit, prd, 'prd_renamed')
    if (after.access !== before.access && after.access === 'none') {
      await loseSight(parts, unit, { organization: prd.organization_id, prd: id })
    }
    await cancelUnentitled(parts, unit, { prd: id })
    return showPrd(unit, prd)
  })
}

async function handOver(unit: Unit, before: PrdAccess, account: number): Promise<void> {
  const { id: prd, organization_id, owner_id, actor_id } = before
  checkOwnerToBe(await unit.get(accessPrd, { id: prd, actor: account }))
  await unit.run(deleteCollaborator, { prd, account })
  const former = await unit.get(findMember, { organization: organization_id, account: owner_id })
  if (!former) return
  await unit.run(saveCollaborator, { prd, account: owner_id, role: 'editor', actor: actor_id, at: unit.now })
}

/** From the commit on nobody reaches anything of it; what it held is removed by a job. @throws not_found, forbidden */
export async function deletePrd(parts: Parts, caller: Caller, id: number): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const prd = await reachPrd(unit, caller, id)
    checkManages(prd)
    await unit.run(markDeleted, { id, at: unit.now })
    effect(unit, 'prd.deleted', [{ kind: 'forget', subject: prdSubject(id) }])
    await recordPrdActivity(unit, prd, 'prd_deleted')
    await jobs.schedule(unit, PRD_PURGE, String(id), unit.now)
    await cancelOfPrd(parts, unit, id)
    closePrd(parts, unit, id)
  })
}

async function contentOf(unit: Unit, organization: OrganizationAccess, input: NewPrd): Promise<string> {
  const { content = '', templateId, title } = input
  return templateId === undefined ? content : textOfTemplate(unit, organization, templateId, title)
}

function readTitle(text: string): string {
  const title = text.trim().normalize('NFC')
  if (!title.isWellFormed()) throw invalid({ title: 'must be whole Unicode characters: a surrogate stands alone' })
  if (title === '') throw invalid({ title: 'must not be blank' })
  if (UNSEEN.test(title)) throw invalid({ title: 'must be one line, without control and direction characters' })
  return title
}
