import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readCamelPage, readOne } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { reachPrd, type Parts } from '../actions/parts.ts'
import { askAi, cancelAi, reachJob } from '../actions/prompting.ts'
import { NewPrompt } from '../arguments.ts'
import { AnyId, IdOf, rowOf } from '../ids.ts'
import { listAiJobs, showAiJob } from '../lists/ai-jobs.ts'
import { jobStatuses } from '../tables-integrations.ts'
import { aiErrorCodes, drafting, exact, FollowUp, Nullable, Timestamp } from '../wire.ts'
import { ById, pageBy, pageFrom, PageOf } from './shapes.ts'

/** Section 4: an answer of the AI that was asked for. */
const AiJob = Type.Object(
  {
    id: IdOf('job'),
    prdId: IdOf('prd'),
    userId: IdOf('user'),
    status: Type.Enum([...jobStatuses], {
      description: 'refused: it never was in the queue; cancelled: by a person, or because they left or lost the right',
    }),
    prompt: Type.String(),
    section: Type.String(),
    /** The whole answer, once it is completed. */
    response: Nullable(Type.String()),
    /** Prompt and answer. */
    tokensUsed: Nullable(Type.Integer({ minimum: 0 })),
    suggestions: Type.Array(FollowUp),
    error: Nullable(Type.Object({ code: Type.Enum([...aiErrorCodes]), message: Type.String() }, exact)),
    createdAt: Timestamp,
    startedAt: Nullable(Timestamp),
    endedAt: Nullable(Timestamp),
  },
  exact,
)
const OfJob = Type.Object({ id: AnyId, jobId: AnyId })

export const aiRoutes = (parts: Parts): readonly Route[] => [
  route(
    'GET',
    '/prds/:id/ai/jobs',
    {
      summary: "One's own prompts to the AI in a PRD and what became of them, newest first",
      params: ById,
      query: Type.Object(pageBy('job')),
      reply: PageOf(AiJob),
    },
    ({ params, query, ...call }) =>
      readCamelPage(
        parts.database,
        async (reader) => {
          const prd = await reachPrd(reader, callerOf(call), rowOf('prd', params.id))
          return listAiJobs(reader, prd, pageFrom('job', query))
        },
        showAiJob,
      ),
  ),
  route(
    'POST',
    '/prds/:id/ai/jobs',
    {
      summary: 'Ask the AI (who may edit the PRD): the answer is told to everybody who has joined, and kept',
      params: ById,
      body: NewPrompt,
      reply: drafting['ai-job-created'],
      status: 202,
    },
    ({ params, body, ...call }) => askAi(parts, callerOf(call), rowOf('prd', params.id), body),
  ),
  route(
    'GET',
    '/prds/:id/ai/jobs/:jobId',
    { summary: 'A prompt and what became of it (who asked, or manages the PRD)', params: OfJob, reply: AiJob },
    ({ params, ...call }) =>
      readOne(parts.database, async (reader) =>
        showAiJob(await reachJob(reader, callerOf(call), rowOf('prd', params.id), rowOf('job', params.jobId))),
      ),
  ),
  route(
    'DELETE',
    '/prds/:id/ai/jobs/:jobId',
    { summary: 'Cancel a prompt that waits or runs (who asked, or manages the PRD)', params: OfJob },
    async ({ params, ...call }) => {
      await cancelAi(parts, callerOf(call), rowOf('prd', params.id), rowOf('job', params.jobId))
    },
  ),
]
