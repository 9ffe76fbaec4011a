import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer, request } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { Addresses } from '../adapters/addresses.ts'
import { upgradeHandler } from '../adapters/upgrade.ts'
import { rawWebSockets } from '../adapters/ws.ts'
import type { CommandError } from '../kernel/errors.ts'
import type { Face } from '../kernel/face.ts'
import type { HubLimits } from '../kernel/hub.ts'
import { FakeClock } from './clock.ts'
import { toyKernel, type Toy, type ToyParts } from './toy.ts'

export const CONNECTIONS = 5
export const limits: Face['limits'] = {
  frames: { limit: 1_000, perMs: 60_000 },
  maxFrameBytes: 4_096,
  connectionsPerAccount: CONNECTIONS,
  opens: { limit: 10, perMs: 60_000 },
  authDeadlineMs: 30_000,
}

const refusal = ({ kind, message, details }: CommandError): string =>
  JSON.stringify({ error: { code: `TOY_${kind.toUpperCase()}`, message, ...(details && { details }) } })

export type Headers = Readonly<Record<string, string | string[]>>

/** What an upgrade request was answered; 101 with the socket it opened. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  readonly socket?: Socket
}

/** A server whose toy face wants to know who comes before the handshake, with time in the test's hand. */
export class Door {
  readonly toy: Toy
  readonly clock: FakeClock
  readonly port: number
  private readonly sockets: Socket[] = []

  constructor(toy: Toy, clock: FakeClock, port: number) {
    this.toy = toy
    this.clock = clock
    this.port = port
  }

  /** Upgrades by hand: a peer that answers no ping by itself, unless told to. */
  knock(token: string | undefined, more: Headers = {}, path = '/toy'): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = { ...handshake(), ...(token !== undefined && { authorization: `Bearer ${token}` }), ...more }
      const sent = request({ port: this.port, host: '127.0.0.1', path, headers, agent: false })
      sent.on('error', reject)
      sent.on('upgrade', (response, socket: Socket) => {
        this.sockets.push(socket)
        socket.on('error', () => undefined)
        resolve({ status: response.statusCode!, headers: response.headers, body: '', socket })
      })
      sent.on('response', (response) => {
        let body = ''
        response.on('data', (data: Buffer) => (body += data.toString()))
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }))
      })
      sent.end()
    })
  }

  /** A peer that answers pings, as every WebSocket stack does. */
  async enter(token: string): Promise<Answer & { readonly socket: Socket }> {
    const answer = await this.knock(token)
    assert.equal(answer.status, 101, answer.body)
    answer.socket!.on('data', (data: Buffer) => echoPings(answer.socket!, data))
    return answer as Answer & { readonly socket: Socket }
  }

  /** Many open connections of an account that will answer nothing. */
  async fill(token: string, count = CONNECTIONS): Promise<Socket[]> {
    const answers = await Promise.all(Array.from({ length: count }, () => this.knock(token)))
    for (const { status } of answers) assert.equal(status, 101)
    return answers.map(({ socket }) => socket!.resume())
  }

  get slots(): number {
    return this.toy.hub.leftovers['counts']!
  }

  async until(done: () => boolean, what = 'what was waited for'): Promise<void> {
    for (let i = 0; i < 20_000 && !done(); i += 1) await new Promise((turn) => setImmediate(turn))
    assert.ok(done(), `${what} did not happen`)
  }

  async empty(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await this.until(() => this.toy.hub.connections.size === 0 && this.slots === 0, 'the end of all connections')
  }
}

export const handshake = (): Record<string, string> => ({
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': randomBytes(16).toString('base64'),
})

/** Server frames of up to 125 bytes, whole in `data`: pings go back as masked pongs. */
export function echoPings(socket: Socket, data: Buffer): void {
  for (let at = 0; at + 1 < data.length; ) {
    const length = data[at + 1]!
    const payload = data.subarray(at + 2, at + 2 + length)
    if (data[at] === 0x89) socket.write(Buffer.concat([Buffer.from([0x8a, 0x80 | length, 0, 0, 0, 0]), payload]))
    at += 2 + length
  }
}

export async function door(t: TestContext, parts: ToyParts = {}, hubLimits: Partial<HubLimits> = {}): Promise<Door> {
  const clock = new FakeClock()
  const toy = await toyKernel(clock, hubLimits, { ...parts, face: { limits, refusal, ...parts.face } })
  const match = (path: string) => (path === '/toy' ? { place: 'here' } : undefined)
  const server = createServer().on(
    'upgrade',
    upgradeHandler({
      hub: toy.hub,
      endpoints: [{ kind: 'websocket', face: toy.face, match }],
      raw: rawWebSockets(toy.hub),
      allowedOrigins: [],
      addressOf: () => 'test',
      addresses: new Addresses(clock, { perMinute: 0, open: 0 }),
    }),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const it = new Door(toy, clock, (server.address() as AddressInfo).port)
  t.after(async () => {
    await it.empty()
    await new Promise((resolve) => server.close(resolve))
    await toy.close()
  })
  return it
}

/** The answer is this refusal, in the toy's words. */
export function checkRefused(answer: Answer, status: number, code: string, message: RegExp): void {
  assert.equal(answer.status, status, answer.body)
  assert.equal(answer.headers['content-type'], 'application/json')
  const { error } = JSON.parse(answer.body) as { error: Record<string, unknown> }
  assert.equal(error['code'], code)
  assert.match(String(error['message']), message)
}
