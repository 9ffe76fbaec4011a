import { DAY, list, MINUTE, SECOND, text, whole } from './config-field.ts'
import type { Config } from './config.ts'
import { Guard } from './adapters/outgoing-guard.ts'
import type { OutgoingOptions } from './adapters/outgoing.ts'
import type { IntegrationSettings } from './modules/prd/index.ts'

/** Settings of calls to other systems, and of what makes them: sections 4 and 8 of the PRD tool's document. */
export const integrationFields = {
  publicUrl: text(
    'SWITCHBOARD_PUBLIC_URL',
    '',
    'Address of your pages, for links in what is posted elsewhere, like https://prds.example.com; empty: no links.',
  ),
  outgoingHosts: list(
    'SWITCHBOARD_OUTGOING_HOSTS',
    ['*'],
    "Names that organisations' integrations may call: exact, *.example.com, or * for all that are public.",
  ),
  outgoingPrivate: list(
    'SWITCHBOARD_OUTGOING_PRIVATE',
    [],
    'Hosts (name, name:port) or networks (10.1.0.0/16) that may be called although they are private; also without TLS,' +
      ' and on any port where none is named. Whoever administers an organisation can reach what is named here.',
  ),
  outgoingPorts: list(
    'SWITCHBOARD_OUTGOING_PORTS',
    ['80', '443', '8065', '8443'],
    'Ports of public hosts that may be called: the web, and Mattermost.',
  ),
  outgoingCallMs: whole(
    'SWITCHBOARD_OUTGOING_CALL_MS',
    10 * SECOND,
    'Time one call to another system may take, answer and all; pushes to git have six times as much.',
    1,
  ),
  outgoingFailures: whole(
    'SWITCHBOARD_OUTGOING_FAILURES',
    5,
    'Failed calls of one integration in a row after which it is left alone for a while.',
    1,
  ),
  outgoingRestMs: whole('SWITCHBOARD_OUTGOING_REST_MS', MINUTE, 'For how long; then one call is tried.', 1),
  aiBaseUrl: text(
    'AI_BASE_URL',
    '',
    'OpenAI-compatible address of the model, like http://localhost:11434/v1 (Ollama); empty: there is none.',
  ),
  aiApiKey: text('AI_API_KEY', '', 'Key for it, where it wants one.'),
  aiModel: text('AI_MODEL', '', 'Name of the model there.'),
  prdAiPromptsPerHour: whole(
    'SWITCHBOARD_PRD_AI_PROMPTS_PER_HOUR',
    20,
    'AI prompts of one person in an hour: each costs money. The document has an hourly limit without a number. 0: no limit.',
  ),
  prdAiConcurrency: whole('SWITCHBOARD_PRD_AI_CONCURRENCY', 4, 'Answers of the AI written at once; others wait.', 1),
  prdAiPerAccount: whole('SWITCHBOARD_PRD_AI_PER_ACCOUNT', 1, 'Of these, for one person.', 1),
  prdAiQueued: whole('SWITCHBOARD_PRD_AI_QUEUED', 5, 'AI prompts of one person that may wait. Refused past it.', 1),
  prdAiPromptCharacters: whole(
    'SWITCHBOARD_PRD_AI_PROMPT_CHARACTERS',
    10_000,
    'UTF-16 units of a prompt. CONTENT_TOO_LARGE past it.',
    1,
  ),
  prdAiPromptTokens: whole(
    'SWITCHBOARD_PRD_AI_PROMPT_TOKENS',
    16_000,
    'Tokens of all the model is sent, estimated: the document is cut to fit.',
    1_000,
  ),
  prdAiOutputTokens: whole('SWITCHBOARD_PRD_AI_OUTPUT_TOKENS', 4_000, 'Tokens the model may answer with.', 1),
  prdAiResponseCharacters: whole(
    'SWITCHBOARD_PRD_AI_RESPONSE_CHARACTERS',
    100_000,
    'UTF-16 units of an answer: models that do not end are cut off. CONTENT_TOO_LARGE past it.',
    1,
  ),
  prdAiFirstChunkMs: whole('SWITCHBOARD_PRD_AI_FIRST_CHUNK_MS', MINUTE, 'Time until an answer begins; then TIMEOUT.', 1),
  prdAiStallMs: whole('SWITCHBOARD_PRD_AI_STALL_MS', 30 * SECOND, 'Silence within an answer after which it is given up.', 1),
  prdAiJobMs: whole('SWITCHBOARD_PRD_AI_JOB_MS', 5 * MINUTE, 'Time an answer may take in all.', 1),
  prdAiChunkMs: whole(
    'SWITCHBOARD_PRD_AI_CHUNK_MS',
    50,
    'Text of the model is gathered for this time before it is sent on: twenty frames a second read fluently. 0: at once.',
  ),
  prdAiKeepMs: whole('SWITCHBOARD_PRD_AI_KEEP_MS', 30 * DAY, 'How long prompts and answers are kept.', SECOND),
  prdSuggestionsTold: whole(
    'SWITCHBOARD_PRD_SUGGESTIONS_TOLD',
    5,
    'Suggestions told at one automatic save, the surest first: more are not read. 0: none are made.',
  ),
  prdSuggestionCharacters: whole(
    'SWITCHBOARD_PRD_SUGGESTION_CHARACTERS',
    100_000,
    'UTF-16 units of a document that are looked through for suggestions: fifty pages, some ten milliseconds. The rest is' +
      ' not.',
    1,
  ),
  prdGitPackBytes: whole(
    'SWITCHBOARD_PRD_GIT_PACK_BYTES',
    4 * 1024 * 1024,
    'Bytes after which a push to a Git server is continued by another: so much is held in memory, and Git servers bound' +
      ' the body of a request. One version always goes as a whole.',
    1,
  ),
  prdJiraItems: whole('SWITCHBOARD_PRD_JIRA_ITEMS', 500, 'User stories and requirements of one PRD that go to Jira.', 1),
  prdCraftLinks: whole(
    'SWITCHBOARD_PRD_CRAFT_LINKS',
    20,
    'Initiatives of Craft.io linked with one PRD: it cannot serve more at once. Refused past it.',
    1,
  ),
  prdCraftInitiatives: whole(
    'SWITCHBOARD_PRD_CRAFT_INITIATIVES',
    500,
    'Initiatives of Craft.io that are looked through for one PRD: five pages of them, while somebody waits.',
    1,
  ),
  prdCraftDeliveriesPerMinute: whole(
    'SWITCHBOARD_PRD_CRAFT_DELIVERIES_PER_MINUTE',
    600,
    'Deliveries to the webhook of Craft.io from one address in a minute, signed or not: ten a second. 0: no limit.',
  ),
  prdCraftDeliveryBytes: whole(
    'SWITCHBOARD_PRD_CRAFT_DELIVERY_BYTES',
    1_000_000,
    'Bytes of one delivery: far over what any initiative has. Refused past it.',
    1_024,
  ),
} as const

export const outgoingOptions = (config: Config): OutgoingOptions => ({
  hosts: config.outgoingHosts,
  privateHosts: config.outgoingPrivate,
  ports: config.outgoingPorts.map(Number),
})

export function integrationSettings(config: Config): IntegrationSettings {
  const { aiBaseUrl: baseUrl, aiApiKey: apiKey, aiModel: model } = config
  return {
    publicUrl: config.publicUrl.replace(/\/+$/, ''),
    model: baseUrl === '' || model === '' ? undefined : { baseUrl, model, ...(apiKey !== '' && { apiKey }) },
    callMs: config.outgoingCallMs,
    breakerFailures: config.outgoingFailures,
    breakerRestMs: config.outgoingRestMs,
    aiPromptsPerHour: config.prdAiPromptsPerHour,
    aiConcurrency: config.prdAiConcurrency,
    aiPerAccount: config.prdAiPerAccount,
    aiQueued: config.prdAiQueued,
    aiPromptCharacters: config.prdAiPromptCharacters,
    aiPromptTokens: config.prdAiPromptTokens,
    aiOutputTokens: config.prdAiOutputTokens,
    aiResponseCharacters: config.prdAiResponseCharacters,
    aiFirstChunkMs: config.prdAiFirstChunkMs,
    aiStallMs: config.prdAiStallMs,
    aiJobMs: config.prdAiJobMs,
    aiChunkMs: config.prdAiChunkMs,
    aiKeepMs: config.prdAiKeepMs,
    suggestionsTold: config.prdSuggestionsTold,
    suggestionCharacters: config.prdSuggestionCharacters,
    gitPackBytes: config.prdGitPackBytes,
    jiraItems: config.prdJiraItems,
    craftLinks: config.prdCraftLinks,
    craftInitiatives: config.prdCraftInitiatives,
    craftDeliveries: { limit: config.prdCraftDeliveriesPerMinute, perMs: MINUTE },
    craftDeliveryBytes: config.prdCraftDeliveryBytes,
  }
}

/** @throws Error naming the setting and what it must be */
export function checkIntegrations(config: Config): void {
  if ((config.aiBaseUrl === '') !== (config.aiModel === '')) {
    throw new Error('AI_BASE_URL and AI_MODEL go together: set both, or none')
  }
  if (config.aiBaseUrl !== '' && !/^https?:$/.test(URL.parse(config.aiBaseUrl)?.protocol ?? '')) {
    throw new Error('AI_BASE_URL must be an http or https address')
  }
  if (config.publicUrl !== '' && !/^https?:$/.test(URL.parse(config.publicUrl)?.protocol ?? '')) {
    throw new Error('SWITCHBOARD_PUBLIC_URL must be an http or https address')
  }
  checkHosts('SWITCHBOARD_OUTGOING_HOSTS', { hosts: config.outgoingHosts })
  checkHosts('SWITCHBOARD_OUTGOING_PRIVATE', { privateHosts: config.outgoingPrivate })
  for (const port of config.outgoingPorts) {
    if (!/^\d{1,5}$/.test(port)) throw new Error('SWITCHBOARD_OUTGOING_PORTS must be port numbers')
  }
}

function checkHosts(setting: string, options: Partial<OutgoingOptions>): void {
  try {
    void new Guard({ hosts: [], privateHosts: [], ports: [], ...options })
  } catch (error) {
    throw new Error(`${setting}: ${(error as Error).message}`, { cause: error })
  }
}
