import type { Reader } from '../../../kernel/database.ts'
import { paged, type Listed, type Page } from '../../../kernel/page.ts'
import { builder } from '../../../kernel/statement.ts'
import { toId } from '../ids.ts'
import type { PrdAccess } from '../store/access.ts'
import type { PrdTables } from '../tables.ts'
import { timestamp, type Resolution } from '../wire.ts'

interface Person {
  readonly id: string
  readonly name: string
}

export const conflictStatuses = ['open', 'resolved'] as const
export type ConflictStatus = (typeof conflictStatuses)[number]

/** What routes/conflicts.ts describes. */
export interface Conflict {
  readonly id: string
  readonly prdId: string
  readonly status: ConflictStatus
  readonly position: number | null
  readonly changes: readonly { readonly author: Person; readonly content: string; readonly isYours: boolean }[]
  readonly detectedAt: string
  readonly resolution: Resolution | 'closed' | null
  readonly resolvedBy: Person | null
  readonly resolvedAt: string | null
}

export interface ConflictFilter extends Page<number> {
  readonly status?: ConflictStatus | undefined
}

/** The open ones as they stand in the text, by row. */
type Standing = ReadonlyMap<number, { readonly position: number | null; readonly texts: readonly [string, string] }>

/** Of one PRD, newest first. */
export async function listConflicts(
  reader: Reader,
  { id: prd, actor_id: actor }: PrdAccess,
  { limit, before, status }: ConflictFilter,
  live: Standing,
): Promise<Listed<Conflict, string>> {
  let query = shown(reader).where('c.prd_id', '=', prd).orderBy('c.id', 'desc').limit(limit + 1)
  if (before !== undefined) query = query.where('c.id', '<', before)
  if (status === 'open') query = query.where('c.resolution', 'is', null)
  if (status === 'resolved') query = query.where('c.resolution', 'is not', null)
  const rows = await reader.query(query.compile())
  return paged(rows.map((row) => show(row, actor, live.get(row.id))), limit, ({ id }) => id)
}

const shown = ({ dialect }: Reader) =>
  builder<PrdTables>(dialect)
    .selectFrom('prd_conflicts as c')
    .innerJoin('accounts as f', 'f.id', 'c.first_id')
    .innerJoin('accounts as s', 's.id', 'c.second_id')
    .leftJoin('accounts as r', 'r.id', 'c.resolved_by')
    .selectAll('c')
    .select(['f.display_name as first_name', 's.display_name as second_name', 'r.display_name as resolver_name'])

type Row = Awaited<ReturnType<ReturnType<typeof shown>['execute']>>[number]

/** The change of who asks comes first. */
function show(row: Row, actor: number, live: ReturnType<Standing['get']>): Conflict {
  const texts = live?.texts ?? [row.first_text, row.second_text]
  const change = (id: number, name: string, content: string) => ({
    author: person(id, name),
    content,
    isYours: id === actor,
  })
  const first = change(row.first_id, row.first_name, texts[0])
  const second = change(row.second_id, row.second_name, texts[1])
  return {
    id: toId('conflict', row.id),
    prdId: toId('prd', row.prd_id),
    status: row.resolution === null ? 'open' : 'resolved',
    position: live?.position ?? null,
    changes: second.isYours ? [second, first] : [first, second],
    detectedAt: timestamp(row.created_at),
    resolution: row.resolution,
    resolvedBy: row.resolved_by === null ? null : person(row.resolved_by, row.resolver_name ?? ''),
    resolvedAt: row.resolved_at === null ? null : timestamp(row.resolved_at),
  }
}

const person = (id: number, name: string): Person => ({ id: toId('user', id), name })
