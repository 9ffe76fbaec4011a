import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readCamelPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { reachPrd, type Parts } from '../actions/parts.ts'
import { dismissSuggestion } from '../actions/suggesting.ts'
import { AnyId, IdOf, rowOf } from '../ids.ts'
import { rules } from '../lint/finding.ts'
import { listSuggestions, type Suggestion as Shown } from '../lists/suggestions.ts'
import { suggestionStatuses } from '../tables-integrations.ts'
import { exact, Nullable, Timestamp } from '../wire.ts'
import { ById, pageBy, pageFrom, PageOf, Person } from './shapes.ts'

const Status = Type.Enum([...suggestionStatuses], {
  description: 'open: it holds; dismissed: by somebody, for everybody and for good; gone: the text was put right',
})

/** Section 4.4: what the linter of the server found in the text when it was last saved. */
const Suggestion = Type.Object(
  {
    id: IdOf('suggestion'),
    prdId: IdOf('prd'),
    type: Type.Literal('improvement'),
    rule: Type.Enum([...rules]),
    /** Key of a section of the text, such as user-stories; of the one that is missing with the rule missing-section. */
    section: Type.String(),
    title: Type.String(),
    description: Type.String(),
    /** How likely it is worth somebody's time, by the rule. */
    confidence: Type.Number({ minimum: 0, maximum: 1 }),
    status: Status,
    /** When it was told. */
    createdAt: Timestamp,
    dismissedBy: Nullable(Person),
  },
  exact,
)
const OfPrd = Type.Object({ id: AnyId, suggestionId: AnyId })

export function suggestionRoutes(parts: Parts): readonly Route[] {
  return [
    route(
      'GET',
      '/prds/:id/suggestions',
      {
        summary: 'What could be better about the text of a PRD, newest first; open, dismissed, gone, or all',
        params: ById,
        query: Type.Object({ ...pageBy('suggestion'), status: Type.Optional(Status) }),
        reply: PageOf(Suggestion),
      },
      ({ params, query: { status, ...query }, ...call }) =>
        readCamelPage(
          parts.database,
          async (reader) => {
            const { id } = await reachPrd(reader, callerOf(call), rowOf('prd', params.id))
            return listSuggestions(reader, id, { ...pageFrom('suggestion', query), status })
          },
          (shown: Shown) => shown,
        ),
    ),
    route(
      'POST',
      '/prds/:id/suggestions/:suggestionId/dismiss',
      {
        summary: 'Never tell of this again, to anybody (editors)',
        params: OfPrd,
        reply: Suggestion,
        status: 200,
      },
      ({ params, ...call }) =>
        dismissSuggestion(parts, callerOf(call), rowOf('prd', params.id), rowOf('suggestion', params.suggestionId)),
    ),
  ]
}
