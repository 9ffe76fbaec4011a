import { perform, type Caller } from '../../../kernel/action.ts'
import { invalid } from '../../../kernel/errors.ts'
import type { Reader } from '../../../kernel/database.ts'
import { checkActs, checkHasProfile } from '../people-policy.ts'
import { actorOf, findAvatar, upsertProfile } from '../store/profiles.ts'
import type { Parts } from './parts.ts'
import { releasePhoto } from './photo-files.ts'
import { personSubject } from './status.ts'

type Who = Pick<Caller, 'accountId'>

/** Who asks. @throws forbidden while they are suspended */
export const reachActor = async (reader: Reader, { accountId: actor }: Who) =>
  checkActs(await reader.get(actorOf, { actor }))

/** The same, with a profile. @throws forbidden without one */
export const reachDater = async (reader: Reader, { accountId: actor }: Who) =>
  checkHasProfile(await reader.get(actorOf, { actor }))

export interface ProfileDraft {
  readonly bio: string
  /** Uuid of an upload. */
  readonly avatar: string | null
  readonly hidden: boolean
}

/**
 * Makes one's profile, or another of it. The bio is shown filtered, with personal data masked, as messages are.
 * @throws invalid when a word in it is refused here, or the photo is not theirs to show
 */
export async function putProfile(parts: Parts, caller: Caller, draft: ProfileDraft): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit, about) => {
    const actor = await reachActor(unit, caller)
    about(personSubject(actor.id))
    const { text, refused } = parts.moderation.review(draft.bio.toWellFormed(), { previous: [], sharesPersonal: false })
    if (refused) throw invalid({ bio: 'holds words that are not allowed here; write it in other words' })
    const { avatar, hidden } = draft
    if (avatar !== null && !(await unit.get(findAvatar, { uuid: avatar, owner: actor.id }))) {
      throw invalid({ avatar_photo_id: 'must be the id of an upload of yours of kind photo that is in no message' })
    }
    await unit.run(upsertProfile, { user: actor.id, bio: text, avatar, hidden: hidden ? 1 : 0, now: unit.now })
    const old = actor.avatar
    // One that has been sent since belongs to its message.
    if (old !== null && old !== avatar && (await unit.get(findAvatar, { uuid: old, owner: actor.id }))) {
      await releasePhoto(unit, old)
    }
  })
}
