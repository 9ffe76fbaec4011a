/**
 * What a bench knows about a server: how to start it, and a `Target`, plain data that tells the load generator how
 * to connect, what to wait for, what to count and how to publish. A new protocol is a new file in `candidates/`.
 */

/** Where a step says this, each connection says a token of its own. */
export const TOKEN = '<token>'

/** One line of a conversation: wait for a text frame which starts with `expect`, then send `send` (if any). */
export interface Step {
  expect: string
  send?: string
}

/** A message is `before + content + after`; the load generator makes the content (ASCII, a given number of bytes). */
export interface Message {
  before: string
  after: string
  /** Given, the content is each of these in turn, all equally long; a load ends with the last of them. */
  contents?: string[]
}

/** Requests over keep-alive connections, one outstanding on each; any 2xx counts as accepted. */
export interface HttpPublish extends Message {
  kind: 'http'
  /** POST when not given. */
  method?: 'PUT'
  path: string
  headers: Record<string, string>
}

/** Text frames over one WebSocket of its own, all frames of a batch in one write. */
export interface FramePublish extends Message {
  kind: 'frame'
  path: string
  /**
   * Given, every message of a batch goes by a WebSocket of its own, as from different people, publisher `i` with
   * `tokens[i]`; each is answered by a frame that starts with this.
   */
  accepted?: string
  /** Which of `tokens` is the first publisher's; 0 when not given. */
  token?: number
}

export interface Target {
  /** Port on 127.0.0.1. */
  port: number
  /** Upgrade paths (with query) of the members; connection `i` takes `members[i % members.length]`. */
  members: string[]
  /** What `TOKEN` stands for in `join`: connection `i` says `tokens[i % tokens.length]`. */
  tokens?: string[]
  /** The greeting after the upgrade; a connection is open when its last step is done. */
  join: Step[]
  /** A heartbeat made of text frames: a frame which equals `expect` is answered with `send`. */
  heartbeat?: Step
  /** Only frames whose payload starts with this are counted as deliveries. */
  prefix: string
  publish: HttpPublish | FramePublish
  /** What `commands` sends, where that is not what `fanout` publishes. */
  command?: HttpPublish
  /** Where the server says how many WebSocket frames it has encoded (`servers/count.ts`), if it does. */
  counter?: number
}

/**
 * Frames that say of people whether they are there: `before`, then for each an id and `after`, with `between` before
 * the next. No id has the first byte of `after` in it.
 */
export interface Sighting {
  before: string
  after: string
  /** Bytes that follow `after` and may be any; none when not given. */
  skip?: number
  between?: string
  online: boolean
}

/** A target whose members are told of each other. What is published is the status of the last of them. */
export interface Crowd extends Target {
  /** UUIDs or decimal numbers: who comes in as connection `i` is `ids[i]`. */
  ids: string[]
  sightings: Sighting[]
}

export interface Gathering {
  /** How many different people there are. */
  people: number
  /** Who is back within this time should not have been gone. */
  graceMs: number
}

/** Documents that are edited together, and which client of `load/editors.ts` speaks to the server that has them. */
export interface Desk {
  client: 'plain' | 'rich' | 'hocuspocus'
  /** Port on 127.0.0.1. */
  port: number
  /** Editor `i` comes with `tokens[i % tokens.length]`, where the server knows accounts. */
  tokens: string[]
  /** Their ids; all are empty. */
  documents: string[]
}

export interface Coediting {
  documents: number
  /** Different people who may edit them all, where a server knows accounts. */
  people: number
  /** Given, documents are stored there, by a server that stores none otherwise too, and outlast it. */
  folder?: string
  /** Given, `folder` already has these documents: the server is started again. */
  desk?: Desk
}

/** What a document takes in a store; bytes of its contents, without what the database adds. */
export interface Stored {
  /** The document as a whole. */
  snapshotBytes: number
  /** Single edits beside it, kept for who was away. */
  logRows: number
  logBytes: number
}

/** A server that runs, in a process (tree) of its own. */
export interface Running<T = Target> {
  /** The root of the process tree whose CPU time and memory are measured. */
  pid: number
  target: T
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
  /**
   * `people` is how many different accounts there are to be, where a server knows accounts. Without it the candidate
   * takes part in `presence` alone.
   */
  start?: (people: number) => Promise<Running>
  /** A server that tells its people of each other; without it the candidate takes no part in `presence`. */
  gather?: (gathering: Gathering) => Promise<Running<Crowd>>
  /** Whether it knows a grace: back within it, nobody is told anything. */
  keepsGrace?: boolean
  /** A server of documents; without it the candidate takes no part in `editing` and `trace`. */
  edit?: (coediting: Coediting) => Promise<Running<Desk>>
  /** What a document takes in the folder of a server that has ended. */
  stored?: (folder: string, document: string) => Stored
}
