import { join } from 'node:path'
import { DAY, flag, MINUTE, SECOND, whole } from './config-field.ts'
import { integrationSettings } from './config-integrations.ts'
import type { Config } from './config.ts'
import type { PrdSettings } from './modules/prd/index.ts'

/** Settings of the PRD tool. Its document names the 100 events a minute and the 300 s of saving; the others are ours. */
export const prdFields = {
  prdFramesPerMinute: whole(
    'SWITCHBOARD_PRD_FRAMES_PER_MINUTE',
    12_000,
    'Frames one connection may send in a minute, whatever they are; far over what a client that keeps the' +
      ' other limits sends. 0: no limit.',
  ),
  prdCommandsPerMinute: whole(
    'SWITCHBOARD_PRD_COMMANDS_PER_MINUTE',
    100,
    'Events one connection may send in a minute that are no edits and no presence; ping and leave-prd are' +
      ' free. The document says 100 in 60 s. 0: no limit.',
  ),
  prdEditsPerMinute: whole(
    'SWITCHBOARD_PRD_EDITS_PER_MINUTE',
    6_000,
    'Edits one connection may send in a minute: a hundred a second, so that what was typed offline comes in' +
      ' one go and no typist is ever refused. 0: no limit.',
  ),
  prdPresencesPerMinute: whole(
    'SWITCHBOARD_PRD_PRESENCES_PER_MINUTE',
    3_000,
    'Changes of presence one connection may send in a minute; they are thinned out before others get them. 0:' +
      ' no limit.',
  ),
  prdWritesPerMinute: whole(
    'SWITCHBOARD_PRD_WRITES_PER_MINUTE',
    300,
    'REST writes one account may make in a minute: more than a person, less than a flood. 0: no limit.',
  ),
  prdMaxFrameBytes: whole(
    'SWITCHBOARD_PRD_MAX_FRAME_BYTES',
    2 * 1024 * 1024,
    'Bytes of one event, a Yjs update included: a whole long document pasted at once. Refused past it; 16' +
      ' times as much cuts.',
    1_024,
  ),
  prdDocumentCharacters: whole(
    'SWITCHBOARD_PRD_DOCUMENT_CHARACTERS',
    1_000_000,
    'UTF-16 units of a document: a book of 500 pages. Edits past it are refused with TOO_LARGE.',
    1,
  ),
  prdDocumentStructs: whole(
    'SWITCHBOARD_PRD_DOCUMENT_STRUCTS',
    1_000_000,
    'Yjs structures of a document: what has been deleted keeps its place, and memory. Yjs updates past it are refused.',
    1,
  ),
  prdVectorSlots: whole(
    'SWITCHBOARD_PRD_VECTOR_SLOTS',
    10_000,
    'Numbers of a state vector: one for each tab that ever edited at the same time as others.',
    1,
  ),
  prdJoinedPrds: whole(
    'SWITCHBOARD_PRD_JOINED_PRDS',
    50,
    'PRDs one connection may have joined at once: each is a document in memory. Refused past it.',
    1,
  ),
  prdParticipants: whole(
    'SWITCHBOARD_PRD_PARTICIPANTS',
    1_000,
    'Connections that may have joined one PRD: each hears every edit. Refused past it.',
    1,
  ),
  prdPresenceGraceMs: whole(
    'SWITCHBOARD_PRD_PRESENCE_GRACE_MS',
    2 * SECOND,
    'Somebody back within this time was never away for the others: a reload of the page, the reconnecting of' +
      ' the client.',
  ),
  prdReconnectMs: whole(
    'SWITCHBOARD_PRD_RECONNECT_MS',
    2 * MINUTE,
    'How long the return of somebody whose connection was lost with PRDs joined is told by `reconnect`; a' +
      ' crash of the server counts.',
  ),
  prdPresenceRestMs: whole(
    'SWITCHBOARD_PRD_PRESENCE_REST_MS',
    50,
    "Least time between two broadcasts of one person's presence in a PRD; it grows with the people there, so that" +
      ' a crowd stays cheap.',
    1,
  ),
  prdCursorMs: whole(
    'SWITCHBOARD_PRD_CURSOR_MS',
    10 * MINUTE,
    'How long a cursor that is not moved is shown to who comes later.',
    1,
  ),
  prdAutoSaveMs: whole(
    'SWITCHBOARD_PRD_AUTO_SAVE_MS',
    5 * MINUTE,
    'Between two automatic saves of a document that has changed; the document says 300 s. Edits are durable' +
      ' long before.',
    SECOND,
  ),
  prdIdleMs: whole(
    'SWITCHBOARD_PRD_IDLE_MS',
    MINUTE,
    'How long a document stays in memory when nobody has it open.',
    1,
  ),
  prdSnapshotEdits: whole(
    'SWITCHBOARD_PRD_SNAPSHOT_EDITS',
    5_000,
    'Edits after which a document is saved as a whole without waiting for the time: bounds what is read to open it.',
    1,
  ),
  prdHistoryEdits: whole(
    'SWITCHBOARD_PRD_HISTORY_EDITS',
    5_000,
    'Edits of a document kept in memory to rebase late ones on; who is further back is told to synchronise.',
    1,
  ),
  prdHistoryMs: whole(
    'SWITCHBOARD_PRD_HISTORY_MS',
    7 * DAY,
    'How long single edits are kept in the database: who was away for longer gets the whole text.',
    SECOND,
  ),
  prdDecodeMs: whole(
    'SWITCHBOARD_PRD_DECODE_MS',
    2 * SECOND,
    'Time a Yjs update may take to be looked through, in a thread of its own: honest ones take microseconds.',
    1,
  ),
  prdDecodeSteps: whole(
    'SWITCHBOARD_PRD_DECODE_STEPS',
    250_000,
    'Items of a document that may be looked at to put one Yjs update in its places: some 50 ms.',
    1,
  ),
  prdCommentCharacters: whole(
    'SWITCHBOARD_PRD_COMMENT_CHARACTERS',
    10_000,
    'Characters (code points) of a comment or a reply.',
    1,
  ),
  prdChangelogCharacters: whole(
    'SWITCHBOARD_PRD_CHANGELOG_CHARACTERS',
    10_000,
    'Characters (code points) of the changelog of a version.',
    1,
  ),
  prdComments: whole(
    'SWITCHBOARD_PRD_COMMENTS',
    5_000,
    'Comments of one PRD, and replies to one comment. 409 past it.',
    1,
  ),
  prdVersions: whole('SWITCHBOARD_PRD_VERSIONS', 10_000, 'Versions of one PRD. 409 past it.', 1),
  prdConflicts: whole(
    'SWITCHBOARD_PRD_CONFLICTS',
    200,
    'Open conflicts of one PRD; past it no more are recorded, the text itself loses nothing.',
  ),
  prdOrganizations: whole('SWITCHBOARD_PRD_ORGANIZATIONS', 100, 'Organisations one account may make. 409 past it.', 1),
  prdMembers: whole('SWITCHBOARD_PRD_MEMBERS', 10_000, 'People of one organisation. 409 past it.', 1),
  prdPrds: whole('SWITCHBOARD_PRD_PRDS', 100_000, 'PRDs of one organisation. 409 past it.', 1),
  prdTemplates: whole(
    'SWITCHBOARD_PRD_TEMPLATES',
    200,
    'Templates of one organisation, besides those every one has. 409 past it.',
    1,
  ),
  prdApprovers: whole('SWITCHBOARD_PRD_APPROVERS', 50, 'Approvals of one PRD that are open at once. 409 past it.', 1),
  prdSubscriptions: whole(
    'SWITCHBOARD_PRD_SUBSCRIPTIONS',
    100,
    'Organisations one connection may subscribe to. Refused past it.',
    1,
  ),
  prdFeedMs: whole('SWITCHBOARD_PRD_FEED_MS', 90 * DAY, 'How long notifications and activities are kept.', SECOND),
  prdBatching: flag(
    'SWITCHBOARD_PRD_BATCHING',
    false,
    'Whether presences are sent as batch-update to everybody who does not ask otherwise; edits never wait.',
  ),
}

export function prdSettings(config: Config): PrdSettings {
  return {
    repositories: join(config.dataDir, 'git'),
    frames: { limit: config.prdFramesPerMinute, perMs: MINUTE },
    commands: { limit: config.prdCommandsPerMinute, perMs: MINUTE },
    edits: { limit: config.prdEditsPerMinute, perMs: MINUTE },
    presences: { limit: config.prdPresencesPerMinute, perMs: MINUTE },
    writes: { limit: config.prdWritesPerMinute, perMs: MINUTE },
    maxFrameBytes: config.prdMaxFrameBytes,
    documentCharacters: config.prdDocumentCharacters,
    documentStructs: config.prdDocumentStructs,
    vectorSlots: config.prdVectorSlots,
    joinedPrds: config.prdJoinedPrds,
    participants: config.prdParticipants,
    presenceGraceMs: config.prdPresenceGraceMs,
    reconnectMs: config.prdReconnectMs,
    presenceRestMs: config.prdPresenceRestMs,
    cursorMs: config.prdCursorMs,
    autoSaveMs: config.prdAutoSaveMs,
    idleMs: config.prdIdleMs,
    snapshotEdits: config.prdSnapshotEdits,
    historyEdits: config.prdHistoryEdits,
    historyMs: config.prdHistoryMs,
    decodeMs: config.prdDecodeMs,
    decodeSteps: config.prdDecodeSteps,
    commentCharacters: config.prdCommentCharacters,
    changelogCharacters: config.prdChangelogCharacters,
    comments: config.prdComments,
    versions: config.prdVersions,
    conflicts: config.prdConflicts,
    organizations: config.prdOrganizations,
    members: config.prdMembers,
    prds: config.prdPrds,
    templates: config.prdTemplates,
    approvers: config.prdApprovers,
    subscriptions: config.prdSubscriptions,
    feedMs: config.prdFeedMs,
    batching: config.prdBatching,
    ...integrationSettings(config),
  }
}
