import { userRoom, type Room } from '../../kernel/rooms.ts'

export const MODULE = 'helpdesk'

/** All connections (tabs) of one person. */
export const homeRoom = (accountId: number): Room => userRoom(MODULE, accountId)
/** Everybody who is authenticated: whom broadcasts reach. */
export const allRoom: Room = `${MODULE}:all`
/** Of these, everybody with `chat.access`: who sees presences. */
export const chatRoom: Room = `${MODULE}:chat`

const JOINED = `${MODULE}:channel:`
/** Connections that have joined the channel. */
export const joinedRoom = (channel: number): Room => `${JOINED}${channel}`
/** The channel whose room of joined connections this is. */
export const channelOf = (room: Room): number | undefined =>
  room.startsWith(JOINED) ? Number(room.slice(JOINED.length)) : undefined
/** Channels a connection has joined. */
export const channelsOf = (rooms: Iterable<Room>): readonly number[] =>
  [...rooms].map(channelOf).filter((channel) => channel !== undefined)
