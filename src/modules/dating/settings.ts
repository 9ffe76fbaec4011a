import type { Window } from '../../kernel/limits.ts'
import type { Language } from './moderation/index.ts'

/** Limits and intervals of the module; config.ts gives each its default and reason. Times in milliseconds. */
export interface DatingSettings {
  /** Messages of one person, over all connections and REST; every window must have room. */
  readonly messages: readonly Window[]
  /** typing:start and typing:stop together, per person. */
  readonly typing: Window
  /** Connections one person may open. */
  readonly opens: Window
  /** Connections one person may have at once. */
  readonly connections: number
  /** Matches one person may make. */
  readonly conversations: Window
  /** Likes one person may give. */
  readonly likes: Window
  /** Reports one person may file. */
  readonly reports: Window
  /** All frames of one connection, pings included: far above what a person does. */
  readonly frames: Window
  /** REST writes per account. */
  readonly writes: Window
  readonly maxFrameBytes: number
  /** Code points of a text message. */
  readonly textCharacters: number
  /** UTF-16 units of one message that are looked through for words and personal data; more is refused. */
  readonly reviewCharacters: number
  /** Keys in `metadata`, nested ones included. */
  readonly metadataKeys: number
  /** Bytes of an uploaded photo. */
  readonly photoBytes: number
  /** Uploads a person may have that are in no message and no profile. */
  readonly unsentPhotos: number
  readonly unsentPhotoMs: number
  /** How long a signed URL of a photo works. */
  readonly photoUrlMs: number
  /** From the viewing of an ephemeral photo to its destruction, when its message does not say. */
  readonly ephemeralMs: number
  /** The longest `metadata.ttl`. */
  readonly ephemeralMaxMs: number
  /** How long an ephemeral photo waits to be opened. */
  readonly ephemeralUnopenedMs: number
  /** Time for handshake and authentication. */
  readonly handshakeMs: number
  /** How long a person who lost their last connection stays online for the others. */
  readonly presenceGraceMs: number
  /** After which somebody who does not say so again has stopped typing. */
  readonly typingMs: number
  /** What happens to words nobody should have to read. */
  readonly filter: 'mask' | 'refuse'
  readonly filterLanguages: readonly Language[]
  /** Countries whose national phone numbers are recognised. */
  readonly phoneRegions: readonly string[]
  /** How long a closed report and its evidence are kept. */
  readonly reportRetentionMs: number
}
