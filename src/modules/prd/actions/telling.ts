import type { Effect } from '../../../kernel/event.ts'
import type { Audience } from '../../../kernel/rooms.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { accountSubject, effect, emit, organizationSubject, prdSubject } from '../events.ts'
import { toId } from '../ids.ts'
import { seesPrd } from '../policy.ts'
import {
  adminsRoom,
  hiddenRoom,
  homeRoom,
  notifiedRoom,
  openPrdsRoom,
  organizationRoom,
  subscriberRoom,
  subscriberRooms,
} from '../rooms.ts'
import { accessPrd, type OrganizationAccess, type PrdAccess } from '../store/access.ts'
import {
  collaboratorsOf,
  expireActivities,
  expireNotifications,
  insertActivity,
  insertNotification,
} from '../store/feeds.ts'
import { lostNotifications } from '../store/sight.ts'
import type { OrganizationRole } from '../tables.ts'
import { timestamp, type ActivityType, type NotificationType } from '../wire.ts'
import type { Parts } from './parts.ts'

/** Section 7: what is told to one person, and what to the subscribers of an organisation. */

/** What a notification says. */
export interface Told {
  readonly type: NotificationType
  readonly title: string
  readonly message: string
  readonly data: Readonly<Record<string, string>>
  /** Who cannot see this PRD any more does not see the notification either. */
  readonly prd?: number
}

/**
 * Section 7.1: kept, and told to all of their connections that are told of notifications.
 * @param accountIds people who may know of it; who does the deed is not among them
 */
export async function notify(unit: Unit, accountIds: readonly number[], told: Told): Promise<void> {
  const { type, title, message, data, prd } = told
  for (const accountId of new Set(accountIds)) {
    const { id } = (await unit.get(insertNotification, {
      account_id: accountId,
      type,
      title,
      message,
      data: JSON.stringify(data),
      prd_id: prd ?? null,
      created_at: unit.now,
    }))!
    const subject = `${prd === undefined ? accountSubject(accountId) : prdSubject(prd)}/notification:${id}`
    emit(
      unit,
      'notification',
      { id: toId('notification', id), type, title, message, data, timestamp: timestamp(unit.now) },
      { to: [notifiedRoom(accountId)] },
      { subject },
    )
  }
}

/**
 * Section 7.2, of something done to a PRD by who reached it: to subscribers who may see the PRD.
 * @param prd as it is after the deed; a deletion is recorded before its rows go
 */
export async function recordPrdActivity(unit: Unit, prd: PrdAccess, type: ActivityType): Promise<void> {
  const isDeletion = type === 'prd_deleted'
  // What everybody could see may be remembered once it has gone; what was hidden goes with its PRD.
  const kept = isDeletion && prd.access !== 'none'
  const organization = organizationSubject(prd.organization_id)
  await record(unit, {
    organization: prd.organization_id,
    type,
    actor: { id: prd.actor_id, name: prd.actor_name },
    object: { type: 'prd', id: prd.id, title: prd.title },
    prd: kept ? null : prd.id,
    audience: await seersOf(unit, prd),
    subject: isDeletion ? `${organization}/deleted:${prd.id}` : `${prdSubject(prd.id)}/activity`,
  })
}

/** Section 7.2, of somebody who joined or left the organisation: to all its subscribers. */
export async function recordMemberActivity(
  unit: Unit,
  { id: organization, actor_id, actor_name }: OrganizationAccess,
  type: ActivityType,
  person: { readonly id: number; readonly name: string },
): Promise<void> {
  await record(unit, {
    organization,
    type,
    actor: { id: actor_id, name: actor_name },
    object: { type: 'user', id: person.id, title: person.name },
    prd: null,
    audience: { to: [organizationRoom(organization)] },
    subject: `${organizationSubject(organization)}/activity`,
  })
}

interface Activity {
  readonly organization: number
  readonly type: ActivityType
  readonly actor: { readonly id: number; readonly name: string }
  readonly object: { readonly type: 'prd' | 'user'; readonly id: number; readonly title: string }
  readonly prd: number | null
  readonly audience: Audience
  readonly subject: string
}

async function record(unit: Unit, activity: Activity): Promise<void> {
  const { organization, type, actor, object, prd, audience, subject } = activity
  const { id } = (await unit.get(insertActivity, {
    organization_id: organization,
    type,
    actor_id: actor.id,
    object_type: object.type,
    object_id: object.id,
    object_title: object.title,
    prd_id: prd,
    created_at: unit.now,
  }))!
  emit(
    unit,
    'activity-update',
    {
      organizationId: toId('organization', organization),
      activity: {
        id: toId('activity', id),
        type,
        actor: { id: toId('user', actor.id), name: actor.name },
        object: { type: object.type, id: toId(object.type === 'prd' ? 'prd' : 'user', object.id), title: object.title },
        timestamp: timestamp(unit.now),
      },
    },
    audience,
    { subject },
  )
}

/**
 * Subscribers who may see the PRD. Those who see it whatever its access are named even where everybody sees it: they
 * still get the replay once it is hidden from the others (`sightLost`).
 */
async function seersOf(unit: Unit, { id, organization_id, owner_id, access }: PrdAccess): Promise<Audience> {
  const named = [{ account_id: owner_id }, ...(await unit.all(collaboratorsOf, { prd: id }))]
  return {
    to: [
      ...(access === 'none' ? [] : [openPrdsRoom(organization_id)]),
      adminsRoom(organization_id),
      ...new Set(named.map(({ account_id }) => subscriberRoom(organization_id, account_id))),
    ],
    within: [organizationRoom(organization_id)],
  }
}

/**
 * What a change of somebody's place in an organisation does to their subscriptions, at once.
 * @param role null: they are no member any more
 */
export function membershipEffects(
  organization: number,
  accountId: number,
  role: OrganizationRole | null,
): readonly Effect[] {
  const admins = adminsRoom(organization)
  const of = homeRoom(accountId)
  if (role === 'admin') return [{ kind: 'join', of, rooms: [admins] }]
  const left = role === null ? [admins, ...subscriberRooms(organization, accountId)] : [admins]
  return [{ kind: 'leave', of, rooms: left }]
}

/** Where somebody may have lost sight of something. */
export type Loss =
  /** They left the organisation, or have a lesser role in it. */
  | { readonly organization: number; readonly accountId: number }
  /** It was theirs, or shared with them by name, and is not any more. */
  | { readonly organization: number; readonly prd: number; readonly accountId: number }
  /** It was hidden from the organisation. */
  | { readonly organization: number; readonly prd: number }

/**
 * To be called in the unit that took a right away, after its rows were changed: what the log holds for them about PRDs
 * that they do not see now is not replayed to them any more. Lists look by themselves.
 */
export async function sightLost(unit: Unit, loss: Loss): Promise<void> {
  const { organization } = loss
  const prd = 'prd' in loss ? loss.prd : undefined
  const accountId = 'accountId' in loss ? loss.accountId : undefined
  if (prd !== undefined && accountId !== undefined) {
    const standing = await unit.get(accessPrd, { id: prd, actor: accountId })
    if (standing && seesPrd(standing)) return
  }
  const effects: Effect[] = (await unit.query(lostNotifications(unit.dialect, { organization, prd, accountId }))).map(
    (lost) => hide(lost.prd_id, notifiedRoom(lost.account_id)),
  )
  if (prd !== undefined) {
    const seers = accountId === undefined ? openPrdsRoom(organization) : subscriberRoom(organization, accountId)
    effects.push(hide(prd, seers))
  }
  if (effects.length > 0) effect(unit, 'sight-lost', effects)
}

const hide = (prd: number, from: string): Effect => ({
  kind: 'readdress',
  subject: prdSubject(prd),
  from,
  to: hiddenRoom,
})

/** Notifications and activities that have had their time (`feedMs`). */
export async function expireFeeds(unit: Unit, { settings }: Pick<Parts, 'settings'>): Promise<void> {
  const before = unit.now - settings.feedMs
  await unit.run(expireNotifications, { before })
  await unit.run(expireActivities, { before })
}
