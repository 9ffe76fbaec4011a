import { perform, type Caller } from '../../../kernel/action.ts'
import { notFound } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { accountSubject, emit } from '../events.ts'
import { countUnread, findNotification, type Notification } from '../lists/feeds.ts'
import { notifiedRoom } from '../rooms.ts'
import { markAllRead, markRead } from '../store/feeds.ts'
import type { Parts } from './parts.ts'

/** One's other tabs are told. @throws not_found for one that is not one's own */
export function readNotification(
  { unitOfWork }: Pick<Parts, 'unitOfWork'>,
  caller: Caller,
  id: number,
): Promise<Notification> {
  return perform(unitOfWork, caller, async (unit, about) => {
    about(accountSubject(caller.accountId))
    const before = await findNotification(unit, caller.accountId, id)
    if (!before) throw notFound('This notification')
    const changed = await unit.run(markRead, { id, account: caller.accountId, at: unit.now })
    if (changed === 0) return before
    await tell(unit, caller.accountId, before.id)
    return (await findNotification(unit, caller.accountId, id))!
  })
}

/** What is unread from then on has come later. */
export function readAllNotifications(
  { unitOfWork }: Pick<Parts, 'unitOfWork'>,
  caller: Caller,
): Promise<{ readonly unreadCount: number }> {
  return perform(unitOfWork, caller, async (unit) => {
    const changed = await unit.run(markAllRead, { account: caller.accountId, at: unit.now })
    if (changed > 0) await tell(unit, caller.accountId, null)
    return { unreadCount: 0 }
  })
}

/** @param id null: all of them */
async function tell(unit: Unit, accountId: number, id: string | null): Promise<void> {
  const unreadCount = await countUnread(unit, accountId)
  emit(
    unit,
    'notifications-read',
    { notificationId: id, unreadCount },
    { to: [notifiedRoom(accountId)] },
    { subject: `${accountSubject(accountId)}/read` },
  )
}

