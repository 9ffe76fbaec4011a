import { availableParallelism } from 'node:os'
import { checkHelpdesk, helpdeskFields } from './config-helpdesk.ts'
import { checkIntegrations, integrationFields } from './config-integrations.ts'
import { prdFields } from './config-prd.ts'
import { choices, DAY, flag, list, MINUTE, SECOND, text, whole, type Field } from './config-field.ts'

/** The protocols there are, each a module of the server. */
export const moduleNames = ['tracker', 'workspace', 'dating', 'helpdesk', 'prd'] as const
export type ModuleName = (typeof moduleNames)[number]

export const fields = {
  port: whole('PORT', 8080, 'The one port everything listens on.'),
  extraPorts: list('EXTRA_PORTS', ['8000', '3001'], 'Addresses named in the documents; a taken one is a warning.'),
  modules: choices('SWITCHBOARD_MODULES', moduleNames, 'The protocols that are offered; of the others nothing answers.'),
  host: text('HOST', '0.0.0.0', 'Address to listen on.'),
  dataDir: text('DATA_DIR', 'data', 'Folder of the embedded database, the secret and files.'),
  databaseUrl: text('DATABASE_URL', '', 'PostgreSQL address; empty means the embedded SQLite.'),
  logLevel: text('LOG_LEVEL', 'info', 'pino level: trace, debug, info, warn, error, fatal, silent.'),
  allowedOrigins: list(
    'ALLOWED_ORIGINS',
    ['localhost'],
    'Exact browser origins that may connect, besides our own; the word localhost allows any port of this machine.',
  ),
  trustProxy: flag('TRUST_PROXY', false, 'Believe X-Forwarded-For. Only behind a proxy that sets it: limits depend on it.'),
  secret: text('SWITCHBOARD_SECRET', '', 'Signs tokens; at least 32 characters. Made and kept in DATA_DIR in development.'),
  demo: flag('SWITCHBOARD_DEMO', true, 'Demo accounts and a demo project on an empty database; never in production.'),
  metricsToken: text('SWITCHBOARD_METRICS_TOKEN', '', 'Bearer token for /metrics; without it only loopback may read.'),
  registration: text('SWITCHBOARD_REGISTRATION', 'open', 'open or closed: whether anybody may make an account.'),
  accessTokenMs: whole('SWITCHBOARD_ACCESS_TOKEN_MS', 15 * MINUTE, 'Life of an access token: short, as it is also in URLs.', 1),
  refreshTokenMs: whole('SWITCHBOARD_REFRESH_TOKEN_MS', 30 * DAY, 'Life of an unused refresh token.', 1),
  jwksUrl: text('SWITCHBOARD_JWKS_URL', '', 'Key set of an outside identity provider (RS256, ES256); empty: none.'),
  jwksIssuer: text('SWITCHBOARD_JWKS_ISSUER', '', 'Issuer its tokens must name.'),
  jwksAudience: text('SWITCHBOARD_JWKS_AUDIENCE', 'switchboard', 'Audience its tokens must name.'),
  loginFailures: whole(
    'SWITCHBOARD_LOGIN_FAILURES',
    10,
    'Failed logins for one name from one address in 15 minutes: far above a person, far below a guesser.',
  ),
  loginFailuresPerAddress: whole(
    'SWITCHBOARD_LOGIN_FAILURES_PER_ADDRESS',
    50,
    'Failed logins from one address in 15 minutes, whatever the names: an office behind one address still fits.',
  ),
  passwordMemoryKib: whole(
    'SWITCHBOARD_PASSWORD_MEMORY_KIB',
    19_456,
    'Memory of one argon2id hash, in KiB: the OWASP minimum for two passes.',
    8,
  ),
  registrationsPerAddress: whole('SWITCHBOARD_REGISTRATIONS_PER_ADDRESS', 20, 'New accounts from one address in an hour.'),
  eventRetentionMs: whole('SWITCHBOARD_EVENT_RETENTION_MS', 7 * DAY, 'How long a client may be away and still resume.', 1),
  maxPendingBytes: whole(
    'SWITCHBOARD_MAX_PENDING_BYTES',
    1024 * 1024,
    'Bytes that may wait for one slow reader; past half of it signals are dropped, past it 4408.',
    1024,
  ),
  maxConnections: whole('SWITCHBOARD_MAX_CONNECTIONS', 20_000, 'Connections of this process; below the file limit. 503 past it.'),
  maxConnectionsPerAccount: whole(
    'SWITCHBOARD_MAX_CONNECTIONS_PER_ACCOUNT',
    100,
    'Connections of one account on one protocol: many tabs and devices, not a leak in a loop. 4429 past it.',
  ),
  maxConnectionsPerAddress: whole(
    'SWITCHBOARD_MAX_CONNECTIONS_PER_ADDRESS',
    10_000,
    'Connections from one address; high, since a whole company may share one. 503 past it; 0: no limit.',
  ),
  upgradesPerMinutePerAddress: whole(
    'SWITCHBOARD_UPGRADES_PER_MINUTE_PER_ADDRESS',
    12_000,
    'Upgrade requests of one address in a minute: a whole office may come back at once. 429 past it; 0: no limit.',
  ),
  maxBodyBytes: whole('SWITCHBOARD_MAX_BODY_BYTES', 256 * 1024, 'Bytes of one REST body. 413 past it.', 1024),
  authDeadlineMs: whole(
    'SWITCHBOARD_AUTH_DEADLINE_MS',
    3_000,
    'A connection without a token must present one in its first frame within this time.',
    1,
  ),
  pingIntervalMs: whole('SWITCHBOARD_PING_INTERVAL_MS', 30 * SECOND, 'Protocol-level ping of every connection.', 1),
  pongWaitMs: whole('SWITCHBOARD_PONG_WAIT_MS', 60 * SECOND, 'Silence after which a connection is dead.', 1),
  drainMs: whole('SWITCHBOARD_DRAIN_MS', 5 * SECOND, 'Time over which SIGTERM spreads the closing of connections.'),
  trackerFramesPerMinute: whole(
    'SWITCHBOARD_TRACKER_FRAMES_PER_MINUTE',
    100,
    'Frames, pings included, one connection may send in a minute; rate_limit past it, the connection stays.',
  ),
  trackerMaxFrameBytes: whole('SWITCHBOARD_TRACKER_MAX_FRAME_BYTES', 64 * 1024, 'Bytes of a frame; validation_error past it.', 256),
  trackerWritesPerMinute: whole(
    'SWITCHBOARD_TRACKER_WRITES_PER_MINUTE',
    600,
    'REST writes one account may make in a minute: ten a second, more than a person and less than a flood. 0: no limit.',
  ),
  trackerReminderMs: whole(
    'SWITCHBOARD_TRACKER_REMINDER_MS',
    3 * DAY,
    'How long a report is pending before each reminder; the document shows three days.',
    SECOND,
  ),
  trackerPresenceGraceMs: whole(
    'SWITCHBOARD_TRACKER_PRESENCE_GRACE_MS',
    SECOND,
    'A user back within this time was never disconnected for the others.',
  ),
  trackerShareEvents: whole(
    'SWITCHBOARD_TRACKER_SHARE_EVENTS',
    2_000,
    'Created events written for somebody who gains sight of a project; past it they load the rest over REST.',
  ),
  workspaceFrames: whole(
    'SWITCHBOARD_WORKSPACE_FRAMES_PER_10_SECONDS',
    60,
    'Frames other than pings one connection may send in ten seconds; RATE_LIMITED past it, the connection stays.',
  ),
  workspaceAccountFrames: whole(
    'SWITCHBOARD_WORKSPACE_ACCOUNT_FRAMES_PER_10_SECONDS',
    240,
    'The same for all connections of one account together: four devices at full speed. 0: no limit.',
  ),
  workspacePings: whole(
    'SWITCHBOARD_WORKSPACE_PINGS_PER_10_SECONDS',
    200,
    'Pings one connection may send in ten seconds: free for every client that keeps time, not for a flood. 0: no limit.',
  ),
  workspaceMaxFrameBytes: whole(
    'SWITCHBOARD_WORKSPACE_MAX_FRAME_BYTES',
    16 * 1024,
    'Bytes of a client frame: the longest documented one has about a hundred. VALIDATION_ERROR past it.',
    256,
  ),
  workspaceWritesPerMinute: whole(
    'SWITCHBOARD_WORKSPACE_WRITES_PER_MINUTE',
    600,
    'REST writes one account may make in a minute: ten a second, more than a person and less than a flood. 0: no limit.',
  ),
  workspaceMessageCharacters: whole(
    'SWITCHBOARD_WORKSPACE_MESSAGE_CHARACTERS',
    10_000,
    'Characters of a message: a long letter; more belongs into a file.',
    1,
  ),
  workspaceAttachmentBytes: whole(
    'SWITCHBOARD_WORKSPACE_ATTACHMENT_BYTES',
    25 * 1024 * 1024,
    'Bytes of one attachment: what mail servers take. 413 past it.',
    1,
  ),
  workspaceStorageBytes: whole(
    'SWITCHBOARD_WORKSPACE_STORAGE_BYTES',
    10 * 1024 * 1024 * 1024,
    'Bytes of all files of one workspace: one member must not fill the disk of everybody. 409 past it.',
    1,
  ),
  workspaceAttachmentsPerMessage: whole('SWITCHBOARD_WORKSPACE_ATTACHMENTS_PER_MESSAGE', 10, 'Attachments of one message.'),
  workspaceUnsentUploads: whole(
    'SWITCHBOARD_WORKSPACE_UNSENT_UPLOADS',
    50,
    'Uploads one account may have that are in no message yet: they fill the disk and nobody sees them. 409 past it.',
  ),
  workspaceUnsentUploadMs: whole(
    'SWITCHBOARD_WORKSPACE_UNSENT_UPLOAD_MS',
    DAY,
    'How long an upload waits to be sent before it is removed.',
    SECOND,
  ),
  workspaceEmojiPerMessage: whole('SWITCHBOARD_WORKSPACE_EMOJI_PER_MESSAGE', 50, 'Different emoji on one message. 409 past it.'),
  workspaceReactionsPerMessage: whole(
    'SWITCHBOARD_WORKSPACE_REACTIONS_PER_MESSAGE',
    1_000,
    'All reactions on one message: each is in every page of history. 409 past it.',
  ),
  workspaceMentionsPerMessage: whole(
    'SWITCHBOARD_WORKSPACE_MENTIONS_PER_MESSAGE',
    50,
    'People one message may mention by name; more is what @channel is for.',
  ),
  workspacePinsPerChannel: whole('SWITCHBOARD_WORKSPACE_PINS_PER_CHANNEL', 100, 'Pinned messages of one channel. 409 past it.'),
  workspaceChannels: whole(
    'SWITCHBOARD_WORKSPACE_CHANNELS',
    5_000,
    'Channels of one workspace, direct messages not counted: a sidebar can still be read. 409 past it.',
    1,
  ),
  workspaceMembers: whole('SWITCHBOARD_WORKSPACE_MEMBERS', 10_000, 'Members of one workspace. 409 past it.', 1),
  workspacesPerAccount: whole(
    'SWITCHBOARD_WORKSPACES_PER_ACCOUNT',
    20,
    'Workspaces one account may own: more is somebody filling the database. 409 past it.',
  ),
  workspaceInvites: whole('SWITCHBOARD_WORKSPACE_INVITES', 200, 'Open invitations of one workspace. 409 past it.'),
  workspaceDmPeople: whole('SWITCHBOARD_WORKSPACE_DM_PEOPLE', 9, 'People of one direct message; more is a private channel.', 1),
  workspaceInviteMs: whole('SWITCHBOARD_WORKSPACE_INVITE_MS', 7 * DAY, 'Life of an invitation that names none.', SECOND),
  workspacePresenceGraceMs: whole(
    'SWITCHBOARD_WORKSPACE_PRESENCE_GRACE_MS',
    10 * SECOND,
    'A person back within this time was never offline for the others: a reconnect with backoff fits.',
  ),
  workspaceIdleMs: whole(
    'SWITCHBOARD_WORKSPACE_IDLE_MS',
    5 * MINUTE,
    'Time without anything but pings after which a person is away. 0: never.',
  ),
  workspaceTypingMs: whole(
    'SWITCHBOARD_WORKSPACE_TYPING_MS',
    8 * SECOND,
    'Time after which somebody who does not say so again has stopped typing.',
    1,
  ),
  datingMessagesPerMinute: whole('SWITCHBOARD_DATING_MESSAGES_PER_MINUTE', 30, 'Messages of one person; the document says 30. 0: no limit.'),
  datingMessagesPerHour: whole('SWITCHBOARD_DATING_MESSAGES_PER_HOUR', 500, 'The same in an hour; the document says 500. 0: no limit.'),
  datingMessagesPerDay: whole('SWITCHBOARD_DATING_MESSAGES_PER_DAY', 2_000, 'The same in a day; the document says 2 000. 0: no limit.'),
  datingTypingPerMinute: whole(
    'SWITCHBOARD_DATING_TYPING_PER_MINUTE',
    20,
    'typing:start and typing:stop of one person in a minute; the document says 20. 0: no limit.',
  ),
  datingConnectionsPerMinute: whole(
    'SWITCHBOARD_DATING_CONNECTIONS_PER_MINUTE',
    10,
    'Connections one person may open in a minute; the document says 10. 429 past it; 0: no limit.',
  ),
  datingConnections: whole(
    'SWITCHBOARD_DATING_CONNECTIONS',
    5,
    'Connections one person may have at once; the document says 5. 429 past it.',
    1,
  ),
  datingConversationsPerDay: whole(
    'SWITCHBOARD_DATING_CONVERSATIONS_PER_DAY',
    50,
    'New conversations one person may bring about in a day; the document says 50. 0: no limit.',
  ),
  datingLikesPerDay: whole(
    'SWITCHBOARD_DATING_LIKES_PER_DAY',
    500,
    'Likes one person may give in a day: an evening of swiping, not a script that likes everybody. 0: no limit.',
  ),
  datingReportsPerDay: whole(
    'SWITCHBOARD_DATING_REPORTS_PER_DAY',
    20,
    'Reports one person may file in a day: moderators read each of them. 0: no limit.',
  ),
  datingFramesPerMinute: whole(
    'SWITCHBOARD_DATING_FRAMES_PER_MINUTE',
    300,
    'Frames one connection may send in a minute: five a second, far above the sum of the documented limits. 0: no limit.',
  ),
  datingWritesPerMinute: whole(
    'SWITCHBOARD_DATING_WRITES_PER_MINUTE',
    300,
    'REST writes one account may make in a minute: more than a person, less than a flood. 0: no limit.',
  ),
  datingMaxFrameBytes: whole(
    'SWITCHBOARD_DATING_MAX_FRAME_BYTES',
    32 * 1024,
    'Bytes of a client frame; the document says 32 KB. MESSAGE_TOO_LARGE past it.',
    256,
  ),
  datingTextCharacters: whole(
    'SWITCHBOARD_DATING_TEXT_CHARACTERS',
    2_000,
    'Characters (code points) of a text message; the document says 2 000. MESSAGE_TOO_LARGE past it.',
    1,
  ),
  datingReviewCharacters: whole(
    'SWITCHBOARD_DATING_REVIEW_CHARACTERS',
    8_000,
    'Text of one message, metadata and all, that is looked through: everybody waits for it. MESSAGE_TOO_LARGE past it.',
    1,
  ),
  datingMetadataKeys: whole(
    'SWITCHBOARD_DATING_METADATA_KEYS',
    200,
    'Keys and elements in the metadata of a message: each is looked through for words and personal data.',
    1,
  ),
  datingPhotoBytes: whole(
    'SWITCHBOARD_DATING_PHOTO_BYTES',
    10 * 1024 * 1024,
    'Bytes of an uploaded photo; the document says 10 MB. 413 past it.',
    1,
  ),
  datingUnsentPhotos: whole(
    'SWITCHBOARD_DATING_UNSENT_PHOTOS',
    20,
    'Photos one person may have uploaded that are in no message yet: they fill the disk and nobody sees them. 409 past it.',
  ),
  datingUnsentPhotoMs: whole(
    'SWITCHBOARD_DATING_UNSENT_PHOTO_MS',
    DAY,
    'How long an uploaded photo waits to be sent before it is removed.',
    SECOND,
  ),
  datingPhotoUrlMs: whole(
    'SWITCHBOARD_DATING_PHOTO_URL_MS',
    15 * MINUTE,
    'How long a signed address of a photo works: long enough to load it, too short to be passed around.',
    SECOND,
  ),
  datingEphemeralMs: whole(
    'SWITCHBOARD_DATING_EPHEMERAL_MS',
    10 * SECOND,
    'From the viewing of an ephemeral photo to its destruction, when its message names no ttl.',
  ),
  datingEphemeralMaxMs: whole('SWITCHBOARD_DATING_EPHEMERAL_MAX_MS', 5 * MINUTE, 'The longest ttl an ephemeral photo may name.'),
  datingEphemeralUnopenedMs: whole(
    'SWITCHBOARD_DATING_EPHEMERAL_UNOPENED_MS',
    7 * DAY,
    'How long an ephemeral photo waits to be opened before it is destroyed all the same.',
    SECOND,
  ),
  datingHandshakeMs: whole(
    'SWITCHBOARD_DATING_HANDSHAKE_MS',
    30 * SECOND,
    'Time for handshake and authentication; the document says 30 seconds.',
    1,
  ),
  datingPresenceGraceMs: whole(
    'SWITCHBOARD_DATING_PRESENCE_GRACE_MS',
    10 * SECOND,
    'A person back within this time was never offline for the others: a lift, a tunnel, another network.',
  ),
  datingTypingMs: whole(
    'SWITCHBOARD_DATING_TYPING_MS',
    10 * SECOND,
    'Time after which somebody who does not say so again has stopped typing; clients stop after 3 seconds.',
    1,
  ),
  datingFilter: text('SWITCHBOARD_DATING_FILTER', 'mask', 'mask or refuse: what happens to words nobody should have to read.'),
  datingFilterLanguages: list(
    'SWITCHBOARD_DATING_FILTER_LANGUAGES',
    ['en', 'de', 'fr', 'es', 'it', 'pt'],
    'Languages whose words are filtered.',
  ),
  datingPhoneRegions: list(
    'SWITCHBOARD_DATING_PHONE_REGIONS',
    ['US', 'GB', 'DE', 'FR', 'ES', 'IT', 'BR'],
    'Countries whose phone numbers are recognised without a country code.',
  ),
  datingReportRetentionMs: whole(
    'SWITCHBOARD_DATING_REPORT_RETENTION_MS',
    180 * DAY,
    'How long a closed report and its evidence are kept, for the case that it is disputed.',
    SECOND,
  ),
  ...helpdeskFields,
  ...prdFields,
  ...integrationFields,
} as const satisfies Readonly<Record<string, Field<unknown>>>

type Value<F> = F extends Field<infer T> ? T : never
export type Config = { readonly [K in keyof typeof fields]: Value<(typeof fields)[K]> } & {
  readonly production: boolean
  readonly threads: number
}

/** @throws Error naming the setting and what it must be. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const config: Record<string, unknown> = {
    production: env['NODE_ENV'] === 'production',
    threads: availableParallelism(),
  }
  for (const [name, field] of Object.entries(fields)) {
    const set = env[field.env]
    config[name] = set === undefined ? field.fallback : field.parse(set)
  }
  const read = config as unknown as Config
  if (read.production && read.secret.length < 32) {
    throw new Error('SWITCHBOARD_SECRET must be set to at least 32 characters in production')
  }
  if (read.registration !== 'open' && read.registration !== 'closed') {
    throw new Error('SWITCHBOARD_REGISTRATION must be open or closed')
  }
  if (read.datingFilter !== 'mask' && read.datingFilter !== 'refuse') {
    throw new Error('SWITCHBOARD_DATING_FILTER must be mask or refuse')
  }
  checkHelpdesk(read)
  checkIntegrations(read)
  return read
}
