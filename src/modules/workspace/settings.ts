import type { Window } from '../../kernel/limits.ts'

/** Limits and intervals of the module; config.ts gives each its default and reason. */
export interface WorkspaceSettings {
  /** Client frames other than pings, per connection. */
  readonly frames: Window
  /** The same, for all connections of one account together. */
  readonly accountFrames: Window
  /** Pings, protocol pings included, per connection. */
  readonly pings: Window
  /** REST writes per account. */
  readonly writes: Window
  readonly maxFrameBytes: number
  /** Code points of a message. */
  readonly messageCharacters: number
  /** Bytes of one attachment. */
  readonly attachmentBytes: number
  /** Bytes of all files of one workspace. */
  readonly storageBytes: number
  readonly attachmentsPerMessage: number
  /** Uploads an account may have that are not yet in a message. */
  readonly unsentUploads: number
  readonly unsentUploadMs: number
  /** Different emoji on one message. */
  readonly emojiPerMessage: number
  /** All reactions on one message. */
  readonly reactionsPerMessage: number
  /** People one message may mention by name. */
  readonly mentionsPerMessage: number
  readonly pinsPerChannel: number
  readonly channelsPerWorkspace: number
  readonly membersPerWorkspace: number
  readonly workspacesPerAccount: number
  readonly invitesPerWorkspace: number
  /** Most people of one direct message, the one who starts it included. */
  readonly dmPeople: number
  readonly inviteMs: number
  /** Milliseconds a person who lost their last connection stays online for the others. */
  readonly presenceGraceMs: number
  /** Milliseconds without activity after which a person is away; 0: never. */
  readonly idleMs: number
  /** Milliseconds after which somebody who does not say so again has stopped typing. */
  readonly typingMs: number
}
