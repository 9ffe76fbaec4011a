import { invalid } from '../../../kernel/errors.ts'

/** What a client says of a file; only of one that is kept elsewhere is any of it believed. */
export interface Announced {
  readonly channelId: number
  /** One line, at most 255 characters (code points). */
  readonly fileName: string
  /** Bytes. */
  readonly fileSize: number
  /** A MIME type; empty where the browser knew none. */
  readonly fileType: string
  readonly messageId: number
}

const NAME_CHARACTERS = 255
/** Control characters, line breaks, halves of characters, and what turns the direction of text to hide an extension. */
const unfit = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

/** @returns the name in NFC, as those of uploads are */
export function checkAnnouncedName(given: string): string {
  const name = given.normalize('NFC')
  if (name.trim() === '' || unfit.test(name)) {
    throw invalid({ fileName: 'must be one line of text, not blank, without invisible characters' })
  }
  if (name.length > NAME_CHARACTERS && [...name].length > NAME_CHARACTERS) {
    throw invalid({ fileName: `must not have more than ${NAME_CHARACTERS} characters` })
  }
  return name
}

/** RFC 6838, 4.2: names of at most 127 characters. What follows them is of no use to who is told. */
const mimeType = /^([a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126})(?: *;[\x20-\x7e]{0,255})?$/i

export function checkAnnouncedType(given: string): string {
  if (given === '') return 'application/octet-stream'
  const type = mimeType.exec(given)?.[1]
  if (type === undefined) throw invalid({ fileType: 'must be a MIME type, like image/png, or empty' })
  return type.toLowerCase()
}

export function checkAnnouncedSize(size: number): number {
  if (Number.isSafeInteger(size) && size >= 0) return size
  throw invalid({ fileSize: 'must be a whole number of bytes, at most 9007199254740991' })
}
