import type { Caller } from '../../../kernel/action.ts'
import { notFound } from '../../../kernel/errors.ts'
import { SERVER_SLOT } from '../document/document.ts'
import { prdSubject } from '../events.ts'
import { editsBetween } from '../history/diff.ts'
import { isLong } from '../history/differ.ts'
import { findVersion } from '../lists/versions.ts'
import type { Edit } from '../merge.ts'
import { checkEdits } from '../policy.ts'
import { applyEdits, finish } from './editing.ts'
import { performOn, reachPrd, type Parts } from './parts.ts'
import { Unprepared, withPrepared } from './preparing.ts'
import { recordPrdActivity } from './telling.ts'

export interface Restored {
  /** Number of the version that the text is as in. */
  readonly version: string
  /** False: it was so before. */
  readonly changed: boolean
  readonly stateVector: readonly number[]
}

/** What makes the text as it is after an edit what it was in a version. */
interface Plan {
  readonly seq: number
  readonly edits: readonly Edit[]
}

/** The texts a plan is made from. */
interface Texts {
  readonly seq: number
  readonly before: string
  readonly after: string
}

/** Plans of long texts that are made in vain, since people go on typing; then the text waits for one. */
const PLANS = 3

/**
 * The text becomes what it was in a version, as an edit in the name of who asks: what both have in common stays, with
 * what is anchored there, and everybody gets `content-update`. It makes no version.
 * @param ref number or id of the version
 * @throws not_found, forbidden; too_large; unavailable when too many long texts are being compared
 */
export function restoreVersion(parts: Parts, caller: Caller, id: number, ref: string): Promise<Restored> {
  let plans = 0
  return withPrepared(
    (plan?: Plan) => restore(parts, caller, id, ref, { plan, isLast: plans >= PLANS }),
    async ({ seq, before, after }: Texts): Promise<Plan> => {
      plans += 1
      return { seq, edits: await parts.differ.edits(before, after) }
    },
  )
}

/** @throws Unprepared when a plan is to be made first */
function restore(
  parts: Parts,
  caller: Caller,
  id: number,
  ref: string,
  { plan, isLast }: { readonly plan: Plan | undefined; readonly isLast: boolean },
): Promise<Restored> {
  return performOn(parts, caller, id, async (unit, change, about) => {
    const prd = await reachPrd(unit, caller, id)
    about(prdSubject(id))
    checkEdits(prd)
    const found = await findVersion(unit, id, ref)
    if (!found) throw notFound('This version')
    const deed = await change((document) => {
      const { seq } = document
      let edits = plan?.seq === seq ? plan.edits : undefined
      if (!edits) {
        const [before, after] = [document.text.toString(), found.content]
        if (!isLast && isLong(before, after)) throw new Unprepared<Texts>({ seq, before, after })
        edits = editsBetween(before, after)
      }
      return applyEdits(parts, unit, prd, document, edits, SERVER_SLOT)
    })
    const { operations, stateVector } = await finish(parts, unit, prd, deed)
    const changed = operations.length > 0
    if (changed) await recordPrdActivity(unit, prd, 'version_restored')
    return { version: found.version, changed, stateVector }
  })
}
