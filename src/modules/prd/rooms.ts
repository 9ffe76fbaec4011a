import { userRoom, type Room } from '../../kernel/rooms.ts'

export const MODULE = 'prd'

/** All connections of one person, in every namespace. */
export const homeRoom = (accountId: number): Room => userRoom(MODULE, accountId)
/** Of these, the ones that are told of notifications. */
export const notifiedRoom = (accountId: number): Room => `${MODULE}:notified:${accountId}`
/** Connections that have subscribed to an organisation. */
export const organizationRoom = (organization: number): Room => `${MODULE}:organization:${organization}`
export const isOrganizationRoom = (room: Room): boolean => room.startsWith(`${MODULE}:organization:`)
/** The same connections, as those who are told of the PRDs that everybody in the organisation sees. */
export const openPrdsRoom = (organization: number): Room => `${MODULE}:open-prds:${organization}`
/** Connections of the organisation's admins, whether they have subscribed or not: who sees all of its PRDs. */
export const adminsRoom = (organization: number): Room => `${MODULE}:admins:${organization}`
/** Nobody is ever in it: what is addressed to it stays in the log and is not replayed. */
export const hiddenRoom: Room = `${MODULE}:hidden`
/** Of one person, the connections that have subscribed to an organisation: how they are taken out of it. */
export const subscriberRoom = (organization: number, accountId: number): Room =>
  `${MODULE}:subscriber:${organization}:${accountId}`

/** All that a connection of somebody is in by their subscription. */
export const subscriberRooms = (organization: number, accountId: number): readonly Room[] => [
  organizationRoom(organization),
  openPrdsRoom(organization),
  subscriberRoom(organization, accountId),
]

/** Connections that have joined the PRD. */
export const joinedRoom = (prd: number): Room => `${MODULE}:joined:${prd}`
/** Of these, the ones that get operations, and the ones that get Yjs updates. */
export const plainRoom = (prd: number): Room => `${MODULE}:plain:${prd}`
export const richRoom = (prd: number): Room => `${MODULE}:rich:${prd}`
/** Of those who joined it, the ones that get presences in batches. */
export const batchRoom = (prd: number): Room => `${MODULE}:batch:${prd}`
/** Of one person, the connections that have joined the PRD. */
export const participantRoom = (prd: number, accountId: number): Room => `${MODULE}:participant:${prd}:${accountId}`
