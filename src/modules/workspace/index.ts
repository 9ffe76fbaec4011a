import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import type { FileStore } from '../../kernel/files.ts'
import type { Hub } from '../../kernel/hub.ts'
import type { JobHandler } from '../../kernel/jobs.ts'
import type { Media } from '../../kernel/media.ts'
import type { Module } from '../../kernel/module.ts'
import type { Api } from '../../kernel/route.ts'
import type { UnitOfWork } from '../../kernel/unit-of-work.ts'
import { FILE, removeFile } from './actions/attachments.ts'
import { CHANNEL_PURGE, continueChannelPurge } from './actions/channel-purge.ts'
import type { Parts } from './actions/parts.ts'
import { continuePurge, PURGE } from './actions/purge.ts'
import { workspaceFace } from './face.ts'
import { Live } from './live.ts'
import { awayAmong } from './lists/away.ts'
import { MODULE } from './rooms.ts'
import { workspaceApiRoutes } from './routes.ts'
import type { WorkspaceSettings } from './settings.ts'

export type { WorkspaceSettings } from './settings.ts'
export { workspaceMigrations } from './tables.ts'

export interface WorkspaceOptions {
  readonly database: Database
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly hub: Hub
  readonly files: FileStore
  readonly media: Media
  readonly settings: WorkspaceSettings
}

/** The team chat: specs/workspace.md, with the REST that causes its events. See PROTOCOL.md. */
export function workspaceModule({ hub, ...given }: WorkspaceOptions): Module {
  const { database, clock, settings } = given
  const live = new Live(hub, clock, settings, (arrivals) => database.read((reader) => awayAmong(reader, arrivals)))
  const parts: Parts = { ...given, live }
  return {
    name: MODULE,
    jobs: new Map<string, JobHandler>([
      [FILE, removeFile(parts)],
      [PURGE, continuePurge],
      [CHANNEL_PURGE, continueChannelPurge],
    ]),
    endpoints: [{ kind: 'websocket', face: workspaceFace(parts, live, clock), match: matchPath }],
    api: {
      prefix: '/api',
      tag: MODULE,
      writes: settings.writes,
      routes: workspaceApiRoutes(parts),
      codes,
      onWrite: ({ account }) => live.roster.active(account.id),
    },
  }
}

/** `/ws/{workspace_id}`; an id that is none is answered like any workspace one is not in. */
function matchPath(path: string): { workspace: string } | undefined {
  const workspace = /^\/ws\/([^/]{1,200})$/.exec(path)?.[1]
  return workspace === undefined ? undefined : { workspace: workspace.toLowerCase() }
}

/** The document's codes where it has them. */
const codes: Api['codes'] = {
  unauthenticated: 'INVALID_TOKEN',
  forbidden: 'UNAUTHORIZED',
  not_found: 'NOT_FOUND',
  invalid: 'VALIDATION_ERROR',
  conflict: 'CONFLICT',
  too_large: 'PAYLOAD_TOO_LARGE',
  unsupported: 'UNSUPPORTED_MEDIA_TYPE',
  rate_limited: 'RATE_LIMITED',
  internal: 'INTERNAL_ERROR',
  unavailable: 'UNAVAILABLE',
}
