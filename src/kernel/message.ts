import { invalid } from './errors.ts'

/**
 * What a face gives to be sent: the text of a frame or, where the transport has binary events, the text with bytes
 * beside it. In `text` the place of `attachments[n]` is `{"_placeholder":true,"num":n}`, as Socket.IO writes it.
 */
export type Message = string | BinaryMessage

export interface BinaryMessage {
  readonly text: string
  readonly attachments: readonly Uint8Array[]
}

/** What came with the text of a binary event. */
export interface Attachments {
  /** As many as were announced. */
  readonly count: number
  /** Size of all of them together, whether or not they were kept. */
  readonly bytes: number
  /** Empty when they are more, or larger, than may be. */
  readonly parts: readonly Uint8Array[]
}

/** Of one message, in and out; what official decoders take, too. */
export const MAX_ATTACHMENTS = 10

/**
 * The array of an event, or any JSON, as a message: each `Uint8Array` in it becomes an attachment.
 * @throws Error when there are more than clients take
 */
export function messageOf(value: unknown): Message {
  const attachments: Uint8Array[] = []
  const text = JSON.stringify(value, function (this: Record<string, unknown>, key, inner: unknown) {
    // A Buffer has been through its toJSON by now; what it was is still where it came from.
    const given = this[key]
    if (!(given instanceof Uint8Array)) return inner
    attachments.push(given)
    return { _placeholder: true, num: attachments.length - 1 }
  })
  if (attachments.length > MAX_ATTACHMENTS) throw new Error(`a message has at most ${MAX_ATTACHMENTS} attachments`)
  return attachments.length === 0 ? text : { text, attachments }
}

/**
 * Puts the attachments where their placeholders are, in place. To be called with what has passed the gate.
 * @throws CommandError invalid: there are too many, or not exactly one placeholder for each
 */
export function restore(value: unknown, { count, parts }: Attachments): unknown {
  if (count > MAX_ATTACHMENTS) throw invalid({ frame: `must not have more than ${MAX_ATTACHMENTS} attachments` })
  const left = new Set(parts.keys())
  const filled = fill(value, parts, left)
  if (left.size > 0) throw invalid({ frame: 'must have a placeholder for each of its attachments' })
  return filled
}

function fill(value: unknown, parts: readonly Uint8Array[], left: Set<number>): unknown {
  if (typeof value !== 'object' || value === null) return value
  const members = value as Record<string, unknown>
  if (Object.hasOwn(members, '_placeholder')) return partOf(members, parts, left)
  for (const key of Object.keys(members)) members[key] = fill(members[key], parts, left)
  return value
}

function partOf({ num }: Record<string, unknown>, parts: readonly Uint8Array[], left: Set<number>): Uint8Array {
  if (typeof num !== 'number' || !left.delete(num)) {
    throw invalid({ frame: `must have placeholders {"_placeholder":true,"num":n}, each n below ${parts.length} once` })
  }
  return parts[num]!
}
