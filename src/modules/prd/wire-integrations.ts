import Type from 'typebox'
import { exact, idOf, Nullable, Offset, PrdId, Timestamp, UserId } from './wire-terms.ts'

/** Events of specs/prd.md, sections 4 and 8, as schemas. */

export const aiErrorCodes = [
  'RATE_LIMIT_EXCEEDED',
  'AI_NOT_CONFIGURED',
  'PROVIDER_ERROR',
  'TIMEOUT',
  'CANCELLED',
  'CONTENT_TOO_LARGE',
] as const
export type AiErrorCode = (typeof aiErrorCodes)[number]
/** What may follow an answer of the AI; the document shows the first. */
export const followUpTypes = ['diagram', 'example', 'metric', 'risk', 'question'] as const
export type FollowUpType = (typeof followUpTypes)[number]
export const syncTypes = ['export', 'import', 'bidirectional'] as const
export type SyncType = (typeof syncTypes)[number]
/** What is announced on Mattermost; the document shows the first. */
export const announcedTypes = ['prd_approved', 'prd_rejected', 'version_created', 'comment_mention'] as const
export type AnnouncedType = (typeof announcedTypes)[number]
export const linkStatuses = ['connected', 'disconnected', 'error'] as const
export type LinkStatus = (typeof linkStatuses)[number]
export const linkTypes = ['manual', 'automatic', 'suggested'] as const
export type LinkType = (typeof linkTypes)[number]
export const alignmentStatuses = ['aligned', 'misaligned', 'review_needed'] as const
export type AlignmentStatus = (typeof alignmentStatuses)[number]

const JobId = idOf('job')
export const FollowUp = Type.Object({ type: Type.Enum([...followUpTypes]), description: Type.String() }, exact)
const Share = Type.Number({ minimum: 0, maximum: 1 })

/** Section 4. */
export const drafting = {
  'ai-job-created': Type.Object(
    {
      jobId: JobId,
      prdId: PrdId,
      userId: UserId,
      status: Type.Literal('queued'),
      estimatedTime: Type.Integer({ minimum: 1, description: 'seconds' }),
    },
    exact,
  ),
  'ai-stream-start': Type.Object({ jobId: JobId, prdId: PrdId, userId: UserId, section: Type.String() }, exact),
  'ai-stream-chunk': Type.Object(
    { jobId: JobId, chunk: Type.String(), position: Offset, isComplete: Type.Boolean() },
    exact,
  ),
  'ai-stream-complete': Type.Object(
    {
      jobId: JobId,
      fullResponse: Type.String(),
      tokensUsed: Type.Integer({ minimum: 0 }),
      duration: Type.Integer({ minimum: 0, description: 'milliseconds' }),
      suggestions: Type.Array(FollowUp),
    },
    exact,
  ),
  'ai-error': Type.Object(
    {
      jobId: JobId,
      error: Type.Object(
        {
          code: Type.Enum([...aiErrorCodes]),
          message: Type.String(),
          /** Only where a later try may succeed. */
          retryAfter: Type.Optional(Type.Integer({ minimum: 1, description: 'seconds' })),
        },
        exact,
      ),
    },
    exact,
  ),
  'ai-suggestion': Type.Object(
    {
      prdId: PrdId,
      suggestion: Type.Object(
        {
          type: Type.Literal('improvement'),
          section: Type.String(),
          title: Type.String(),
          description: Type.String(),
          confidence: Share,
        },
        exact,
      ),
    },
    exact,
  ),
} as const

const Text = Type.String()
const FromTo = Type.Object({ from: Text, to: Text }, exact)
const Changes = Type.Object(
  {
    title: Type.Optional(FromTo),
    status: Type.Optional(FromTo),
    objectives: Type.Optional(
      Type.Object({ added: Type.Optional(Type.Array(Text)), removed: Type.Optional(Type.Array(Text)) }, exact),
    ),
  },
  exact,
)

/** Section 8, but for `git-commit`. */
export const integrations = {
  'jira-sync-start': Type.Object({ prdId: PrdId, projectKey: Text, syncType: Type.Enum([...syncTypes]) }, exact),
  'jira-sync-complete': Type.Object(
    {
      prdId: PrdId,
      result: Type.Object(
        {
          created: Type.Integer({ minimum: 0 }),
          updated: Type.Integer({ minimum: 0 }),
          errors: Type.Integer({ minimum: 0 }),
          issues: Type.Array(Type.Object({ key: Text, title: Text, url: Text }, exact)),
        },
        exact,
      ),
    },
    exact,
  ),
  'mattermost-message-sent': Type.Object(
    { prdId: PrdId, channel: Text, messageId: Text, type: Type.Enum([...announcedTypes]), timestamp: Timestamp },
    exact,
  ),
  'mattermost-connection-status': Type.Object(
    { status: Type.Enum([...linkStatuses]), serverUrl: Text, error: Nullable(Text) },
    exact,
  ),
  'craft-initiative-linked': Type.Object(
    {
      prdId: PrdId,
      initiative: Type.Object({ id: Text, title: Text, status: Text, objectives: Type.Array(Text) }, exact),
      linkType: Type.Enum([...linkTypes]),
    },
    exact,
  ),
  'craft-initiative-updated': Type.Object(
    { prdId: PrdId, initiative: Type.Object({ id: Text, changes: Changes }, exact), affectedPRDs: Type.Array(PrdId) },
    exact,
  ),
  'craft-alignment-check': Type.Object(
    {
      prdId: PrdId,
      alignment: Type.Object(
        { score: Share, status: Type.Enum([...alignmentStatuses]), suggestions: Type.Array(Text) },
        exact,
      ),
    },
    exact,
  ),
} as const
