import type { Audience, Room } from '../../kernel/rooms.ts'
import type { ChannelType } from './wire.ts'

export const MODULE = 'workspace'

/** One person's connections to one workspace. */
export const homeRoom = (workspace: string, accountId: number): Room => `${MODULE}:${workspace}:user:${accountId}`
/** Everybody in the workspace who is more than a guest: who may know of every public channel. */
export const fullRoom = (workspace: string): Room => `${MODULE}:${workspace}:full`
/** Members of a channel. */
export const channelRoom = (channel: string): Room => `${MODULE}:channel:${channel}`
/** Guests among them: the only people of whom a presence must be sent channel by channel. */
export const guestRoom = (channel: string): Room => `${MODULE}:guests:${channel}`

export interface ChannelPlace {
  readonly uuid: string
  readonly workspace_uuid: string
  readonly type: ChannelType
}

export const ofChannel = (channel: string): Audience => ({ to: [channelRoom(channel)] })
/** Everybody who may know that the channel exists. */
export const ofSeers = ({ uuid, workspace_uuid, type }: ChannelPlace): Audience => ({
  to: type === 'public' ? [fullRoom(workspace_uuid), channelRoom(uuid)] : [channelRoom(uuid)],
})
/** This person alone, on the connections to this workspace. */
export const ofPerson = (workspace: string, accountId: number): Audience => ({ to: [homeRoom(workspace, accountId)] })
/** Rooms a member of a channel is in because of it. */
export const roomsOfMember = (channel: string, guest: boolean): readonly Room[] =>
  guest ? [channelRoom(channel), guestRoom(channel)] : [channelRoom(channel)]

const CHANNEL = `${MODULE}:channel:`
/** The channel whose members' room this is. */
export const channelOf = (room: Room): string | undefined =>
  room.startsWith(CHANNEL) ? room.slice(CHANNEL.length) : undefined
export const isChannelRoom = (room: Room): boolean => channelOf(room) !== undefined
