import type { Identity } from '../../identity/index.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { CommandError } from '../../kernel/errors.ts'
import type { Endpoint } from '../../kernel/face.ts'
import type { Hub } from '../../kernel/hub.ts'
import type { JobHandler } from '../../kernel/jobs.ts'
import type { Module } from '../../kernel/module.ts'
import type { Outgoing } from '../../kernel/outgoing.ts'
import type { UnitOfWork } from '../../kernel/unit-of-work.ts'
import { watchAccounts } from './actions/accounts.ts'
import { expireAnswers } from './actions/ai-jobs.ts'
import { craftJobs, expireCraftDeliveries } from './actions/craft-deliveries.ts'
import type { Parts } from './actions/parts.ts'
import { purges } from './actions/purging.ts'
import { jiraJobs, prepareJira } from './actions/jira.ts'
import { gitPushJobs } from './actions/pushing.ts'
import { healRepositories } from './actions/versions.ts'
import { expireFeeds } from './actions/telling.ts'
import { Drafting } from './ai/drafting.ts'
import { Documents } from './document/documents.ts'
import { Inspector } from './document/inspector.ts'
import { prdFace, type Offer } from './face.ts'
import { errorCodesByKind } from './failures.ts'
import { Differ } from './history/differ.ts'
import { Repositories } from './history/repositories.ts'
import { Turns } from './history/turns.ts'
import { Breakers } from './integrations/breaker.ts'
import { Live } from './live.ts'
import { MattermostLinks } from './mattermost/links.ts'
import { mattermostJobs } from './mattermost/posting.ts'
import { recall } from './returning.ts'
import { MODULE } from './rooms.ts'
import { prdApiRoutes } from './routes.ts'
import { Saving } from './saving.ts'
import type { PrdSettings } from './settings.ts'

export type { IntegrationSettings, PrdSettings } from './settings.ts'
export { prdMigrations } from './tables.ts'

export interface PrdOptions {
  readonly database: Database
  readonly identity: Pick<Identity, 'observe'>
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly hub: Hub
  readonly outgoing: Outgoing
  /** What tokens are signed with; keys for other ends are derived from it. */
  readonly secret: Uint8Array
  readonly settings: PrdSettings
}

/** A few words typed in a rich editor. */
const INLINE_BYTES = 256

/** What each namespace offers; `/ws` is for clients that take the path of the document for a namespace. */
const namespaces: readonly (readonly [namespace: string, offer: Offer])[] = [
  ['/', 'all'],
  ['/ws', 'all'],
  ['/prds', 'prds'],
  ['/notifications', 'notifications'],
]
const paths = ['/socket.io/', '/ws/']

/** Co-editing of product documents: specs/prd.md, with the REST that goes with it. See PROTOCOL.md. */
export function prdModule(options: PrdOptions): Module {
  const { hub, settings } = options
  const live = new Live({
    hub,
    settings,
    documents: () => documents,
    onEmpty: (id) => saving.emptied(id),
  })
  const documents = new Documents({
    historyEdits: settings.historyEdits,
    snapshotEdits: settings.snapshotEdits,
    onOpened: (document) => saving.opened(document),
    onGrown: (document) => saving.grown(document),
    onClosed: (document) => saving.closed(document),
    onDropped: (id) => reset(live, id),
  })
  hub.keeps('documents', () => documents.size)
  const parts: Parts = {
    ...options,
    live,
    documents,
    inspector: new Inspector({
      deadlineMs: settings.decodeMs,
      inlineBytes: INLINE_BYTES,
      maxBytes: settings.maxFrameBytes,
      maxStructs: settings.documentStructs,
      onError: hub.onError,
    }),
    repositories: new Repositories({ folder: settings.repositories }),
    differ: new Differ(),
    turns: new Turns(),
    breakers: new Breakers(options.clock, { failures: settings.breakerFailures, restMs: settings.breakerRestMs }),
    get drafting() {
      return drafting
    },
    get links() {
      return links
    },
  }
  const drafting = new Drafting(parts)
  const links = new MattermostLinks(parts)
  const saving = new Saving(parts)
  options.identity.observe(watchAccounts(parts))
  const faces: Readonly<Record<Offer, ReturnType<typeof prdFace>>> = {
    all: prdFace(parts, 'all'),
    prds: prdFace(parts, 'prds'),
    notifications: prdFace(parts, 'notifications'),
  }
  return {
    name: MODULE,
    jobs: new Map<string, JobHandler>([
      ...purges(parts),
      ...jiraJobs(parts),
      ...gitPushJobs(parts),
      ...mattermostJobs(parts),
      ...craftJobs(parts),
    ]),
    start: async () => {
      await healRepositories(parts)
      await recall(options.unitOfWork, live.returning)
      await prepareJira(parts)
      await drafting.start()
      links.start()
    },
    stop: async () => {
      links.stop()
      await drafting.stop()
      await saving.saveAll()
    },
    keepHouse: async (unit) => {
      await saving.expire(unit)
      await expireFeeds(unit, parts)
      await expireCraftDeliveries(unit)
      await expireAnswers(unit, parts)
    },
    endpoints: namespaces.map(
      ([namespace, offer]): Endpoint => ({ kind: 'socketio', namespace, paths, face: faces[offer] }),
    ),
    api: {
      prefix: '/api',
      tag: MODULE,
      writes: settings.writes,
      routes: prdApiRoutes(parts),
      codes: errorCodesByKind,
    },
  }
}

/** What they have of the document is not what was kept: they are to join again. */
function reset(live: Live, prd: number): void {
  for (const participant of live.participants(prd)) {
    participant.lane = undefined
    participant.connection.refuse(new CommandError('unavailable', 'Your last edits were not kept; join this PRD again'))
  }
}
