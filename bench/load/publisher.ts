import type { FramePublish, HttpPublish, Message, Target } from '../candidate.ts'
import { encode } from './frame.ts'
import { Link } from './link.ts'
import { head, openRequesters } from './request.ts'

/** A content of exactly `bytes` ASCII bytes (at least 12), different for every sequence number. */
export const content = (sequence: number, bytes: number): string =>
  `m${String(sequence).padStart(10, '0')} `.padEnd(bytes, 'x')

/** What makes the contents of a load, and how long they are. */
const contents = ({ contents: given }: Message, bytes: number) =>
  given === undefined
    ? { bytes, make: (sequence: number) => content(sequence, bytes) }
    : { bytes: given[0]!.length, make: (sequence: number) => given[sequence % given.length]! }

export interface Publisher {
  /** Puts `count` messages in flight. `settled` follows when the server has answered for all of them. */
  publish: (count: number, settled: () => void) => void
  /** Messages the server refused, or connections that broke. */
  failures: () => number
  close: () => void
}

const overHttp = async (port: number, spec: HttpPublish, inFlight: number, size: number): Promise<Publisher> => {
  const { bytes, make } = contents(spec, size)
  const start = head(port, spec, bytes) + spec.before
  let sequence = 0
  let outstanding = 0
  let failures = 0
  let settled = (): void => {}
  const requesters = await openRequesters(port, inFlight, (_, status) => {
    if (status < 200 || status > 299) failures++
    if (--outstanding === 0) settled()
  })
  return {
    publish(count, done) {
      outstanding = count
      settled = done
      for (let i = 0; i < count; i++) requesters[i]!.send(start + make(sequence++) + spec.after)
    },
    failures: () => failures,
    close: () => requesters.forEach((requester) => requester.close()),
  }
}

const SOCKET_LIMIT_MS = 10_000

const openSocket = (target: Target, { path }: FramePublish, token: string | undefined, events: SocketEvents) =>
  new Promise<Link>((resolve, reject) => {
    const opening: Link = new Link({
      target,
      path,
      token,
      localAddress: undefined,
      counted: events.counted,
      read: undefined,
      opened: () => setImmediate(() => resolve(opening)),
      ended: (reason) => {
        events.ended()
        reject(new Error(`publisher: ${reason}`))
      },
    })
    setTimeout(() => reject(new Error('publisher: not open after 10 s')), SOCKET_LIMIT_MS).unref()
  })

interface SocketEvents {
  counted: () => void
  ended: () => void
}

/** One socket for each message in flight; every message is answered. */
const overSockets = async (
  target: Target,
  spec: FramePublish & { accepted: string },
  inFlight: number,
  size: number,
): Promise<Publisher> => {
  const { make } = contents(spec, size)
  const { tokens = [], publish: _, ...rest } = target
  let sequence = 0
  let outstanding = 0
  let failures = 0
  let settled = (): void => {}
  const events = {
    counted: () => {
      if (--outstanding === 0) settled()
    },
    ended: () => void failures++,
  }
  const answered = { ...rest, prefix: spec.accepted, publish: spec }
  const tokenOf = (index: number) => tokens[((spec.token ?? 0) + index) % tokens.length]
  const opening = Array.from({ length: inFlight }, (_, index) => openSocket(answered, spec, tokenOf(index), events))
  const links = await Promise.all(opening)
  return {
    publish(count, done) {
      outstanding = count
      settled = done
      for (let i = 0; i < count; i++) links[i]!.send(encode(spec.before + make(sequence++) + spec.after))
    },
    failures: () => failures,
    close: () => links.forEach((link) => link.close()),
  }
}

const overSocket = async (target: Target, spec: FramePublish, size: number): Promise<Publisher> => {
  const { make } = contents(spec, size)
  let sequence = 0
  let failures = 0
  const link = await openSocket(target, spec, undefined, { counted: () => {}, ended: () => void failures++ })
  return {
    publish(count, done) {
      const frames: Buffer[] = []
      for (let i = 0; i < count; i++) frames.push(encode(spec.before + make(sequence++) + spec.after))
      link.send(Buffer.concat(frames))
      done() // nothing is acknowledged on this road
    },
    failures: () => failures,
    close: () => link.close(),
  }
}

/** Opens what is needed to keep `inFlight` messages in flight: that many connections, or one WebSocket for them all. */
export const openPublisher = (target: Target, inFlight: number, contentBytes: number): Promise<Publisher> => {
  const { publish, port } = target
  if (publish.kind === 'http') return overHttp(port, publish, inFlight, contentBytes)
  const { accepted } = publish
  if (accepted === undefined) return overSocket(target, publish, contentBytes)
  return overSockets(target, { ...publish, accepted }, inFlight, contentBytes)
}
