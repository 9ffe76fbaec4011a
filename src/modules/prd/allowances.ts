import type { Clock } from '../../kernel/clock.ts'
import type { Connection } from '../../kernel/connection.ts'
import { retrySeconds, SlidingWindow, type Window } from '../../kernel/limits.ts'
import { TooMany } from './failures.ts'
import type { PrdSettings } from './settings.ts'

/** Section 9.2: what one connection may send, by kind of event. */
export class Allowances {
  private readonly settings: PrdSettings
  private readonly windows: Readonly<Record<'commands' | 'edits' | 'presences', SlidingWindow<Connection>>>

  constructor(clock: Clock, settings: PrdSettings) {
    this.settings = settings
    const window = (of: Window) => new SlidingWindow<Connection>(clock, of)
    this.windows = {
      commands: window(settings.commands),
      edits: window(settings.edits),
      presences: window(settings.presences),
    }
  }

  get size(): number {
    return Object.values(this.windows).reduce((total, { size }) => total + size, 0)
  }

  /** What applies to an event; undefined: nothing but the bound of all frames. */
  kindOf(event: string): 'commands' | 'edits' | 'presences' | undefined {
    if (event === 'ping' || event === 'leave-prd') return undefined
    if (event === 'content-update') return 'edits'
    return event === 'presence-update' ? 'presences' : 'commands'
  }

  /** Events a client may send in a window, for who is told that they were too many. */
  limitOf(event: string | undefined): number {
    const kind = event === undefined ? 'commands' : this.kindOf(event)
    return this.settings[kind ?? 'frames'].limit
  }

  /** @throws TooMany */
  pass(connection: Connection, event: string): void {
    const kind = this.kindOf(event)
    if (kind === undefined) return
    const wait = this.windows[kind].take(connection)
    if (wait > 0) throw new TooMany(this.settings[kind].limit, retrySeconds(wait))
  }

  forget(connection: Connection): void {
    for (const window of Object.values(this.windows)) window.forget(connection)
  }
}
