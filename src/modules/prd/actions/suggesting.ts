import { perform, type Caller } from '../../../kernel/action.ts'
import { notFound } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import type { LiveDocument } from '../document/document.ts'
import { prdSubject } from '../events.ts'
import { toId } from '../ids.ts'
import type { Finding } from '../lint/finding.ts'
import { lint } from '../lint/lint.ts'
import { findSuggestion, type Suggestion } from '../lists/suggestions.ts'
import { checkEdits } from '../policy.ts'
import { findSaved } from '../store/operations.ts'
import {
  closeSuggestion,
  deleteSuggestion,
  dismissOne,
  insertSuggestion,
  openSuggestion,
  suggestionsOf,
  type SuggestionRow,
} from '../store/suggestions.ts'
import { reachPrd, type Parts } from './parts.ts'

/** Of one PRD that no longer hold; the oldest are forgotten past it, and would be made anew. */
const GONE = 100

const keyOf = ({ rule, subject }: Pick<SuggestionRow, 'rule' | 'subject'>): string => `${rule} ${subject}`

/** What findings come to, beside what is known of the PRD. */
interface Changes {
  /** For the first time, or again after it was solved; with what is known of it. */
  readonly told: readonly { readonly finding: Finding; readonly row: SuggestionRow | undefined }[]
  /** The same thing in other words: how many there are, where it is. */
  readonly reworded: readonly { readonly finding: Finding; readonly row: SuggestionRow }[]
  readonly solved: readonly SuggestionRow[]
  readonly forgotten: readonly SuggestionRow[]
}

/**
 * Section 4.4: the document is looked through, and what is found for the first time, or again after it had been solved,
 * is told to everybody who has joined it: at most `suggestionsTold`, the surest first, the others at later saves. What
 * somebody has dismissed is never told again. Nothing where the PRD was deleted.
 */
export async function suggest(parts: Parts, document: LiveDocument): Promise<void> {
  const { database, settings, unitOfWork } = parts
  if (settings.suggestionsTold === 0) return
  const most = settings.suggestionCharacters
  // One unit more than is read tells that there is more.
  const findings = lint(document.text.slice(0, Math.min(document.text.length, most + 1)), most)
  const prd = document.id
  const changesOf = (rows: readonly SuggestionRow[]): Changes => compare(rows, findings, settings.suggestionsTold)
  // Mostly there are none, and a save costs no second transaction.
  const expected = changesOf(await database.latest.all(suggestionsOf, { prd }))
  if (Object.values(expected).every(({ length }) => length === 0)) return
  await unitOfWork.run(async (unit) => {
    if (!(await unit.get(findSaved, { prd }))) return
    const changes = changesOf(await unit.all(suggestionsOf, { prd }))
    await write(unit, prd, changes)
    unit.after(() => {
      for (const { finding } of changes.told) tell(parts, prd, finding)
    })
  })
}

function compare(rows: readonly SuggestionRow[], findings: readonly Finding[], most: number): Changes {
  const known = new Map(rows.map((row) => [keyOf(row), row]))
  const found = new Set(findings.map((finding) => keyOf(finding)))
  const all = findings.map((finding) => ({ finding, row: known.get(keyOf(finding)) }))
  const told = all
    .filter(({ row }) => row === undefined || row.status === 'gone')
    .toSorted((a, b) => b.finding.confidence - a.finding.confidence)
    .slice(0, most)
  const returned = new Set(told.map(({ row }) => row))
  const gone = rows.filter((row) => row.status === 'gone' && !returned.has(row))
  return {
    told,
    reworded: all.flatMap(({ finding, row }) =>
      row?.status === 'open' && differs(row, finding) ? [{ finding, row }] : [],
    ),
    solved: rows.filter((row) => row.status === 'open' && !found.has(keyOf(row))),
    forgotten: gone.slice(0, Math.max(0, gone.length - GONE)),
  }
}

const differs = (row: SuggestionRow, { section, title, description, confidence }: Finding): boolean =>
  row.section !== section || row.title !== title || row.description !== description || row.confidence !== confidence

async function write(unit: Unit, prd: number, { told, reworded, solved, forgotten }: Changes): Promise<void> {
  for (const { finding, row } of told) {
    if (row) await unit.run(openSuggestion, { ...finding, id: row.id, at: unit.now })
    else await unit.run(insertSuggestion, { ...finding, prd_id: prd, created_at: unit.now })
  }
  for (const { finding, row } of reworded) {
    await unit.run(openSuggestion, { ...finding, id: row.id, at: row.created_at })
  }
  for (const { id } of solved) await unit.run(closeSuggestion, { id })
  for (const { id } of forgotten) await unit.run(deleteSuggestion, { id })
}

function tell({ live }: Parts, prd: number, { section, title, description, confidence }: Finding): void {
  const suggestion = { type: 'improvement' as const, section, title, description, confidence }
  live.tell(prd, 'ai-suggestion', { prdId: toId('prd', prd), suggestion })
}

/** By who may edit the PRD; once for everybody and for good. Again: nothing. @throws not_found, forbidden */
export function dismissSuggestion(parts: Parts, caller: Caller, prd: number, id: number): Promise<Suggestion> {
  return perform(parts.unitOfWork, caller, async (unit, about) => {
    const standing = await reachPrd(unit, caller, prd)
    about(prdSubject(prd))
    checkEdits(standing)
    await unit.run(dismissOne, { id, prd, actor: caller.accountId })
    const suggestion = await findSuggestion(unit, prd, id)
    if (!suggestion) throw notFound('This suggestion')
    return suggestion
  })
}
