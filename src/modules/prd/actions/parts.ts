import { perform, type About, type Caller } from '../../../kernel/action.ts'
import type { Clock } from '../../../kernel/clock.ts'
import type { Database, Reader } from '../../../kernel/database.ts'
import { CommandError, notFound } from '../../../kernel/errors.ts'
import type { Hub } from '../../../kernel/hub.ts'
import type { Outgoing } from '../../../kernel/outgoing.ts'
import type { Unit, UnitOfWork } from '../../../kernel/unit-of-work.ts'
import type { Drafting } from '../ai/drafting.ts'
import type { LiveDocument } from '../document/document.ts'
import type { Documents } from '../document/documents.ts'
import type { Inspector } from '../document/inspector.ts'
import type { Differ } from '../history/differ.ts'
import type { Repositories } from '../history/repositories.ts'
import type { Turns } from '../history/turns.ts'
import type { Breakers } from '../integrations/breaker.ts'
import type { Live } from '../live.ts'
import type { MattermostLinks } from '../mattermost/links.ts'
import { StaleState } from '../merge.ts'
import { checkMember, checkSees, seesPrd } from '../policy.ts'
import type { PrdSettings } from '../settings.ts'
import {
  accessOrganization,
  accessPrd,
  findComment,
  type CommentRow,
  type OrganizationAccess,
  type PrdAccess,
} from '../store/access.ts'

/** What the actions of this module work with. */
export interface Parts {
  readonly database: Database
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly hub: Hub
  readonly settings: PrdSettings
  /** Calls to other systems. */
  readonly outgoing: Outgoing
  /** Leave alone what does not answer. */
  readonly breakers: Breakers
  /** What tokens are signed with; keys for other ends are derived from it. */
  readonly secret: Uint8Array
  /** Documents in memory. */
  readonly documents: Documents
  /** Looks through clients' Yjs updates before they come near a document. */
  readonly inspector: Inspector
  /** The git repositories. */
  readonly repositories: Repositories
  readonly differ: Differ
  /** By organisation: versions are made one after the other. */
  readonly turns: Turns
  /** Who has joined what. */
  readonly live: Live
  /** Writes the answers of the AI. */
  readonly drafting: Drafting
  /** To the organisations' Mattermost servers. */
  readonly links: MattermostLinks
}

type Who = Pick<Caller, 'accountId'>

/** @throws not_found when absent or hidden */
export async function reachPrd(reader: Reader, { accountId }: Who, id: number): Promise<PrdAccess> {
  return checkSees(await reader.get(accessPrd, { id, actor: accountId }))
}

/** @throws not_found when absent or not one's own */
export async function reachOrganization(reader: Reader, { accountId }: Who, id: number): Promise<OrganizationAccess> {
  return checkMember(await reader.get(accessOrganization, { id, actor: accountId }))
}

/** A comment and the PRD it is on. @throws not_found when absent or hidden */
export async function reachComment(
  reader: Reader,
  caller: Who,
  id: number,
): Promise<{ readonly comment: CommentRow; readonly prd: PrdAccess }> {
  const comment = await reader.get(findComment, { id })
  const prd = comment && (await reader.get(accessPrd, { id: comment.prd_id, actor: caller.accountId }))
  if (!comment || !prd || !seesPrd(prd)) throw notFound('This comment')
  return { comment, prd }
}

/** Changes the document in memory: once, however often the unit's work is run. */
export type Change = <T>(deed: (document: LiveDocument) => T) => Promise<T>

/**
 * An action on a document. Its text is in memory and cannot be rolled back: where the unit fails after it was changed,
 * the document is thrown away, and the next to want it reads it from the database.
 * @param work may call `change` once; what it has checked must have been checked before
 */
export async function performOn<T>(
  { unitOfWork, documents }: Pick<Parts, 'unitOfWork' | 'documents'>,
  caller: Caller,
  id: number,
  work: (unit: Unit, change: Change, about: About) => Promise<T>,
): Promise<T> {
  let done: { readonly document: LiveDocument; readonly value: unknown } | undefined
  const undo = (): void => {
    if (done) documents.drop(done.document)
  }
  // Undone before the next of the group has its turn, which would find in the document what is not going to be kept.
  const guarded: UnitOfWork = {
    run: (share) =>
      unitOfWork.run(async (unit) => {
        try {
          return await share(unit)
        } catch (error) {
          undo()
          throw error
        }
      }),
  }
  try {
    return await perform(guarded, caller, async (unit, about) => {
      const change: Change = async <R>(deed: (document: LiveDocument) => R): Promise<R> => {
        const document = await documents.open(unit, id)
        // Run again after a neighbour in the group had failed: the document has it already.
        if (done?.document !== document) done = { document, value: attempt(documents, document, deed) }
        return done.value as R
      }
      return work(unit, change, about)
    })
  } catch (error) {
    undo()
    throw error
  }
}

/** A refusal has changed nothing; whatever else a deed throws may have left half of it. */
function attempt<R>(documents: Documents, document: LiveDocument, deed: (document: LiveDocument) => R): R {
  try {
    return deed(document)
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof StaleState)) documents.drop(document)
    throw error
  }
}
