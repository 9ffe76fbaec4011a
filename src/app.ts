import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { Addresses } from './adapters/addresses.ts'
import { createHttp, timeouts } from './adapters/http.ts'
import { socketIo, socketIoPaths } from './adapters/socketio.ts'
import { upgradeHandler } from './adapters/upgrade.ts'
import { rawWebSockets } from './adapters/ws.ts'
import { helpdeskSettings } from './config-helpdesk.ts'
import { prdSettings } from './config-prd.ts'
import type { Config, ModuleName } from './config.ts'
import { createIdentity, identityMigrations, type Identity } from './identity/index.ts'
import type { IdentityOptions } from './identity/settings.ts'
import type { Bus } from './kernel/bus.ts'
import type { Clock } from './kernel/clock.ts'
import type { Database, Migrations } from './kernel/database.ts'
import { eventLog, eventLogMigrations } from './kernel/event-log.ts'
import type { FileStore } from './kernel/files.ts'
import { Hub } from './kernel/hub.ts'
import { idempotencyMigrations } from './kernel/idempotency.ts'
import { jobMigrations, JobRunner } from './kernel/jobs.ts'
import { keepHouse, maintenance } from './kernel/maintenance.ts'
import type { Media } from './kernel/media.ts'
import { Metrics } from './kernel/metrics.ts'
import type { Module } from './kernel/module.ts'
import type { Outgoing } from './kernel/outgoing.ts'
import { GroupCommit } from './kernel/unit-of-work.ts'
import { datingMigrations, datingModule, type DatingSettings } from './modules/dating/index.ts'
import { helpdeskMigrations, helpdeskModule } from './modules/helpdesk/index.ts'
import { prdMigrations, prdModule } from './modules/prd/index.ts'
import { trackerMigrations, trackerModule, type TrackerOptions } from './modules/tracker/index.ts'
import { workspaceMigrations, workspaceModule, type WorkspaceSettings } from './modules/workspace/index.ts'

/** What the server is built from; tests give their own. */
export interface Ports {
  readonly config: Config
  readonly database: Database
  readonly clock: Clock
  readonly bus: Bus
  readonly files: FileStore
  readonly media: Media
  readonly outgoing: Outgoing & { close(): Promise<void> }
  readonly log: Logger
  /** Signs access tokens. */
  readonly secret: Uint8Array
}

export interface App {
  readonly hub: Hub
  readonly identity: Identity
  readonly unitOfWork: GroupCommit
  readonly jobs: JobRunner
  readonly http: FastifyInstance
  /** The protocols it offers. */
  readonly modules: readonly ModuleName[]
  /** Opens the ports. @returns the addresses; an extra port that is taken is left out with a warning. */
  listen(): Promise<readonly AddressInfo[]>
  /** Paced drain: no new connections, everybody told and closed, everything written, then the ports go. */
  close(): Promise<void>
}

const DAY_MS = 24 * 60 * 60 * 1000

/** Of everything, also of protocols that are not offered: one that is switched on later finds its tables. */
export const migrations: Migrations = {
  ...eventLogMigrations,
  ...jobMigrations,
  ...idempotencyMigrations,
  ...identityMigrations,
  ...trackerMigrations,
  ...workspaceMigrations,
  ...datingMigrations,
  ...helpdeskMigrations,
  ...prdMigrations,
}

/** Puts kernel, identity, modules and adapters together. The only place that knows them all. */
export async function createApp(ports: Ports): Promise<App> {
  const { config, database, clock, bus, files, media, outgoing, log, secret } = ports
  const onError = (error: unknown): void => log.error({ err: error }, 'unforeseen')
  const metrics = new Metrics()
  const unitOfWork = new GroupCommit({
    database,
    clock,
    publish: (events) => bus.publish(events),
    onGroup: (commands, ms) => {
      metrics.commitGroup.observe(commands)
      metrics.commitSeconds.observe(ms / 1000)
    },
    onFailed: (error) => log.fatal({ err: error }, 'a commit group was not written'),
  })
  const identity = createIdentity({ database, unitOfWork, clock, onError, settings: identityOptions(ports) })
  await database.migrate(migrations)
  const house = maintenance(database, onError)
  // What was forgotten just before a kill may still be in the files. PostgreSQL's own vacuum comes to it by itself.
  if (database.dialect === 'sqlite') await database.erase()
  const hub = new Hub({
    database,
    clock,
    bus,
    metrics,
    authenticator: identity.authenticator,
    limits: config,
    head: await database.read((reader) => eventLog.head(reader)),
    busy: () => unitOfWork.busy,
    onError,
    onForget: () => house.eraseSoon(hub.wheel),
  })
  const parts = { database, unitOfWork, clock, hub, files, media }
  const makers: Readonly<Record<ModuleName, () => Module>> = {
    tracker: () => trackerModule({ ...parts, identity, settings: trackerSettings(config) }),
    workspace: () => workspaceModule({ ...parts, settings: workspaceSettings(config) }),
    dating: () => datingModule({ ...parts, secret, settings: datingSettings(config) }),
    helpdesk: () => helpdeskModule({ ...parts, identity, settings: helpdeskSettings(config) }),
    prd: () => prdModule({ ...parts, identity, outgoing, secret, settings: prdSettings(config) }),
  }
  const modules = config.modules.map((name) => makers[name]())
  for (const module of modules) await module.start?.()
  metrics.observe('switchboard_queue_bytes', 'Bytes waiting for clients', () => hub.queuedBytes)
  metrics.observe('switchboard_commands_queued', 'Commands waiting for a commit', () => unitOfWork.queued)
  const jobs = new JobRunner({
    database,
    unitOfWork,
    clock,
    handlers: new Map(modules.flatMap((module) => [...module.jobs])),
    onError,
    onLater: ({ message }, kind) => log.info({ kind, reason: message }, 'a job is tried again later'),
  })
  const stopHouse = keepHouse(clock, unitOfWork, onError, async (unit) => {
    await eventLog.prune(unit, unit.now - config.eventRetentionMs)
    await house.expire(unit, unit.now - DAY_MS)
    await identity.expire(unit, unit.now)
    for (const module of modules) await module.keepHouse?.(unit)
  })
  let draining = false
  const { allowedOrigins } = config
  const doors = {
    hub,
    endpoints: modules.flatMap((module) => module.endpoints),
    allowedOrigins,
    addressOf: (request: IncomingMessage) => addressOf(request, config.trustProxy),
    addresses: new Addresses(clock, {
      perMinute: config.upgradesPerMinutePerAddress,
      open: config.maxConnectionsPerAddress,
    }),
  }
  const sockets = socketIoPaths(doors.endpoints).map((path) => socketIo({ ...doors, path }))
  const http = await createHttp({
    apis: [identity.api, ...modules.map((module) => module.api)],
    authenticator: identity.authenticator,
    clock,
    metrics,
    log,
    allowedOrigins,
    trustProxy: config.trustProxy,
    maxBodyBytes: config.maxBodyBytes,
    metricsToken: config.metricsToken,
    socketIo: sockets,
    ready: () => !draining && !unitOfWork.isBroken,
  })
  const upgrade = upgradeHandler({ ...doors, raw: rawWebSockets(hub), socketIo: sockets })
  const servers: Server[] = []
  return {
    hub,
    identity,
    unitOfWork,
    jobs,
    http,
    modules: config.modules,
    async listen() {
      jobs.start()
      http.server.on('upgrade', upgrade)
      await http.listen({ port: config.port, host: config.host })
      servers.push(http.server)
      for (const port of config.extraPorts.map(Number)) {
        const extra = createServer(timeouts, (request, response) => http.routing(request, response))
        extra.on('upgrade', upgrade)
        if (await opens(extra, port, config.host)) servers.push(extra)
        else log.warn({ port }, 'extra port is taken; clients with that address will not reach this server')
      }
      return servers.map((server) => server.address() as AddressInfo)
    },
    async close() {
      draining = true
      stopHouse()
      const closed = servers.slice(1).map((server) => new Promise((done) => server.close(done)))
      await hub.drain(config.drainMs)
      for (const each of sockets) await each.close()
      await jobs.stop()
      for (const module of modules) await module.stop?.().catch(onError)
      await outgoing.close()
      await http.close()
      await Promise.all(closed)
      await unitOfWork.settled()
      hub.stop()
      await bus.close()
      await database.close()
    },
  }
}

function identityOptions({ config, secret }: Ports): IdentityOptions {
  const { jwksUrl, jwksIssuer, jwksAudience } = config
  return {
    secret,
    registration: config.registration === 'closed' ? 'closed' : 'open',
    accessTokenMs: config.accessTokenMs,
    refreshTokenMs: config.refreshTokenMs,
    loginFailures: config.loginFailures,
    loginFailuresPerAddress: config.loginFailuresPerAddress,
    registrationsPerAddress: config.registrationsPerAddress,
    hashCost: { memory: config.passwordMemoryKib, passes: 2, parallelism: 1 },
    ...(jwksUrl !== '' && { provider: { url: jwksUrl, issuer: jwksIssuer, audience: jwksAudience } }),
  }
}

function trackerSettings(config: Config): TrackerOptions['settings'] {
  return {
    reminderMs: config.trackerReminderMs,
    shareEvents: config.trackerShareEvents,
    frames: { limit: config.trackerFramesPerMinute, perMs: 60_000 },
    maxFrameBytes: config.trackerMaxFrameBytes,
    presenceGraceMs: config.trackerPresenceGraceMs,
    writes: { limit: config.trackerWritesPerMinute, perMs: 60_000 },
  }
}

function workspaceSettings(config: Config): WorkspaceSettings {
  return {
    frames: { limit: config.workspaceFrames, perMs: 10_000 },
    accountFrames: { limit: config.workspaceAccountFrames, perMs: 10_000 },
    pings: { limit: config.workspacePings, perMs: 10_000 },
    writes: { limit: config.workspaceWritesPerMinute, perMs: 60_000 },
    maxFrameBytes: config.workspaceMaxFrameBytes,
    messageCharacters: config.workspaceMessageCharacters,
    attachmentBytes: config.workspaceAttachmentBytes,
    storageBytes: config.workspaceStorageBytes,
    attachmentsPerMessage: config.workspaceAttachmentsPerMessage,
    unsentUploads: config.workspaceUnsentUploads,
    unsentUploadMs: config.workspaceUnsentUploadMs,
    emojiPerMessage: config.workspaceEmojiPerMessage,
    reactionsPerMessage: config.workspaceReactionsPerMessage,
    mentionsPerMessage: config.workspaceMentionsPerMessage,
    pinsPerChannel: config.workspacePinsPerChannel,
    channelsPerWorkspace: config.workspaceChannels,
    membersPerWorkspace: config.workspaceMembers,
    workspacesPerAccount: config.workspacesPerAccount,
    invitesPerWorkspace: config.workspaceInvites,
    dmPeople: config.workspaceDmPeople,
    inviteMs: config.workspaceInviteMs,
    presenceGraceMs: config.workspacePresenceGraceMs,
    idleMs: config.workspaceIdleMs,
    typingMs: config.workspaceTypingMs,
  }
}

function datingSettings(config: Config): DatingSettings {
  return {
    messages: [
      { limit: config.datingMessagesPerMinute, perMs: 60_000 },
      { limit: config.datingMessagesPerHour, perMs: 60 * 60_000 },
      { limit: config.datingMessagesPerDay, perMs: DAY_MS },
    ],
    typing: { limit: config.datingTypingPerMinute, perMs: 60_000 },
    opens: { limit: config.datingConnectionsPerMinute, perMs: 60_000 },
    connections: config.datingConnections,
    conversations: { limit: config.datingConversationsPerDay, perMs: DAY_MS },
    likes: { limit: config.datingLikesPerDay, perMs: DAY_MS },
    reports: { limit: config.datingReportsPerDay, perMs: DAY_MS },
    frames: { limit: config.datingFramesPerMinute, perMs: 60_000 },
    writes: { limit: config.datingWritesPerMinute, perMs: 60_000 },
    maxFrameBytes: config.datingMaxFrameBytes,
    textCharacters: config.datingTextCharacters,
    reviewCharacters: config.datingReviewCharacters,
    metadataKeys: config.datingMetadataKeys,
    photoBytes: config.datingPhotoBytes,
    unsentPhotos: config.datingUnsentPhotos,
    unsentPhotoMs: config.datingUnsentPhotoMs,
    photoUrlMs: config.datingPhotoUrlMs,
    ephemeralMs: config.datingEphemeralMs,
    ephemeralMaxMs: config.datingEphemeralMaxMs,
    ephemeralUnopenedMs: config.datingEphemeralUnopenedMs,
    handshakeMs: config.datingHandshakeMs,
    presenceGraceMs: config.datingPresenceGraceMs,
    typingMs: config.datingTypingMs,
    filter: config.datingFilter === 'refuse' ? 'refuse' : 'mask',
    // One without a list is refused by the module, by name.
    filterLanguages: config.datingFilterLanguages as DatingSettings['filterLanguages'],
    phoneRegions: config.datingPhoneRegions,
    reportRetentionMs: config.datingReportRetentionMs,
  }
}

function opens(server: Server, port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, host, () => resolve(true))
  })
}

/** The last hop that a trusted proxy names, or the peer itself. */
function addressOf(request: IncomingMessage, trustProxy: boolean): string {
  const forwarded = request.headers['x-forwarded-for']
  const named = trustProxy && typeof forwarded === 'string' ? forwarded.split(',').at(-1)?.trim() : undefined
  return named ?? request.socket.remoteAddress ?? ''
}
