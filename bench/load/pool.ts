import { setTimeout as sleep } from 'node:timers/promises'
import type { Target } from '../candidate.ts'
import { Link } from './link.ts'

/** Connections being opened at one time: as many as a default listen queue surely holds. */
const AT_ONCE = 64
/** Those of a storm: half of the listen queue of Node. */
export const STORM = 256
/** Local ports one source address has for one destination, with room to spare. */
const PER_ADDRESS = 20_000

export interface PoolOptions {
  /** Which of the target's members the first connection is; 0 when not given. */
  first?: number
  /** Connections being opened at one time. */
  atOnce?: number
  /** Gets every text frame of each member, by its number, as a whole; then none is counted. */
  read?: (member: number, chunk: Buffer, start: number, end: number) => void
}

/** The members: opened together, counted together. */
export class Pool {
  links: Link[] = []
  /** Counted frames of all members. */
  frames = 0
  /** Payload bytes of the frame counted last. */
  bytes = 0
  /** Calls `reached` when this many frames have been counted. */
  goal = -1
  reached: () => void = () => {}
  /** Connections that failed to open, or ended by themselves, with the first reason. */
  failed = 0
  reason = ''

  #options: PoolOptions

  constructor(options: PoolOptions = {}) {
    this.#options = options
  }

  #counted = (_link: Link, bytes: number): void => {
    this.bytes = bytes
    if (++this.frames === this.goal) this.reached()
  }

  /** Opens `members` connections; those which have not finished their greeting after `limitMs` count as failed. */
  open(target: Target, members: number, limitMs: number): Promise<void> {
    const { atOnce = AT_ONCE, read, first = 0 } = this.#options
    return new Promise((resolve) => {
      let started = 0
      let settled = 0
      const settle = (): void => {
        settled++
        if (settled === members) finish()
        else next()
      }
      const finish = (): void => {
        clearTimeout(timer)
        resolve()
      }
      const next = (): void => {
        while (started < members && started - settled < atOnce) {
          const index = started++
          const member = first + index
          let open = false
          this.links.push(
            new Link({
              target,
              path: target.members[member % target.members.length]!,
              token: target.tokens?.[member % target.tokens.length],
              localAddress: members > PER_ADDRESS ? `127.0.0.${1 + Math.floor(index / PER_ADDRESS)}` : undefined,
              counted: this.#counted,
              read: read && ((chunk, start, end) => read(member, chunk, start, end)),
              opened: () => {
                open = true
                settle()
              },
              ended: (reason) => {
                this.failed++
                this.reason ||= reason
                if (!open) settle()
              },
            }),
          )
        }
      }
      const timer = setTimeout(() => {
        this.failed += members - settled
        this.reason ||= `not open after ${limitMs} ms`
        started = members
        resolve()
      }, limitMs)
      next()
    })
  }

  /** Waits until no frame has been counted for `ms`, then forgets those there were: they belong to the greeting. */
  async settle(ms: number): Promise<void> {
    for (let before = -1; before !== this.frames; ) {
      before = this.frames
      await sleep(ms)
    }
    this.frames = 0
    for (const link of this.links) link.frames = 0
  }

  /** Whether every member has received `frames` frames: totals can hide one lost here and one doubled there. */
  even(frames: number): boolean {
    return this.links.every((link) => link.frames === frames)
  }

  close(): void {
    for (const link of this.links) link.close()
  }
}
