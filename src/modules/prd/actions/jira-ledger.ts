import { randomBytes } from 'node:crypto'
import { CommandError } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { SERVER_SLOT, type LiveDocument } from '../document/document.ts'
import { toId } from '../ids.ts'
import type { SettingsOf } from '../integrations/kinds.ts'
import { issueContent } from '../jira/api.ts'
import { itemsOf, type Content, type Item, type ItemKind } from '../jira/items.ts'
import { matchItems, placeOf, touchedAt, type Placed } from '../jira/places.ts'
import { requirementType, storyType } from '../jira/probe.ts'
import { counted, knownOf, progressOf, siteOf, type Known, type Progress } from '../jira/record.ts'
import { append, rewrite } from '../jira/rewriting.ts'
import type { Entry, Ledger, Linked, Plan, Pull } from '../jira/sync.ts'
import type { Edit } from '../merge.ts'
import { checkEdits } from '../policy.ts'
import type { PrdAccess } from '../store/access.ts'
import { deleteJiraItem, findJiraItem, findJiraSync, jiraItemsOf, saveJiraItem, saveJiraSync } from '../store/jira.ts'
import type { JiraItemRow, JiraSyncRow } from '../store/jira.ts'
import type { SyncType } from '../wire.ts'
import { applyEdits, finish } from './editing.ts'
import { performOn, reachPrd, type Parts } from './parts.ts'

export interface SyncPlan extends Plan {
  /** Items past the limit: they are left out. */
  readonly surplus: number
}

type Row = JiraItemRow & Placed

const placed = (row: JiraItemRow): Row => ({ ...row, title: knownOf(row).title })

/** What is in the text now, and what is known of it. Items that are new get a row before anything is told to Jira. */
export async function planSync(
  parts: Parts,
  unit: Unit,
  prd: PrdAccess,
  sync: JiraSyncRow,
  settings: SettingsOf<'jira'>,
): Promise<SyncPlan> {
  const [syncType, projectKey, site] = [sync.sync_type as SyncType, sync.project_key, siteOf(settings.url)]
  const document = await parts.documents.open(unit, prd.id)
  const rows = (await unit.all(jiraItemsOf, { prd: prd.id })).map(placed)
  const { items, found, others } = matchItems(document, rows)
  const most = parts.settings.jiraItems
  const last = items[most]?.start ?? Infinity
  const entries: (Entry & { readonly start: number })[] = []
  for (const row of rows) {
    const item = found.get(row)
    if (item && item.start >= last) continue
    const known = knownOf(row)
    // It was deleted before it came to Jira.
    if (!item && row.issue_id === null && known.attemptedAt === undefined) {
      await unit.run(deleteJiraItem, { prd: prd.id, key: row.item_key })
      continue
    }
    const isHere = known.site === site && row.project_key === projectKey
    const agreed = isHere ? known.agreed : undefined
    const isTouched = item && agreed && !isSame(item, agreed.text)
    entries.push({
      key: row.item_key,
      kind: row.kind,
      form: item?.form ?? 'list',
      text: item && contentOf(item),
      touchedAt: isTouched ? touchedAt(document, item.start, Math.max(item.end, item.titleEnd)) : undefined,
      issue: isHere ? issueOf(row) : undefined,
      agreed,
      attemptedAt: isHere ? known.attemptedAt : undefined,
      start: item?.start ?? Infinity,
    })
    const anchor = item && placeOf(document, item)
    if (item && anchor !== undefined && (anchor !== row.anchor || item.title !== row.title)) {
      const seen: Known = { ...known, title: item.title }
      await unit.run(saveJiraItem, { ...rowOf(row), anchor, agreed: JSON.stringify(seen) })
    }
  }
  for (const item of syncType === 'import' ? [] : others) {
    if (item.start >= last) continue
    const row = newRow(document, prd.id, item, { site, title: item.title }, { projectKey, now: unit.now })
    await unit.run(saveJiraItem, row)
    entries.push({ ...blank(row, item), start: item.start })
  }
  entries.sort((a, b) => a.start - b.start)
  const types = { story: storyType(settings), requirement: requirementType(settings) }
  const surplus = Math.max(0, items.length - most)
  return { syncType, projectKey, label: toId('prd', prd.id), types, entries, surplus }
}

const issueOf = ({ issue_id: id, issue_key: key }: JiraItemRow): Entry['issue'] =>
  id !== null && key !== null ? { id, key } : undefined

const blank = (row: JiraItemRow, item: Item): Entry => ({
  key: row.item_key,
  kind: row.kind,
  form: item.form,
  text: contentOf(item),
  touchedAt: undefined,
  issue: undefined,
  agreed: undefined,
  attemptedAt: undefined,
})

const contentOf = ({ title, description }: Content): Content => ({ title, description })
const isSame = (a: Content, b: Content): boolean => a.title === b.title && a.description === b.description

function newRow(
  document: LiveDocument,
  prd: number,
  item: Pick<Item, 'kind' | 'start' | 'titleEnd'>,
  known: Known,
  { projectKey, now }: { readonly projectKey: string; readonly now: number },
): JiraItemRow {
  return {
    prd_id: prd,
    item_key: randomBytes(6).toString('hex'),
    kind: item.kind,
    anchor: placeOf(document, item),
    agreed: JSON.stringify(known),
    project_key: projectKey,
    issue_id: null,
    issue_key: null,
    jira_updated: 0,
    synced_at: now,
  }
}

const rowOf = (row: JiraItemRow): JiraItemRow => ({
  prd_id: row.prd_id,
  item_key: row.item_key,
  kind: row.kind,
  anchor: row.anchor,
  agreed: row.agreed,
  project_key: row.project_key,
  issue_id: row.issue_id,
  issue_key: row.issue_key,
  jira_updated: row.jira_updated,
  synced_at: row.synced_at,
})

/** An item as Jira has changed it, and where it stands now. */
interface Written {
  readonly pull: Pull
  readonly row: JiraItemRow | undefined
  readonly item: Item
  readonly anchor: string
}

/** Every call looks again whether who asked may still edit the PRD. */
export class SyncLedger implements Ledger {
  private readonly parts: Parts
  private readonly sync: JiraSyncRow
  private readonly site: string
  private readonly plan: Plan

  constructor(parts: Parts, sync: JiraSyncRow, site: string, plan: Plan) {
    this.parts = parts
    this.sync = sync
    this.site = site
    this.plan = plan
  }

  attempt(key: string): Promise<void> {
    return this.change(key, (row, known, now) => ({
      ...row,
      project_key: this.plan.projectKey,
      issue_id: null,
      issue_key: null,
      agreed: JSON.stringify({ site: this.site, title: known.title, attemptedAt: now } satisfies Known),
    }))
  }

  withdraw(key: string): Promise<void> {
    return this.change(key, (row, { title }) => ({
      ...row,
      agreed: JSON.stringify({ site: this.site, title } satisfies Known),
    }))
  }

  link({ key, issue, agreed, updated }: Linked, as: 'created' | 'updated' | 'nothing'): Promise<void> {
    return this.change(
      key,
      (row, { title }, now) => ({
        ...row,
        agreed: JSON.stringify({ site: this.site, title, agreed } satisfies Known),
        project_key: this.plan.projectKey,
        issue_id: issue.id,
        issue_key: issue.key,
        jira_updated: updated,
        synced_at: now,
      }),
      (progress) => {
        const told = { key: issue.key, title: agreed.issue.title }
        return as === 'nothing' ? progress : counted(progress, as, this.site, told)
      },
    )
  }

  async pull(pulls: readonly Pull[]): Promise<number> {
    const { parts, sync } = this
    const id = sync.prd_id
    try {
      await performOn(parts, { accountId: sync.asked_by }, id, async (unit, change) => {
        const prd = await reachPrd(unit, { accountId: sync.asked_by }, id)
        checkEdits(prd)
        const rows = (await unit.all(jiraItemsOf, { prd: id })).map(placed)
        const { deed, written } = await change((document) => this.write(unit, prd, document, rows, pulls))
        await finish(parts, unit, prd, deed)
        await this.count(unit, (progress) =>
          written.reduce((sum, { pull: { key, issue } }) => {
            const as = key === undefined ? 'created' : 'updated'
            return counted(sum, as, this.site, { key: issue.key, title: issue.content.title })
          }, progress),
        )
        for (const each of written) await this.save(unit, each)
      })
      return 0
    } catch (error) {
      if (error instanceof CommandError && error.kind === 'too_large') return pulls.length
      throw error
    }
  }

  /** Puts what Jira has into the text, in one go. */
  private write(unit: Unit, prd: PrdAccess, document: LiveDocument, rows: readonly Row[], pulls: readonly Pull[]) {
    const { found } = matchItems(document, rows)
    const before = document.text.toString()
    const targets: { pull: Pull; row: JiraItemRow | undefined; start: number; kind: ItemKind }[] = []
    const edits: Edit[] = []
    let text = before
    const apply = (edit: Edit): void => {
      edits.push(edit)
      text = text.slice(0, edit.at) + edit.inserted + text.slice(edit.at + edit.removed)
      for (const target of targets) target.start = moved(target.start, edit)
    }
    const known = pulls
      .flatMap((pull) => {
        const row = rows.find(({ item_key }) => item_key === pull.key)
        const item = row && found.get(row)
        return row && item && this.isWanted(row.item_key, item) ? [{ pull, row, item }] : []
      })
      .toSorted((a, b) => b.item.start - a.item.start)
    for (const { pull, row, item } of known) {
      targets.push({ pull, row, start: item.start, kind: item.kind })
      for (const edit of rewrite(before, item, wanted(item, pull.issue.content))) apply(edit)
    }
    const kinds = (): ReadonlyMap<number, ItemKind> => {
      const others = matchedStarts(found, known.map(({ item }) => item), edits)
      return new Map([...others, ...targets.map(({ start, kind }) => [start, kind] as const)])
    }
    for (const kind of ['story', 'requirement'] as const) {
      const fresh = pulls.filter((pull) => pull.key === undefined && pull.kind === kind)
      if (fresh.length === 0) continue
      const { edit, starts } = append(text, itemsOf(text, kinds()), kind, fresh.map(({ issue }) => issue.content))
      apply(edit)
      for (const [i, pull] of fresh.entries()) targets.push({ pull, row: undefined, start: starts[i]!, kind })
    }
    const items = new Map(itemsOf(text, kinds()).map((item) => [item.start, item]))
    const deed = applyEdits(this.parts, unit, prd, document, edits, SERVER_SLOT)
    const written = targets.flatMap(({ pull, row, start }): Written[] => {
      const item = items.get(start)
      return item ? [{ pull, row, item, anchor: placeOf(document, item) }] : []
    })
    return { deed, written }
  }

  /** Somebody may have gone on typing since it was decided that Jira's text is the later one. */
  private isWanted(key: string, item: Item): boolean {
    if (this.plan.syncType === 'import') return true
    const text = this.plan.entries.find((entry) => entry.key === key)?.text
    return text !== undefined && isSame(text, item)
  }

  private async save(unit: Unit, { pull, row, item, anchor }: Written): Promise<void> {
    const { issue } = pull
    const { title } = item
    const agreed = { text: contentOf(item), issue: issue.content }
    const known: Known = { site: this.site, title, agreed }
    await unit.run(saveJiraItem, {
      prd_id: this.sync.prd_id,
      item_key: row?.item_key ?? randomBytes(6).toString('hex'),
      kind: row?.kind ?? item.kind,
      anchor,
      agreed: JSON.stringify(known),
      project_key: this.plan.projectKey,
      issue_id: issue.id,
      issue_key: issue.key,
      jira_updated: issue.updated,
      synced_at: unit.now,
    })
  }

  private change(
    key: string,
    changed: (row: JiraItemRow, known: Known, now: number) => JiraItemRow,
    progress?: (progress: Progress) => Progress,
  ): Promise<void> {
    const { parts, sync } = this
    return parts.unitOfWork.run(async (unit) => {
      checkEdits(await reachPrd(unit, { accountId: sync.asked_by }, sync.prd_id))
      const row = await unit.get(findJiraItem, { prd: sync.prd_id, key })
      if (row) await unit.run(saveJiraItem, rowOf(changed(rowOf(row), knownOf(row), unit.now)))
      if (progress) await this.count(unit, progress)
    })
  }

  private async count(unit: Unit, change: (progress: Progress) => Progress): Promise<void> {
    const found = await unit.get(findJiraSync, { prd: this.sync.prd_id })
    if (!found) return
    const { organization_id: _, ...sync } = found
    await unit.run(saveJiraSync, { ...sync, result: JSON.stringify(change(progressOf(sync))) })
  }
}

/** Jira's content in place of an item's, but for what is the same but for how it is written. */
function wanted(item: Item, issue: Content): Content {
  const own = issueContent(item)
  return {
    title: own.title === issue.title ? item.title : issue.title,
    description: own.description === issue.description ? item.description : issue.description,
  }
}

const moved = (start: number, { at, removed, inserted }: Edit): number =>
  at < start ? start + inserted.length - removed : start

/** Where the items that were not changed begin after the edits. */
function matchedStarts(
  found: ReadonlyMap<unknown, Item>,
  changed: readonly Item[],
  edits: readonly Edit[],
): readonly (readonly [number, ItemKind])[] {
  return [...found.values()]
    .filter((item) => !changed.includes(item))
    .map(({ start, kind }) => [edits.reduce(moved, start), kind] as const)
}
