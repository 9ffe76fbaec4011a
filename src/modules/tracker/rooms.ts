import { userRoom as userRoomOf, type Audience, type Room } from '../../kernel/rooms.ts'

export const MODULE = 'tracker'

const PROJECT = `${MODULE}:project:`

export const adminsRoom: Room = `${MODULE}:admins`
export const projectRoom = (projectId: number): Room => `${PROJECT}${projectId}`
export const userRoom = (userId: number): Room => userRoomOf(MODULE, userId)
export const isProjectRoom = (room: Room): boolean => room.startsWith(PROJECT)

/** Everybody who may see the project. */
export const ofProject = (projectId: number): Audience => ({ to: [projectRoom(projectId), adminsRoom] })
/** This person alone. */
export const ofUser = (userId: number): Audience => ({ to: [userRoom(userId)] })
/** This person alone, and only while they see the project. */
export const ofUserWithin = (userId: number, projectId: number): Audience => ({
  to: [userRoom(userId)],
  within: [projectRoom(projectId), adminsRoom],
})
