import { argon2, randomBytes, timingSafeEqual, type Argon2Parameters } from 'node:crypto'
import { promisify } from 'node:util'
import { CommandError } from '../kernel/errors.ts'
import type { HashCost } from './settings.ts'

const argon2id = promisify((parameters: Argon2Parameters, done: (error: Error | null, tag: Buffer) => void) =>
  argon2('argon2id', parameters, done),
)

const SALT_BYTES = 16
const TAG_BYTES = 32
const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

export interface HasherOptions {
  readonly cost: HashCost
  readonly atOnce: number
  readonly waiting: number
}

interface Stored {
  readonly cost: HashCost
  readonly salt: Buffer
  readonly tag: Buffer
}

/**
 * Password hashes in PHC form (argon2id). Hashing is slow and takes memory by design, so only a few run at once and
 * a bounded number waits: a flood of logins cannot take every thread and all memory (I-4).
 */
export class Hasher {
  private readonly options: HasherOptions
  private running = 0
  private readonly queue: (() => void)[] = []

  constructor(options: HasherOptions) {
    this.options = options
  }

  /** @throws CommandError unavailable when too many wait */
  async hash(password: string): Promise<string> {
    const { cost } = this.options
    const salt = randomBytes(SALT_BYTES)
    return format({ cost, salt, tag: await this.compute(password, cost, salt, TAG_BYTES) })
  }

  /**
   * Takes as long for an account that does not exist, or has no password, as for a wrong password.
   * @param stored undefined or null: there is nothing to compare with, and the answer is false
   * @throws CommandError unavailable when too many wait
   */
  async verify(password: string, stored: string | null | undefined): Promise<boolean> {
    const known = typeof stored === 'string' ? parse(stored) : undefined
    const { cost, salt, tag } = known ?? { cost: this.options.cost, salt: Buffer.alloc(SALT_BYTES), tag: undefined }
    const computed = await this.compute(password, cost, salt, tag?.length ?? TAG_BYTES)
    return tag !== undefined && timingSafeEqual(computed, tag)
  }

  /** Whether a hash was made at another cost than is set now. */
  isOutdated(stored: string): boolean {
    const { memory, passes, parallelism } = this.options.cost
    const cost = parse(stored)?.cost
    return cost?.memory !== memory || cost.passes !== passes || cost.parallelism !== parallelism
  }

  private async compute(password: string, cost: HashCost, salt: Buffer, tagLength: number): Promise<Buffer> {
    await this.enter()
    try {
      // Keyboards differ in how they compose a character; the password is the same.
      return await argon2id({ message: password.normalize('NFKC'), nonce: salt, tagLength, ...cost })
    } finally {
      this.leave()
    }
  }

  private async enter(): Promise<void> {
    if (this.running < this.options.atOnce) {
      this.running += 1
      return
    }
    if (this.queue.length >= this.options.waiting) throw busy()
    await new Promise<void>((resolve) => this.queue.push(resolve))
  }

  /** The place goes to the next in line, so that nobody can slip in between. */
  private leave(): void {
    const next = this.queue.shift()
    if (next) next()
    else this.running -= 1
  }
}

export const busy = (): CommandError =>
  new CommandError('unavailable', 'Too many logins at this moment; try again in a few seconds', { retryAfter: 2 })

function format({ cost, salt, tag }: Stored): string {
  const base64 = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${base64(salt)}$${base64(tag)}`
}

function parse(stored: string): Stored | undefined {
  const match = PHC.exec(stored)
  if (!match) return undefined
  const [, memory, passes, parallelism, salt, tag] = match
  const cost = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) }
  return { cost, salt: Buffer.from(salt!, 'base64'), tag: Buffer.from(tag!, 'base64') }
}
