import type { Identity } from '../../identity/index.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import type { Hub } from '../../kernel/hub.ts'
import type { Window } from '../../kernel/limits.ts'
import type { Module } from '../../kernel/module.ts'
import { plainCodes } from '../../kernel/route.ts'
import type { UnitOfWork } from '../../kernel/unit-of-work.ts'
import { remind, REMINDER } from './actions/notices.ts'
import type { Tracker, TrackerSettings } from './actions/tracker.ts'
import { watchAccounts } from './actions/users.ts'
import { trackerFace, type TrackerFaceSettings } from './face.ts'
import { MODULE } from './rooms.ts'
import { trackerRoutes } from './routes.ts'

export { trackerMigrations } from './tables.ts'

export interface TrackerOptions {
  readonly database: Database
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly identity: Identity
  readonly hub: Hub
  readonly settings: TrackerSettings & TrackerFaceSettings & { readonly writes: Window }
}

/** The issue tracker's event feed: specs/tracker.md, with the REST that causes its events. See PROTOCOL.md. */
export function trackerModule(options: TrackerOptions): Module {
  const { database, unitOfWork, clock, identity, settings } = options
  const tracker: Tracker = { database, unitOfWork, settings }
  identity.observe(watchAccounts(settings))
  return {
    name: MODULE,
    jobs: new Map([[REMINDER, remind(settings)]]),
    endpoints: [
      {
        kind: 'websocket',
        face: trackerFace(tracker, clock, settings, options.hub),
        match: (path) => (path === '/tracker/ws' ? {} : undefined),
      },
    ],
    api: {
      prefix: '/api/tracker',
      tag: MODULE,
      writes: settings.writes,
      routes: trackerRoutes(tracker, identity),
      // The document names three of them, and these are those.
      codes: plainCodes,
    },
  }
}
