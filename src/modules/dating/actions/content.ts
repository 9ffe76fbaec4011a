import { CommandError, invalid } from '../../../kernel/errors.ts'
import type { Moderation } from '../moderation/index.ts'
import type { DatingSettings } from '../settings.ts'
import { messageTypes, type MessageType } from '../wire.ts'

/** What a client may say in a message, and what becomes of it before it is stored: specs/dating.md, message:send. */

export interface Draft {
  readonly type: string
  readonly content: string
  readonly metadata: Readonly<Record<string, unknown>>
}

export interface Checked {
  readonly type: Exclude<MessageType, 'system'>
  readonly content: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly encrypted: boolean
  /** The client's own id, echoed with the metadata: the same again is the same message. */
  readonly clientId: string | null
}

/** @throws CommandError: unsupported (INVALID_MESSAGE_TYPE), too_large (MESSAGE_TOO_LARGE), invalid */
export function checkDraft({ type, content, metadata }: Draft, settings: DatingSettings): Checked {
  const known = messageTypes.find((one) => one === type)
  if (known === undefined || known === 'system') {
    const details = { type: 'must be text, photo, photo_ephemeral, location or gift' }
    throw new CommandError('unsupported', 'Unsupported message type', { details })
  }
  const encrypted = metadata['encrypted'] === true
  checkContent(known, content, encrypted, settings)
  checkMetadata(metadata, known, settings)
  const clientId = metadata['client_id']
  return {
    type: known,
    // A half character cannot be sent on; whoever encrypts has text that has none.
    content: content.toWellFormed(),
    metadata,
    encrypted,
    clientId: typeof clientId === 'string' && CLIENT_ID.test(clientId) ? clientId : null,
  }
}

/** No NUL, which PostgreSQL does not store: what does not fit is echoed like any other metadata, and nothing more. */
const CLIENT_ID = /^[^\0\ud800-\udfff]{1,64}$/u

const INVALID = 'Invalid message content'

function checkContent(type: Checked['type'], content: string, encrypted: boolean, settings: DatingSettings): void {
  if (content.includes('\0')) throw invalid({ content: 'Message content cannot hold NUL characters' }, INVALID)
  if (Buffer.byteLength(content) > settings.maxFrameBytes)
    throw tooLarge(`must have at most ${settings.maxFrameBytes} bytes`)
  if (type === 'text') {
    if (content === '' || (!encrypted && isBlank(content)))
      throw invalid({ content: 'Message content cannot be empty' }, INVALID)
    if (!encrypted && moreThan(content, settings.textCharacters)) {
      throw tooLarge(`must have at most ${settings.textCharacters} characters`)
    }
  }
}

/** Text in which there is nothing to see. */
const isBlank = (text: string): boolean => /^[\s\p{Cf}\p{Cc}\p{Mn}\p{Default_Ignorable_Code_Point}]*$/u.test(text)

/** Counts code points, which is what the document's characters are here; never more of them than asked for. */
function moreThan(text: string, limit: number): boolean {
  if (text.length <= limit) return false
  if (text.length > limit * 2) return true
  let count = 0
  for (const _ of text) if ((count += 1) > limit) return true
  return false
}

const tooLarge = (fault: string, field = 'content'): CommandError =>
  new CommandError('too_large', 'The message is too large', { details: { [field]: fault } })

function checkMetadata(metadata: Checked['metadata'], type: Checked['type'], settings: DatingSettings): void {
  let keys = 0
  const count = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const inner of Object.values(value)) {
      if ((keys += 1) > settings.metadataKeys) {
        throw invalid({ metadata: `must have at most ${settings.metadataKeys} keys and elements` })
      }
      count(inner)
    }
  }
  count(metadata)
  const { size, ttl } = metadata
  const isPhoto = type === 'photo' || type === 'photo_ephemeral'
  if (isPhoto && typeof size === 'number' && size > settings.photoBytes) {
    throw tooLarge(`must be at most ${settings.photoBytes} bytes`, 'metadata.size')
  }
  if (
    type === 'photo_ephemeral' &&
    ttl !== undefined &&
    !(typeof ttl === 'number' && ttl >= 0 && ttl * 1000 <= settings.ephemeralMaxMs)
  ) {
    throw invalid({ 'metadata.ttl': `must be a number of seconds from 0 to ${settings.ephemeralMaxMs / 1000}` })
  }
}

/** An address a photo may have, when it is not an upload here: nothing a page could run. */
export function checkPhotoAddress(content: string): void {
  let url: URL | undefined
  try {
    url = new URL(content)
  } catch {}
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '') {
    throw invalid({ content: 'must be the http(s) URL of the photo, or the url of an upload of yours' }, INVALID)
  }
}

/** Keys whose values are addresses and ids, which words in them do not turn into speech. */
const technical: ReadonlySet<string> = new Set(['client_id', 'url', 'thumbnail_url', 'gift_id', 'mime_type'])

/**
 * What the other side is shown: words nobody should have to read and personal data are masked, in the content and in
 * every text of the metadata. Encrypted messages pass as they are.
 * @throws invalid when such words are refused here, too_large for more than is looked through
 */
export function moderate(
  moderation: Moderation,
  { type, content, metadata, encrypted }: Checked,
  context: { readonly previous: readonly string[]; readonly sharesPersonal: boolean },
  { reviewCharacters }: Pick<DatingSettings, 'reviewCharacters'>,
): Pick<Checked, 'content' | 'metadata'> {
  if (encrypted) return { content, metadata }
  let looked = 0
  const review = (text: string, previous: readonly string[] = []): string => {
    looked += text.length
    if (looked > reviewCharacters) {
      const field = text === content ? 'content' : 'metadata'
      throw tooLarge(`must not make more than ${reviewCharacters} characters of text, metadata and all`, field)
    }
    const result = moderation.review(text, { ...context, previous })
    if (result.refused)
      throw invalid({ content: 'holds words that are not allowed here; write it in other words' }, INVALID)
    return result.text
  }
  const inside = (value: unknown, key = ''): unknown => {
    if (typeof value === 'string') return technical.has(key) && !/\s/.test(value) ? value : review(value)
    if (Array.isArray(value)) return value.map((element) => inside(element, key))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, inside(inner, name)]))
  }
  const isAddress = type === 'photo' || type === 'photo_ephemeral'
  return {
    content: isAddress ? content : review(content, context.previous),
    metadata: inside(metadata) as Checked['metadata'],
  }
}
