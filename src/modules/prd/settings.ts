import type { Window } from '../../kernel/limits.ts'

/** Limits and intervals of the module; config-prd.ts gives each its default and reason. Times in milliseconds. */
export interface PrdSettings extends IntegrationSettings {
  /** Folder of the git repositories, one per organisation. */
  readonly repositories: string
  /** Everything one connection may send, whatever it is: far over what any client needs. */
  readonly frames: Window
  /** Commands of one connection that are no edits and no presence: section 9.2. */
  readonly commands: Window
  /** Edits of one connection. */
  readonly edits: Window
  /** Changes of presence of one connection. */
  readonly presences: Window
  /** REST writes per account. */
  readonly writes: Window
  /** Bytes of one command, its Yjs update included. */
  readonly maxFrameBytes: number
  /** UTF-16 units of a document. */
  readonly documentCharacters: number
  /** Yjs structures of a document, those of deleted text included. */
  readonly documentStructs: number
  /** Numbers of a state vector. */
  readonly vectorSlots: number
  /** PRDs one connection may have joined at once. */
  readonly joinedPrds: number
  /** Connections that may have joined one PRD. */
  readonly participants: number
  /** How long somebody whose last tab has gone without a word stays there for the others. */
  readonly presenceGraceMs: number
  /** After a connection was lost that had joined PRDs: how long its return is told by `reconnect`. */
  readonly reconnectMs: number
  /** Least time between two broadcasts of one person's presence in a PRD; in a crowd it is more. */
  readonly presenceRestMs: number
  /** How long a cursor is shown that is not moved. */
  readonly cursorMs: number
  /** Whether presences are sent in `batch-update` to who does not say; a connection may ask for either. */
  readonly batching: boolean
  /** Between two automatic saves of a document that has changed. */
  readonly autoSaveMs: number
  /** How long a document stays in memory when nobody has it open. */
  readonly idleMs: number
  /** Edits after which a document is saved without waiting for the time. */
  readonly snapshotEdits: number
  /** Edits kept in memory for the rebasing of late ones; further back, clients are told to synchronise. */
  readonly historyEdits: number
  /** How long edits are kept in the database once a snapshot has them. */
  readonly historyMs: number
  /** Milliseconds a Yjs update may take to be looked through before its author is refused. */
  readonly decodeMs: number
  /** Items of a document that may be looked at to put a Yjs update in its places. */
  readonly decodeSteps: number
  readonly commentCharacters: number
  readonly changelogCharacters: number
  readonly comments: number
  readonly versions: number
  readonly conflicts: number
  readonly organizations: number
  readonly members: number
  readonly prds: number
  readonly templates: number
  readonly approvers: number
  /** Subscriptions to organisations of one connection. */
  readonly subscriptions: number
  /** How long notifications and activities are kept. */
  readonly feedMs: number
}

/** An OpenAI-compatible model. */
export interface Model {
  readonly baseUrl: string
  readonly model: string
  readonly apiKey?: string
}

/** Of sections 4 and 8; config-integrations.ts gives each its default and reason. */
export interface IntegrationSettings {
  /** Address of the pages of the PRD tool, without a slash at its end; empty: there are none. */
  readonly publicUrl: string
  /** For organisations that have none of their own. */
  readonly model: Model | undefined
  /** One call to another system, its answer included. */
  readonly callMs: number
  /** Failed calls in a row after which an integration rests. */
  readonly breakerFailures: number
  readonly breakerRestMs: number
  /** Of one person; 0: no limit. */
  readonly aiPromptsPerHour: number
  /** Answers written at once. */
  readonly aiConcurrency: number
  /** Of these, for one person. */
  readonly aiPerAccount: number
  /** Prompts of one person that may wait. */
  readonly aiQueued: number
  /** UTF-16 units. */
  readonly aiPromptCharacters: number
  readonly aiPromptTokens: number
  readonly aiOutputTokens: number
  /** UTF-16 units. */
  readonly aiResponseCharacters: number
  readonly aiFirstChunkMs: number
  readonly aiStallMs: number
  readonly aiJobMs: number
  /** How long text of the model is gathered before it is sent on; 0: it is not. */
  readonly aiChunkMs: number
  readonly aiKeepMs: number
  /** Told at one automatic save; 0: the documents are not looked through. */
  readonly suggestionsTold: number
  /** UTF-16 units of a document that are looked through. */
  readonly suggestionCharacters: number
  /** Bytes after which a push to a Git server is continued by another. */
  readonly gitPackBytes: number
  /** User stories and requirements of one PRD. */
  readonly jiraItems: number
  /** Initiatives of Craft.io linked with one PRD. */
  readonly craftLinks: number
  /** Initiatives that are looked through for one PRD. */
  readonly craftInitiatives: number
  /** Deliveries to the webhook of Craft.io from one address. */
  readonly craftDeliveries: Window
  /** Bytes of one. */
  readonly craftDeliveryBytes: number
}
