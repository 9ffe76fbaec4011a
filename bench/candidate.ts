/**
 * What a bench knows about a server: how to start it, and a `Target`, plain data that tells the load generator how
 * to connect, what to wait for, what to count and how to publish. A new protocol is a new file in `candidates/`.
 */

/** One line of a conversation: wait for a text frame which starts with `expect`, then send `send` (if any). */
export interface Step {
  expect: string
  send?: string
}

/** A message is `before + content + after`; the load generator makes the content (ASCII, a given number of bytes). */
export interface Message {
  before: string
  after: string
}

/** POSTs over keep-alive connections, one outstanding request on each; any 2xx counts as accepted. */
export interface HttpPublish extends Message {
  kind: 'http'
  path: string
  headers: Record<string, string>
}

/** Text frames over one WebSocket of its own, all frames of a batch in one write. */
export interface FramePublish extends Message {
  kind: 'frame'
  path: string
}

export interface Target {
  /** Port on 127.0.0.1. */
  port: number
  /** Upgrade paths (with query) of the members; connection `i` takes `members[i % members.length]`. */
  members: string[]
  /** The greeting after the upgrade; a connection is open when its last step is done. */
  join: Step[]
  /** A heartbeat made of text frames: a frame which equals `expect` is answered with `send`. */
  heartbeat?: Step
  /** Only frames whose payload starts with this are counted as deliveries. */
  prefix: string
  publish: HttpPublish | FramePublish
}

/** A server that runs, in a process (tree) of its own. */
export interface Running {
  /** The root of the process tree whose CPU time and memory are measured. */
  pid: number
  target: Target
  stop: () => Promise<void>
}

export interface Candidate {
  name: string
  /** One line for the report: what this server does and does not do per message. */
  about: string
  /** Whether an accepted publish is stored durably; only such candidates take part in `commands`. */
  durable: boolean
  /** Why it cannot run on this machine, or `undefined`. */
  missing: () => string | undefined
  /** What it is, for the record, such as "ws 8.23.0". */
  version: () => string
  start: () => Promise<Running>
}
