import type { Window } from '../../kernel/limits.ts'

/** Limits and intervals of the module; config.ts gives each its default and reason. Times in milliseconds. */
export interface HelpdeskSettings {
  /** Commands of one connection. */
  readonly frames: Window
  /** Messages of one person, over all tabs and REST. */
  readonly messages: Window
  /** Changes of status of one person: each reaches everybody. */
  readonly statuses: Window
  /** Calls one person may start. */
  readonly calls: Window
  /** REST writes per account. */
  readonly writes: Window
  readonly maxFrameBytes: number
  /** From the connection to the first token. */
  readonly authDeadlineMs: number
  /** From the first refused token to the end of the connection. */
  readonly authGraceMs: number
  /** Code points of a message. */
  readonly messageCharacters: number
  /** Code points of a broadcast. */
  readonly broadcastCharacters: number
  /** Code points of a status message, and of a custom status. */
  readonly statusCharacters: number
  /** Channels one connection may have joined at once. */
  readonly joinedChannels: number
  readonly channels: number
  /** People of one channel. */
  readonly channelMembers: number
  readonly fileBytes: number
  /** Uploads a person may have that are in no message yet, and how long such a one is kept. */
  readonly unsentFiles: number
  readonly unsentFileMs: number
  /** How long somebody whose last tab has gone stays there for the others. */
  readonly presenceGraceMs: number
  /** Between two searches for connections that are dead. */
  readonly sweepMs: number
  /** After which somebody who does not say so again has stopped typing. */
  readonly typingMs: number
  /** How long a call rings. */
  readonly ringMs: number
  /** How long a party of a call may be without a connection. */
  readonly callGraceMs: number
  /** The longest call. */
  readonly callMs: number
  /** Candidates of one party that wait until the other can have them. */
  readonly callCandidates: number
  /** UTF-16 units of an offer or answer, as JSON. */
  readonly offerCharacters: number
  /** From the making of a ticket to its due time, by priority; 0: none. */
  readonly ticketDueMs: Readonly<Record<'urgent' | 'high' | 'normal' | 'low', number>>
  /** Addresses of STUN servers that clients are told; none by default, as a public one would learn their addresses. */
  readonly stunUrls: readonly string[]
  /** Addresses of TURN servers, and the secret shared with them. */
  readonly turnUrls: readonly string[]
  readonly turnSecret: string
  readonly turnCredentialMs: number
  /** relay: clients are told to talk through TURN alone, so that nobody learns another's address. */
  readonly icePolicy: 'all' | 'relay'
}
