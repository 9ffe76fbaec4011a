import { isIPv6 } from 'node:net'
import type { Clock } from '../kernel/clock.ts'
import { CommandError } from '../kernel/errors.ts'
import { retrySeconds, SlidingWindow, type Window } from '../kernel/limits.ts'
import { busy } from './hasher.ts'
import { REGISTRATION_WINDOW_MS, type IdentitySettings } from './settings.ts'

/** A sliding window whose memory is bounded. */
class BoundedWindow {
  private readonly make: () => SlidingWindow<string>
  private readonly max: number
  private window: SlidingWindow<string>

  constructor(clock: Clock, window: Window, max: number) {
    this.make = () => new SlidingWindow(clock, window)
    this.max = max
    this.window = this.make()
  }

  take(key: string): number {
    // Every counted failure has cost a password hash: filling this takes a window's worth of the machine's hashes. To
    // start over then is better than to refuse everybody.
    if (this.window.size >= this.max) this.window = this.make()
    return this.window.take(key)
  }

  wait(key: string): number {
    return this.window.wait(key)
  }

  forget(key: string): void {
    this.window.forget(key)
  }
}

/**
 * Slows the guessing of passwords (I-5). A name is counted per address, so that a stranger cannot lock its owner out;
 * the far higher count per name, whatever the addresses, does not hold for an address the name has logged in from.
 */
export class Guard {
  private readonly pairs: BoundedWindow
  private readonly addresses: BoundedWindow
  private readonly names: BoundedWindow
  private readonly registrations: BoundedWindow
  private readonly trusted = new Set<string>()
  private readonly turns = new Map<string, { last: Promise<unknown>; waiting: number }>()
  private readonly settings: IdentitySettings

  constructor(clock: Clock, settings: IdentitySettings) {
    this.settings = settings
    const { failureWindowMs: perMs, maxCounted } = settings
    const failures = (limit: number) => new BoundedWindow(clock, { limit, perMs }, maxCounted)
    this.pairs = failures(settings.loginFailures)
    this.addresses = failures(settings.loginFailuresPerAddress)
    this.names = failures(settings.loginFailuresPerName)
    const registrations = { limit: settings.registrationsPerAddress, perMs: REGISTRATION_WINDOW_MS }
    this.registrations = new BoundedWindow(clock, registrations, maxCounted)
  }

  /**
   * One guess at the password of a name. Guesses from one address take turns: a thousand sent at once are counted one
   * by one, and one address never has more than one hash under way.
   * @param guess resolves to undefined for a wrong password
   * @throws CommandError rate_limited when there were too many wrong ones, unavailable when too many wait
   */
  attempt<T>(name: string, from: string, guess: () => Promise<T | undefined>): Promise<T | undefined> {
    const address = networkOf(from)
    const pair = `${address} ${name}`
    return this.inTurn(address, async () => {
      const ofName = this.trusted.has(pair) ? 0 : this.names.wait(name)
      check('Too many failed logins', Math.max(this.pairs.wait(pair), this.addresses.wait(address), ofName))
      const result = await guess()
      if (result === undefined) {
        this.pairs.take(pair)
        this.addresses.take(address)
        this.names.take(name)
      } else {
        this.pairs.forget(pair)
        this.trust(pair)
      }
      return result
    })
  }

  /** @throws CommandError rate_limited */
  register(address: string): void {
    check('Too many new accounts', this.registrations.take(networkOf(address)))
  }

  private trust(pair: string): void {
    this.trusted.delete(pair)
    this.trusted.add(pair)
    if (this.trusted.size > this.settings.maxCounted) this.trusted.delete(this.trusted.values().next().value!)
  }

  private async inTurn<T>(address: string, work: () => Promise<T>): Promise<T> {
    let turn = this.turns.get(address)
    if (!turn) this.turns.set(address, (turn = { last: Promise.resolve(), waiting: 0 }))
    if (turn.waiting > this.settings.hashesWaiting) throw busy()
    turn.waiting += 1
    const mine = turn.last.then(work)
    turn.last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      turn.waiting -= 1
      if (turn.waiting === 0) this.turns.delete(address)
    }
  }
}

function check(what: string, waitMs: number): void {
  if (waitMs === 0) return
  throw new CommandError('rate_limited', `${what}; try again later`, { retryAfter: retrySeconds(waitMs) })
}

/** Who has one IPv6 address has the 2^64 of its network: they count as one. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped) return mapped[1]!
  if (!isIPv6(address)) return address
  const [front = [], back = []] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''))
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0')
  const groups = [...front, ...zeros, ...back].slice(0, 4)
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
