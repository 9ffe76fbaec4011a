import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { eventLog } from '../../kernel/event-log.ts'
import type { FileStore } from '../../kernel/files.ts'
import type { Hub } from '../../kernel/hub.ts'
import type { JobHandler } from '../../kernel/jobs.ts'
import type { Media } from '../../kernel/media.ts'
import type { Module } from '../../kernel/module.ts'
import type { Api } from '../../kernel/route.ts'
import type { UnitOfWork } from '../../kernel/unit-of-work.ts'
import { destroyEphemeral } from './actions/ephemeral.ts'
import { continueErasure, ERASE, ERASED_REPORTS, expireErasedReports } from './actions/erasure.ts'
import type { Parts } from './actions/parts.ts'
import { DESTROY, FILE } from './actions/photo-files.ts'
import { removePhotoFile } from './actions/photos.ts'
import { confirmDelivery } from './actions/reading.ts'
import { expireReport, REPORT } from './actions/reports.ts'
import { forgetOldUses } from './actions/uses.ts'
import { datingFace } from './face.ts'
import { Live } from './live.ts'
import { createModeration } from './moderation/index.ts'
import { photoUrls } from './photo-urls.ts'
import { MODULE } from './rooms.ts'
import { datingApiRoutes } from './routes.ts'
import type { DatingSettings } from './settings.ts'
import { partnersOf } from './store/access.ts'
import { newestTo } from './store/reading.ts'

export type { DatingSettings } from './settings.ts'
export { datingMigrations } from './tables.ts'

export interface DatingOptions {
  readonly database: Database
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly hub: Hub
  readonly files: FileStore
  readonly media: Media
  /** Signs the addresses of photos. */
  readonly secret: Uint8Array
  readonly settings: DatingSettings
}

/** Private messages of a dating app: specs/dating.md, with the REST that such an app needs. See PROTOCOL.md. */
export function datingModule({ hub, secret, ...given }: DatingOptions): Module {
  const { database, unitOfWork, clock, settings } = given
  const live = new Live({
    hub,
    clock,
    settings,
    partnersOf: (user) => database.read((reader) => reader.all(partnersOf, { user })),
    newestTo: (user) =>
      database.read(async (reader) => {
        const { offset } = await eventLog.head(reader)
        return { message: (await reader.get(newestTo, { user }))?.id, offset }
      }),
    onReceived: (user, until) => {
      confirmDelivery({ unitOfWork }, user, until).catch(hub.onError)
    },
  })
  const moderation = createModeration({
    languages: settings.filterLanguages,
    regions: settings.phoneRegions,
    mode: settings.filter,
  })
  const parts: Parts = { ...given, live, moderation, photoUrls: photoUrls(secret, settings) }
  return {
    name: MODULE,
    jobs: new Map<string, JobHandler>([
      [FILE, removePhotoFile(parts)],
      [DESTROY, destroyEphemeral],
      [REPORT, expireReport],
      [ERASE, continueErasure],
      [ERASED_REPORTS, expireErasedReports],
    ]),
    keepHouse: forgetOldUses,
    endpoints: [
      {
        kind: 'websocket',
        face: datingFace(parts, live, hub, clock),
        match: (path) => (path === '/ws' ? {} : undefined),
      },
    ],
    api: {
      prefix: '/api/dating',
      tag: MODULE,
      writes: settings.writes,
      routes: datingApiRoutes(parts),
      codes,
    },
  }
}

/** The document's codes; CONFLICT, for what REST alone can run into. */
const codes: Api['codes'] = {
  unauthenticated: 'UNAUTHORIZED',
  forbidden: 'FORBIDDEN',
  not_found: 'NOT_FOUND',
  invalid: 'VALIDATION_ERROR',
  conflict: 'CONFLICT',
  too_large: 'MESSAGE_TOO_LARGE',
  unsupported: 'INVALID_MESSAGE_TYPE',
  rate_limited: 'RATE_LIMITED',
  internal: 'INTERNAL_ERROR',
  unavailable: 'INTERNAL_ERROR',
}
