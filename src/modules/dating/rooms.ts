import { userRoom, type Room } from '../../kernel/rooms.ts'

export const MODULE = 'dating'

/** All connections of one person. */
export const homeRoom = (accountId: number): Room => userRoom(MODULE, accountId)
/** Connections of both people that have joined the conversation. */
export const joinedRoom = (conversation: string): Room => `${MODULE}:conversation:${conversation}`
