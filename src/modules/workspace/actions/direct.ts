import { perform, type Caller } from '../../../kernel/action.ts'
import { invalid } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { channelSubject } from '../events.ts'
import { memberById, type WorkspaceAccess } from '../store/access.ts'
import { directOf, meet, peopleOf, showChannel, type Channel } from '../store/channels.ts'
import { creatorOf, findPeople, strangers } from './channels.ts'
import { found } from './founding.ts'
import { enter, type Person, type Place } from './membership.ts'
import { reachWorkspace, type Parts } from './parts.ts'

export interface Opened {
  readonly channel: Channel
  /** It was not there before. */
  readonly made: boolean
}

/**
 * The direct message of a set of people, the one who asks among them: there is one for each set. With nobody else it
 * is where one keeps notes.
 */
export function openDirect(
  parts: Parts,
  caller: Caller,
  workspaceId: string,
  userIds: readonly string[],
): Promise<Opened> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const workspace = await reachWorkspace(unit, caller, workspaceId)
    const most = parts.settings.dmPeople - 1
    if (new Set(userIds).difference(new Set([workspace.actor_uuid])).size > most) {
      throw invalid({ user_ids: `must be at most ${most} besides yourself; make a private channel for more` })
    }
    const others = await findPeople(unit, workspace, userIds)
    if (workspace.role === 'guest') await checkAcquainted(unit, workspace, others)
    const self = (await unit.get(memberById, { workspace: workspace.id, id: workspace.actor_id }))!
    const people = [self, ...others]
    // What is unique about it: no order, nobody twice.
    const people_key = people.map(({ id }) => id).toSorted((a, b) => a - b).join(',')
    const uuids = people.toSorted((a, b) => a.id - b.id).map(({ uuid }) => uuid)
    const row = await unit.get(directOf, { workspace: workspace.id, people_key })
    if (row) {
      const place = { ...row, workspace_uuid: workspace.uuid }
      about(channelSubject(workspace.id, row.id))
      const creator = await creatorOf(unit, row)
      await enterAgain(unit, place, people, creator)
      return { channel: show(place, creator, uuids), made: false }
    }
    const name = people.map(({ username }) => username).toSorted().join(', ')
    const fresh = { type: 'dm', name, description: '', public_key: null, people_key } as const
    const place = await found(unit, workspace, fresh, others)
    about(channelSubject(workspace.id, place.id))
    return { channel: show(place, workspace.actor_uuid, uuids), made: true }
  })
}

const show = (place: Place, creator: string, people: readonly string[]): Channel =>
  showChannel(place, { workspace_uuid: place.workspace_uuid, creator, joined: true, people })

/** Who was out of the workspace in the meantime is back among those they talked with. */
async function enterAgain(unit: Unit, place: Place, people: readonly Person[], creator: string): Promise<void> {
  const present = new Set((await unit.all(peopleOf, { channel: place.id })).map(({ id }) => id))
  for (const person of people) if (!present.has(person.id)) await enter(unit, place, person, creator)
}

/** W-P6: guests write to people they have been put together with; of others they do not find out that they are. */
async function checkAcquainted(unit: Unit, workspace: WorkspaceAccess, others: readonly Person[]): Promise<void> {
  for (const { id: other } of others) {
    const pair = { workspace: workspace.id, one: workspace.actor_id, other }
    if (!(await unit.get(meet, pair))) throw strangers(workspace)
  }
}
