import type { Identity } from '../../identity/index.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import type { FileStore } from '../../kernel/files.ts'
import type { Hub } from '../../kernel/hub.ts'
import type { JobHandler } from '../../kernel/jobs.ts'
import { SlidingWindow } from '../../kernel/limits.ts'
import type { Media } from '../../kernel/media.ts'
import type { Module } from '../../kernel/module.ts'
import type { Api } from '../../kernel/route.ts'
import type { UnitOfWork } from '../../kernel/unit-of-work.ts'
import { CHANNEL_PURGE, continueChannelPurge } from './actions/channels.ts'
import { FILE, removeFile } from './actions/files.ts'
import { watchAccounts } from './actions/people.ts'
import { hasLeft } from './actions/joining.ts'
import type { Parts } from './actions/parts.ts'
import { Calls } from './calls/calls.ts'
import { helpdeskFace } from './face.ts'
import { Live } from './live.ts'
import { MODULE } from './rooms.ts'
import { helpdeskApiRoutes } from './routes.ts'
import type { HelpdeskSettings } from './settings.ts'

export type { HelpdeskSettings } from './settings.ts'
export { helpdeskMigrations } from './tables.ts'

export interface HelpdeskOptions {
  readonly database: Database
  readonly identity: Pick<Identity, 'observe'>
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly hub: Hub
  readonly files: FileStore
  readonly media: Media
  readonly settings: HelpdeskSettings
}

/** Support chat, presence and calls: specs/helpdesk.md, with the REST that a helpdesk needs. See PROTOCOL.md. */
export function helpdeskModule({ hub, identity, ...given }: HelpdeskOptions): Module {
  const { database, unitOfWork, clock, settings } = given
  const live = new Live({
    hub,
    clock,
    settings,
    onLeft: (channel, user) => {
      hasLeft({ unitOfWork }, channel, user).catch(hub.onError)
    },
    onChanged: (user, held) => calls.permissionsChanged(user, held),
  })
  const calls = new Calls({ hub, database, unitOfWork, clock, settings, isThere: (user) => live.isThere(user) })
  const windows = {
    messages: new SlidingWindow<number>(clock, settings.messages),
    statuses: new SlidingWindow<number>(clock, settings.statuses),
  }
  const parts: Parts = { ...given, live, windows }
  identity.observe(watchAccounts(parts))
  return {
    name: MODULE,
    jobs: new Map<string, JobHandler>([
      [FILE, removeFile(parts)],
      [CHANNEL_PURGE, continueChannelPurge],
    ]),
    start: () => calls.start(),
    endpoints: [{ kind: 'socketio', namespace: '/', face: helpdeskFace(parts, calls, hub) }],
    api: {
      prefix: '/api/helpdesk',
      tag: MODULE,
      writes: settings.writes,
      routes: helpdeskApiRoutes(parts),
      codes,
    },
  }
}

const codes: Api['codes'] = {
  unauthenticated: 'UNAUTHENTICATED',
  forbidden: 'FORBIDDEN',
  not_found: 'NOT_FOUND',
  invalid: 'INVALID',
  conflict: 'CONFLICT',
  too_large: 'TOO_LARGE',
  unsupported: 'UNSUPPORTED',
  rate_limited: 'RATE_LIMITED',
  internal: 'INTERNAL',
  unavailable: 'UNAVAILABLE',
}
