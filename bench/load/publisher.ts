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

const overSocket = async (target: Target, spec: FramePublish, size: number): Promise<Publisher> => {
  const { make } = contents(spec, size)
  let sequence = 0
  let failures = 0
  const link = await new Promise<Link>((resolve, reject) => {
    const opening: Link = new Link({
      target,
      path: spec.path,
      localAddress: undefined,
      counted: () => {},
      read: undefined,
      opened: () => setImmediate(() => resolve(opening)),
      ended: (reason) => {
        failures++
        reject(new Error(`publisher: ${reason}`))
      },
    })
    setTimeout(() => reject(new Error('publisher: not open after 10 s')), 10_000).unref()
  })
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

/** Opens what is needed to keep `inFlight` messages in flight: that many HTTP connections, or one WebSocket. */
export const openPublisher = (target: Target, inFlight: number, contentBytes: number): Promise<Publisher> =>
  target.publish.kind === 'http'
    ? overHttp(target.port, target.publish, inFlight, contentBytes)
    : overSocket(target, target.publish, contentBytes)
