import type { Caller } from '../../../kernel/action.ts'
import type { Connection } from '../../../kernel/connection.ts'
import type { Reader } from '../../../kernel/database.ts'
import { conflict, forbidden, type CommandError } from '../../../kernel/errors.ts'
import type { Room } from '../../../kernel/rooms.ts'
import { rowOf } from '../ids.ts'
import { adminsRoom, isOrganizationRoom, organizationRoom, subscriberRooms } from '../rooms.ts'
import { accessOrganization } from '../store/access.ts'
import type { OrganizationRole } from '../tables.ts'
import type { Parts } from './parts.ts'

/**
 * Section 11.2: the connection is told of the organisation's activities until it ends. Again is no fault.
 *
 * The rooms first, then the right to them once more: who loses it in between is found there, or is seen here.
 * @throws forbidden for who is no member, and for an organisation that is not there; conflict past the limit
 */
export async function subscribe(
  parts: Pick<Parts, 'database' | 'hub' | 'settings'>,
  caller: Caller,
  connection: Connection,
  id: number,
): Promise<void> {
  const { accountId } = caller
  const { rooms } = parts.hub
  let role = await parts.database.read((reader) => roleIn(reader, id, accountId))
  checkLimit(parts, connection, id)
  for (;;) {
    if (!connection.session) return
    const entered = roomsOf(id, accountId, role)
    for (const room of entered) rooms.join(connection, room)
    let now: OrganizationRole
    try {
      now = await parts.database.read((reader) => roleIn(reader, id, accountId))
    } catch (cause) {
      for (const room of entered) rooms.leave(connection, room)
      throw cause
    }
    if (now === role) return
    if (role === 'admin') rooms.leave(connection, adminsRoom(id))
    role = now
  }
}

/**
 * What a client that comes back was subscribed to.
 * @param organizations ids, by comma; empty: none
 * @returns the rooms of those it is a member of, and what is to be said of the others
 */
export async function subscriptionsOf(
  { settings }: Pick<Parts, 'settings'>,
  reader: Reader,
  accountId: number,
  organizations: string,
): Promise<{ readonly rooms: readonly Room[]; readonly refused: CommandError | undefined }> {
  const named = organizations.split(',').filter((id) => id !== '')
  const asked = [...new Set(named.map((id) => rowOf('organization', id)))]
  const rooms: Room[] = []
  let refused = asked.length > settings.subscriptions ? tooMany(settings.subscriptions) : undefined
  for (const id of asked.slice(0, settings.subscriptions)) {
    const membership = await reader.get(accessOrganization, { id, actor: accountId })
    if (membership?.organization_role) rooms.push(...roomsOf(id, accountId, membership.organization_role))
    else refused = stranger()
  }
  return { rooms, refused }
}

async function roleIn(reader: Reader, id: number, actor: number): Promise<OrganizationRole> {
  const membership = await reader.get(accessOrganization, { id, actor })
  if (!membership?.organization_role) throw stranger()
  return membership.organization_role
}

const roomsOf = (id: number, accountId: number, role: OrganizationRole): readonly Room[] => [
  ...subscriberRooms(id, accountId),
  ...(role === 'admin' ? [adminsRoom(id)] : []),
]

function checkLimit({ settings }: Pick<Parts, 'settings'>, { rooms }: Connection, id: number): void {
  if (rooms.has(organizationRoom(id))) return
  if ([...rooms].filter(isOrganizationRoom).length >= settings.subscriptions) throw tooMany(settings.subscriptions)
}

const stranger = (): CommandError => forbidden('You may subscribe to organizations that you are a member of')

const tooMany = (most: number): CommandError =>
  conflict(`One connection subscribes to at most ${most} organizations; open another one`)
