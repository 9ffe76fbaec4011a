import { DAY, list, MINUTE, SECOND, text, whole } from './config-field.ts'
import type { Config } from './config.ts'
import { isStunUrl, isTurnUrl } from './modules/helpdesk/ice.ts'
import type { HelpdeskSettings } from './modules/helpdesk/index.ts'

const HOUR = 60 * MINUTE

/** Settings of the helpdesk. Its document names no limits: each of these is ours. */
export const helpdeskFields = {
  helpdeskFramesPerMinute: whole(
    'SWITCHBOARD_HELPDESK_FRAMES_PER_MINUTE',
    1_200,
    'Commands one connection may send in a minute: the candidates of a call come in a burst. 0: no limit.',
  ),
  helpdeskMessagesPerMinute: whole(
    'SWITCHBOARD_HELPDESK_MESSAGES_PER_MINUTE',
    120,
    'Messages one person may send in a minute: two a second, an agent in many chats. 0: no limit.',
  ),
  helpdeskStatusesPerMinute: whole(
    'SWITCHBOARD_HELPDESK_STATUSES_PER_MINUTE',
    30,
    'Changes of status one person may make in a minute: each of them reaches everybody. 0: no limit.',
  ),
  helpdeskCallsPerMinute: whole(
    'SWITCHBOARD_HELPDESK_CALLS_PER_MINUTE',
    20,
    'Calls one person may start in a minute: each makes somebody’s tabs ring. 0: no limit.',
  ),
  helpdeskWritesPerMinute: whole(
    'SWITCHBOARD_HELPDESK_WRITES_PER_MINUTE',
    300,
    'REST writes one account may make in a minute: more than a person, less than a flood. 0: no limit.',
  ),
  helpdeskMaxFrameBytes: whole(
    'SWITCHBOARD_HELPDESK_MAX_FRAME_BYTES',
    128 * 1024,
    'Bytes of one command; the offer of a video call has some ten thousand. Refused past it; 16 times as much cuts.',
    1_024,
  ),
  helpdeskAuthDeadlineMs: whole(
    'SWITCHBOARD_HELPDESK_AUTH_DEADLINE_MS',
    10 * SECOND,
    'Time from the connection to the first token: pages authenticate at once, who only holds a socket does not.',
    1,
  ),
  helpdeskAuthGraceMs: whole(
    'SWITCHBOARD_HELPDESK_AUTH_GRACE_MS',
    45 * SECOND,
    'How long a connection whose token was refused or has expired may stay to try a fresh one.',
    1,
  ),
  helpdeskMessageCharacters: whole(
    'SWITCHBOARD_HELPDESK_MESSAGE_CHARACTERS',
    10_000,
    'Characters (code points) of a message: a pasted log fits, a file does not.',
    1,
  ),
  helpdeskBroadcastCharacters: whole(
    'SWITCHBOARD_HELPDESK_BROADCAST_CHARACTERS',
    2_000,
    'Characters (code points) of a broadcast: it is shown over whatever people are doing.',
    1,
  ),
  helpdeskStatusCharacters: whole(
    'SWITCHBOARD_HELPDESK_STATUS_CHARACTERS',
    140,
    'Characters (code points) of a status message, and of a custom status: one line beside a name.',
    1,
  ),
  helpdeskJoinedChannels: whole(
    'SWITCHBOARD_HELPDESK_JOINED_CHANNELS',
    200,
    'Channels one connection may have joined at once: each costs memory and presences. Refused past it.',
    1,
  ),
  helpdeskChannels: whole(
    'SWITCHBOARD_HELPDESK_CHANNELS',
    50_000,
    'Channels there may be: one per conversation. 409 past it.',
    1,
  ),
  helpdeskChannelMembers: whole(
    'SWITCHBOARD_HELPDESK_CHANNEL_MEMBERS',
    10_000,
    'People of one channel; who joins is one of them. 409 past it.',
    1,
  ),
  helpdeskFileBytes: whole(
    'SWITCHBOARD_HELPDESK_FILE_BYTES',
    25 * 1024 * 1024,
    'Bytes of an uploaded file: a screen recording of half a minute. 413 past it.',
    1,
  ),
  helpdeskUnsentFiles: whole(
    'SWITCHBOARD_HELPDESK_UNSENT_FILES',
    20,
    'Files one person may have uploaded that belong to no message yet. 409 past it.',
  ),
  helpdeskUnsentFileMs: whole(
    'SWITCHBOARD_HELPDESK_UNSENT_FILE_MS',
    DAY,
    'How long an uploaded file waits to be sent before it is removed.',
    SECOND,
  ),
  helpdeskPresenceGraceMs: whole(
    'SWITCHBOARD_HELPDESK_PRESENCE_GRACE_MS',
    2 * SECOND,
    'A person back within this time was never away for the others: a reload of the page, the reconnecting of the client.',
  ),
  helpdeskSweepMs: whole(
    'SWITCHBOARD_HELPDESK_SWEEP_MS',
    5 * MINUTE,
    'Between two searches for dead connections; the document says 5 minutes. Pings find most of them long before.',
    SECOND,
  ),
  helpdeskTypingMs: whole(
    'SWITCHBOARD_HELPDESK_TYPING_MS',
    10 * SECOND,
    'Time after which somebody who does not say so again has stopped typing.',
    1,
  ),
  helpdeskRingMs: whole('SWITCHBOARD_HELPDESK_RING_MS', MINUTE, 'How long a call rings before it is missed.', SECOND),
  helpdeskCallGraceMs: whole(
    'SWITCHBOARD_HELPDESK_CALL_GRACE_MS',
    15 * SECOND,
    'How long a party of a call may be without a connection before the call ends: the media does not need it.',
    1,
  ),
  helpdeskCallMs: whole(
    'SWITCHBOARD_HELPDESK_CALL_MS',
    12 * HOUR,
    'The longest call: one nobody hung up ends some day.',
    SECOND,
  ),
  helpdeskCallCandidates: whole(
    'SWITCHBOARD_HELPDESK_CALL_CANDIDATES',
    200,
    'ICE candidates of one party that wait for the other: a computer with many networks has some dozens.',
    1,
  ),
  helpdeskOfferCharacters: whole(
    'SWITCHBOARD_HELPDESK_OFFER_CHARACTERS',
    64 * 1024,
    'Characters of an offer or an answer as JSON: some ten thousand with all codecs of a browser.',
    1,
  ),
  helpdeskTicketDueMinutes: list(
    'SWITCHBOARD_HELPDESK_TICKET_DUE_MINUTES',
    ['240', '480', '1440', '4320'],
    'Minutes from a ticket to its due time: urgent, high, normal, low. 0: no due time.',
  ),
  helpdeskStunUrls: list(
    'SWITCHBOARD_HELPDESK_STUN_URLS',
    [],
    'STUN servers that browsers are told, like stun:stun.example.com:3478. None by default: a public one learns who calls.',
  ),
  helpdeskTurnUrls: list(
    'SWITCHBOARD_HELPDESK_TURN_URLS',
    [],
    'TURN servers that browsers are told, like turn:turn.example.com:3478?transport=udp.',
  ),
  helpdeskTurnSecret: text(
    'SWITCHBOARD_HELPDESK_TURN_SECRET',
    '',
    'Secret shared with the TURN servers (static-auth-secret of coturn): what credentials that expire are made with.',
  ),
  helpdeskTurnCredentialMs: whole(
    'SWITCHBOARD_HELPDESK_TURN_CREDENTIAL_MS',
    HOUR,
    'Life of TURN credentials: longer than it takes to set a call up, too short to be worth stealing.',
    MINUTE,
  ),
  helpdeskIcePolicy: text(
    'SWITCHBOARD_HELPDESK_ICE_POLICY',
    'all',
    'all or relay: relay tells browsers to talk through TURN alone, so that nobody learns the address of another.',
  ),
} as const

/** @throws Error naming the setting and what it must be. */
export function checkHelpdesk(config: Config): void {
  const { helpdeskIcePolicy: policy, helpdeskTurnUrls: urls, helpdeskTurnSecret: secret } = config
  if (policy !== 'all' && policy !== 'relay') throw new Error('SWITCHBOARD_HELPDESK_ICE_POLICY must be all or relay')
  if (urls.length > 0 && secret === '') {
    throw new Error('SWITCHBOARD_HELPDESK_TURN_SECRET must be set where SWITCHBOARD_HELPDESK_TURN_URLS is')
  }
  if (policy === 'relay' && urls.length === 0) {
    throw new Error('SWITCHBOARD_HELPDESK_ICE_POLICY is relay: SWITCHBOARD_HELPDESK_TURN_URLS must name a TURN server')
  }
  const strange = [
    ...config.helpdeskStunUrls.filter((url) => !isStunUrl(url)),
    ...urls.filter((url) => !isTurnUrl(url)),
  ]
  if (strange.length > 0) {
    // One that is none makes a browser refuse them all, in the middle of a call.
    throw new Error(`${strange[0]} is no STUN or TURN address, like stun:host:3478 or turn:host:3478?transport=udp`)
  }
  const due = config.helpdeskTicketDueMinutes.map(Number)
  if (due.length !== 4 || !due.every((minutes) => Number.isSafeInteger(minutes) && minutes >= 0)) {
    throw new Error('SWITCHBOARD_HELPDESK_TICKET_DUE_MINUTES must be four whole numbers: urgent, high, normal, low')
  }
}

export function helpdeskSettings(config: Config): HelpdeskSettings {
  const [urgent, high, normal, low] = config.helpdeskTicketDueMinutes.map((minutes) => Number(minutes) * MINUTE)
  return {
    frames: { limit: config.helpdeskFramesPerMinute, perMs: MINUTE },
    messages: { limit: config.helpdeskMessagesPerMinute, perMs: MINUTE },
    statuses: { limit: config.helpdeskStatusesPerMinute, perMs: MINUTE },
    calls: { limit: config.helpdeskCallsPerMinute, perMs: MINUTE },
    writes: { limit: config.helpdeskWritesPerMinute, perMs: MINUTE },
    maxFrameBytes: config.helpdeskMaxFrameBytes,
    authDeadlineMs: config.helpdeskAuthDeadlineMs,
    authGraceMs: config.helpdeskAuthGraceMs,
    messageCharacters: config.helpdeskMessageCharacters,
    broadcastCharacters: config.helpdeskBroadcastCharacters,
    statusCharacters: config.helpdeskStatusCharacters,
    joinedChannels: config.helpdeskJoinedChannels,
    channels: config.helpdeskChannels,
    channelMembers: config.helpdeskChannelMembers,
    fileBytes: config.helpdeskFileBytes,
    unsentFiles: config.helpdeskUnsentFiles,
    unsentFileMs: config.helpdeskUnsentFileMs,
    presenceGraceMs: config.helpdeskPresenceGraceMs,
    sweepMs: config.helpdeskSweepMs,
    typingMs: config.helpdeskTypingMs,
    ringMs: config.helpdeskRingMs,
    callGraceMs: config.helpdeskCallGraceMs,
    callMs: config.helpdeskCallMs,
    callCandidates: config.helpdeskCallCandidates,
    offerCharacters: config.helpdeskOfferCharacters,
    ticketDueMs: { urgent: urgent!, high: high!, normal: normal!, low: low! },
    stunUrls: config.helpdeskStunUrls,
    turnUrls: config.helpdeskTurnUrls,
    turnSecret: config.helpdeskTurnSecret,
    turnCredentialMs: config.helpdeskTurnCredentialMs,
    icePolicy: config.helpdeskIcePolicy === 'relay' ? 'relay' : 'all',
  }
}
