import { checkGate } from '../kernel/gate.ts'
import { MAX_ATTACHMENTS } from '../kernel/message.ts'
import type { Ref, TransportListener } from '../kernel/transport.ts'

export { Encoder } from 'socket.io-parser'

/** Who hears an event of one namespace: given the event's array, not looked into yet. Undefined: nobody any more. */
export type Reader = (array: string) => TransportListener | undefined

/** Packet types of Socket.IO protocol 5; with acknowledgements (3, 6) a client answers what we never ask. */
const CONNECT = 0
const DISCONNECT = 1
const EVENT = 2
const ACK = 3
const BINARY_EVENT = 5
const BINARY_ACK = 6

/** Of one event; those over what is taken are counted and thrown away, so that who sent them can be told. */
const MAX_COUNTED = 100
/** Characters of an event's name; one that is longer is nobody's. */
const MAX_NAME = 100
/** Characters; an EIO3 client puts its query there, and in it its token. */
const MAX_NAMESPACE = 4_096
/**
 * CONNECT packets in one session: far more than a page has namespaces, however often it leaves and enters them. Each
 * costs a look at its token, and a payload of long-polling could hold a hundred thousand.
 */
const MAX_CONNECTS = 100

interface Head {
  readonly namespace: string
  readonly ref: Ref
  /** The rest of the packet. */
  readonly json: string
}

interface Packet {
  readonly type: number
  readonly nsp: string
  readonly data?: unknown
}

/** An event whose attachments are still coming. */
interface Awaited {
  readonly count: number
  /** Bytes that are kept at most. */
  readonly max: number
  parts: Uint8Array[]
  left: number
  bytes: number
  readonly tell: (parts: readonly Uint8Array[], bytes: number) => void
}

/**
 * Socket.IO's decoder, in the form its `parser` option asks for: connecting and leaving go to the official server,
 * events directly to who reads them, in the turn they came in and unparsed: the kernel checks size and depth before
 * anything walks them, as on every other transport. Stock Socket.IO parses 20 000 nested arrays without complaint and
 * dies of a stack overflow when it relays them. A packet that breaks the protocol is thrown, and the official server
 * closes the transport, as with its own decoder.
 */
export class RawDecoder {
  private readonly readers = new Map<string, Reader | 'entering' | 'left'>()
  private decoded: ((packet: Packet) => void) | undefined
  private connects = 0
  private awaited: Awaited | undefined

  /** @returns false when the namespace is being entered already, or has been. */
  enter(namespace: string): boolean {
    const reader = this.readers.get(namespace)
    if (reader !== undefined && reader !== 'left') return false
    this.readers.set(namespace, 'entering')
    return true
  }

  /** From now on the events of the namespace are read here. */
  read(namespace: string, reader: Reader): void {
    this.readers.set(namespace, reader)
  }

  /** What was under way when it was left is not read any more, and is no fault of the client's. */
  leave(namespace: string): void {
    this.readers.set(namespace, 'left')
  }

  /** Whether any namespace but this one is read. */
  isReadBeside(namespace: string): boolean {
    return [...this.readers].some(([name, reader]) => name !== namespace && typeof reader === 'function')
  }

  on(_: 'decoded', fn: (packet: Packet) => void): void {
    this.decoded = fn
  }

  removeListener(): void {
    this.decoded = undefined
  }

  destroy(): void {
    this.awaited = undefined
  }

  add(data: unknown): void {
    if (typeof data !== 'string') return this.takeAttachment(data as Uint8Array | ArrayBuffer)
    if (this.awaited) throw new Error('text came in place of an attachment')
    const type = data.charCodeAt(0) - ZERO
    switch (type) {
      case EVENT: {
        const { namespace, ref, json } = headOf(data, 1)
        checkEvent(json)
        return this.readerOf(namespace)?.(json)?.onText(json, ref)
      }
      case BINARY_EVENT:
      case BINARY_ACK: {
        const { count, end } = attachmentsOf(data)
        const { namespace, ref, json } = headOf(data, end)
        checkEvent(json)
        const listener = type === BINARY_EVENT ? this.readerOf(namespace)?.(json) : undefined
        const max = listener?.maxAttachmentBytes ?? 0
        if (count > (max > 0 ? MAX_COUNTED : MAX_ATTACHMENTS)) throw new Error('too many attachments')
        this.awaited = {
          count,
          max: count > MAX_ATTACHMENTS ? 0 : max,
          left: count,
          parts: [],
          bytes: 0,
          tell: (parts, bytes) => listener?.onBinary(json, ref, { count, parts, bytes }),
        }
        return
      }
      case ACK:
        return
      case CONNECT: {
        this.connects += 1
        if (this.connects > MAX_CONNECTS) throw new Error('too many CONNECT packets in one session')
        const { namespace, json } = headOf(data, 1)
        return this.decoded?.({ type, nsp: namespace, data: json === '' ? undefined : authOf(json) })
      }
      case DISCONNECT: {
        const { namespace, json } = headOf(data, 1)
        if (json !== '') throw new Error('a DISCONNECT packet has no payload')
        return this.decoded?.({ type, nsp: namespace })
      }
      default:
        throw new Error('unknown packet type')
    }
  }

  private takeAttachment(data: Uint8Array | ArrayBuffer): void {
    const { awaited } = this
    if (!awaited) throw new Error('an attachment that no event announced')
    awaited.left -= 1
    awaited.bytes += data.byteLength
    if (awaited.bytes > awaited.max) awaited.parts = []
    // A copy: what came is a part of something larger, which would be kept with it.
    else awaited.parts.push(new Uint8Array(data))
    if (awaited.left > 0) return
    this.awaited = undefined
    awaited.tell(awaited.parts, awaited.bytes)
  }

  private readerOf(namespace: string): Reader | undefined {
    const reader = this.readers.get(namespace.split('?', 1)[0]!)
    if (reader === undefined || reader === 'entering') throw new Error('the namespace is not connected')
    return reader === 'left' ? undefined : reader
  }
}

const ZERO = 48
const NINE = 57

/** `/namespace,` when it is not the main one, then the number of the acknowledgement that is waited for. */
function headOf(packet: string, from: number): Head {
  let at = from
  let namespace = '/'
  if (packet.charAt(at) === '/') {
    const comma = packet.indexOf(',', at)
    const end = comma === -1 ? packet.length : comma
    if (end - at > MAX_NAMESPACE) throw new Error('the name of the namespace is too long')
    namespace = packet.slice(at, end)
    at = comma === -1 ? end : end + 1
  }
  const end = endOfDigits(packet, at)
  const ref = end > at ? Number(packet.slice(at, end)) : undefined
  if (ref !== undefined && !Number.isSafeInteger(ref)) throw new Error('this is no number of an acknowledgement')
  return { namespace, ref, json: packet.slice(end) }
}

function attachmentsOf(packet: string): { count: number; end: number } {
  const end = endOfDigits(packet, 1)
  const count = Number(packet.slice(1, end))
  if (packet.charAt(end) !== '-' || count < 1) throw new Error('illegal attachments')
  return { count, end: end + 1 }
}

function endOfDigits(packet: string, from: number): number {
  let at = from
  while (packet.charCodeAt(at) >= ZERO && packet.charCodeAt(at) <= NINE) at += 1
  return at
}

/** The first element of an event's array, where that is a text of a name's length; nothing behind it is looked at. */
export function nameOf(array: string): string | undefined {
  const name = NAME.exec(array.slice(0, MAX_NAME))?.[1]
  try {
    return name === undefined ? undefined : (JSON.parse(name) as string)
  } catch {
    return undefined
  }
}

const NAME = /^\[\s*("(?:[^"\\]|\\.)*")/

/** Whether it is an array by its ends; what is in between the kernel looks at, and answers. */
function checkEvent(json: string): void {
  if (!json.startsWith('[') || !json.endsWith(']')) throw new Error('invalid payload')
}

function authOf(json: string): object {
  checkGate(json)
  const auth = JSON.parse(json) as unknown
  if (typeof auth !== 'object' || auth === null || Array.isArray(auth)) throw new Error('invalid payload')
  return auth
}
