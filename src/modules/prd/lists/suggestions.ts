import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import { toId } from '../ids.ts'
import type { SuggestionStatus } from '../tables-integrations.ts'
import type { PrdTables } from '../tables.ts'
import { timestamp } from '../wire.ts'

/** What routes/suggestions.ts describes. */
export interface Suggestion {
  readonly id: string
  readonly prdId: string
  readonly type: 'improvement'
  readonly rule: string
  readonly section: string
  readonly title: string
  readonly description: string
  readonly confidence: number
  readonly status: SuggestionStatus
  readonly createdAt: string
  readonly dismissedBy: { readonly id: string; readonly name: string } | null
}

export interface SuggestionFilter extends Page<number> {
  readonly status?: SuggestionStatus | undefined
}

/** Of one PRD, newest first. */
export async function listSuggestions(
  reader: Reader,
  prd: number,
  { limit, before, status }: SuggestionFilter,
): Promise<Listed<Suggestion, string>> {
  let query = shown(reader, prd).orderBy('s.id', 'desc').limit(limit + 1)
  if (before !== undefined) query = query.where('s.id', '<', before)
  if (status !== undefined) query = query.where('s.status', '=', status)
  return paged((await reader.query(query.compile())).map(show), limit, ({ id }) => id)
}

export async function findSuggestion(reader: Reader, prd: number, id: number): Promise<Suggestion | undefined> {
  const [row] = await reader.query(shown(reader, prd).where('s.id', '=', id).compile())
  return row && show(row)
}

const shown = ({ dialect }: Reader, prd: number) =>
  builder<PrdTables>(dialect)
    .selectFrom('prd_suggestions as s')
    .leftJoin('accounts as a', 'a.id', 's.dismissed_by')
    .selectAll('s')
    .select('a.display_name as dismisser_name')
    .where('s.prd_id', '=', prd)

type Row = Awaited<ReturnType<ReturnType<typeof shown>['execute']>>[number]

const show = ({ id, prd_id, created_at, dismissed_by, dismisser_name, ...row }: Row): Suggestion => ({
  id: toId('suggestion', id),
  prdId: toId('prd', prd_id),
  type: 'improvement',
  rule: row.rule,
  section: row.section,
  title: row.title,
  description: row.description,
  confidence: row.confidence,
  status: row.status,
  createdAt: timestamp(created_at),
  dismissedBy: dismissed_by === null ? null : { id: toId('user', dismissed_by), name: dismisser_name ?? '' },
})
