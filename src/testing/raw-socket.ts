import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { World } from './world.ts'

/** Upgrades and WebSocket frames byte by byte: what no library would send. */

export interface Handshake {
  readonly status: number
  readonly body: string
}

/** What an upgrade request with these headers is answered. */
export async function upgrade({ url }: World, path: string, headers: Record<string, string>): Promise<Handshake> {
  const handshake = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
  }
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { headers: { ...handshake, ...headers }, agent: false })
    sent.on('error', reject)
    sent.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve({ status: response.statusCode!, body: '' })
    })
    sent.on('response', (response) => {
      let body = ''
      response.on('data', (data: Buffer) => (body += data.toString()))
      response.on('end', () => resolve({ status: response.statusCode!, body }))
    })
    sent.end()
  })
}

/** Origins of pages that may connect: ours, and those of this machine. */
export const goodOrigins = (own: string): readonly string[] => [
  own,
  own.replace('http', 'https'),
  'http://localhost',
  'http://localhost:5173',
  'https://127.0.0.1:8443',
  'http://[::1]:3000',
]

export const badOrigins = (own: string): readonly string[] => [
  'https://evil.example',
  'null',
  'http://localhost.evil.example',
  'http://evil.example/localhost',
  'http://localhost@evil.example',
  'http://127.0.0.1.evil.example',
  'http://localhost:123456',
  `${own}.evil.example`,
  'file://',
  'chrome-extension://localhost',
]

export function rawSocket({ url }: World): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  return socket
}

export const handshakeOf = (target: string): string =>
  [
    `GET ${target} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '\r\n',
  ].join('\r\n')

/** A peer that speaks the handshake, reads until `greeting`, and then says only what the test writes: no pong. */
export async function mutePeer(world: World, path: string, greeting: string): Promise<Socket> {
  const socket = rawSocket(world)
  let got = ''
  socket.write(handshakeOf(path))
  while (!got.includes(greeting)) {
    const chunk = await Promise.race([once(socket, 'data'), once(socket, 'end')])
    if (chunk.length === 0) throw new Error(`${path} ended with ${got}`)
    got += (chunk as [Buffer])[0].toString('latin1')
  }
  socket.resume()
  return socket
}

/** A client frame of up to 125 bytes. */
export const masked = (first: number, text = ''): Buffer =>
  Buffer.concat([Buffer.from([first, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])

export const PONG = masked(0x8a)

/** Bytes that are no WebSocket frame. */
export const brokenFrames = (): readonly Buffer[] => [
  Buffer.from([0x81, 0x02, 0x7b, 0x7d]), // not masked
  masked(0xf1, '{}'), // reserved bits
  masked(0x83, '{}'), // an opcode that is none
  masked(0x80, '{}'), // the rest of nothing
  masked(0x09, 'x'), // a ping in pieces
  Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]), // no UTF-8
  Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), // 2^64 bytes
  Buffer.from([0x88, 0x81, 0, 0, 0, 0, 1]), // half a close code
  randomBytes(200),
]
