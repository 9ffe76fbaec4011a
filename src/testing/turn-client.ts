import { createHash, createHmac, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** STUN (RFC 8489) and TURN (RFC 8656) over UDP, as far as asking for one allocation goes. */

const COOKIE = 0x2112a442
const BINDING = 0x0001
const ALLOCATE = 0x0003
const SUCCESS = 0x0100
const FAILURE = 0x0110

const USERNAME = 0x0006
const MESSAGE_INTEGRITY = 0x0008
const ERROR_CODE = 0x0009
const LIFETIME = 0x000d
const REALM = 0x0014
const NONCE = 0x0015
const REQUESTED_TRANSPORT = 0x0019
const UDP = Buffer.from([17, 0, 0, 0])

type Attributes = ReadonlyMap<number, Buffer>
interface Answer {
  readonly type: number
  readonly attributes: Attributes
}

/** RFC 8489, section 14.5: the length of the message counts the integrity, which covers everything before it. */
function request(type: number, attributes: Attributes, key?: Buffer): Buffer {
  const body = Buffer.concat([...attributes].map(([name, value]) => attribute(name, value)))
  const header = Buffer.alloc(20)
  header.writeUInt16BE(type, 0)
  header.writeUInt16BE(body.length + (key ? 24 : 0), 2)
  header.writeUInt32BE(COOKIE, 4)
  randomBytes(12).copy(header, 8)
  const message = Buffer.concat([header, body])
  if (!key) return message
  return Buffer.concat([message, attribute(MESSAGE_INTEGRITY, createHmac('sha1', key).update(message).digest())])
}

function attribute(name: number, value: Buffer): Buffer {
  const padded = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4)
  padded.writeUInt16BE(name, 0)
  padded.writeUInt16BE(value.length, 2)
  value.copy(padded, 4)
  return padded
}

function parse(message: Buffer): Answer {
  const attributes = new Map<number, Buffer>()
  for (let at = 20; at + 4 <= message.length; ) {
    const length = message.readUInt16BE(at + 2)
    attributes.set(message.readUInt16BE(at), message.subarray(at + 4, at + 4 + length))
    at += 4 + Math.ceil(length / 4) * 4
  }
  return { type: message.readUInt16BE(0), attributes }
}

/** Milliseconds until a request that was not answered is sent again; datagrams get lost. */
const RETRY_MS = 100

/** A client on a port of its own, which is what a TURN server tells clients apart by. */
class TurnClient {
  private readonly socket = createSocket('udp4')
  private readonly port: number
  constructor(port: number) {
    this.port = port
  }

  /** @throws Error when nobody answers within `patienceMs` */
  async ask(message: Buffer, patienceMs: number): Promise<Answer> {
    const send = (): void => this.socket.send(message, this.port, '127.0.0.1')
    const retry = setInterval(send, RETRY_MS)
    const signal = AbortSignal.timeout(patienceMs)
    try {
      send()
      for (;;) {
        const [answer] = (await once(this.socket, 'message', { signal })) as [Buffer]
        if (answer.subarray(8, 20).equals(message.subarray(8, 20))) return parse(answer)
      }
    } finally {
      clearInterval(retry)
    }
  }

  close(): void {
    this.socket.close()
  }
}

/** Resolves when a STUN server on this port of the loopback answers. @throws Error when it does not */
export async function awaitStun(port: number, patienceMs: number): Promise<void> {
  const client = new TurnClient(port)
  try {
    await client.ask(request(BINDING, new Map()), patienceMs)
  } finally {
    client.close()
  }
}

export interface Credential {
  readonly username: string
  readonly credential: string
}

const PATIENCE_MS = 10_000

/**
 * Asks for a relayed address with long-term credentials (RFC 8489, section 9.2).
 * @returns seconds the allocation lives, or the number of the error: 401 for credentials that are not good
 */
export async function allocate(
  port: number,
  { username, credential }: Credential,
): Promise<{ lifetime: number } | { error: number }> {
  const client = new TurnClient(port)
  try {
    const wanted = new Map([[REQUESTED_TRANSPORT, UDP]])
    const challenge = await client.ask(request(ALLOCATE, wanted), PATIENCE_MS)
    const [realm, nonce] = [challenge.attributes.get(REALM), challenge.attributes.get(NONCE)]
    if (!realm || !nonce) throw new Error('The TURN server asks for no credentials')
    const key = createHash('md5').update(`${username}:${realm.toString()}:${credential}`).digest()
    const attributes = new Map([...wanted, [USERNAME, Buffer.from(username)], [REALM, realm], [NONCE, nonce]])
    const { type, attributes: got } = await client.ask(request(ALLOCATE, attributes, key), PATIENCE_MS)
    if (type === (ALLOCATE | SUCCESS)) return { lifetime: got.get(LIFETIME)!.readUInt32BE() }
    if (type !== (ALLOCATE | FAILURE)) throw new Error(`The TURN server answers with ${type.toString(16)}`)
    const code = got.get(ERROR_CODE)!
    return { error: code[2]! * 100 + code[3]! }
  } finally {
    client.close()
  }
}
