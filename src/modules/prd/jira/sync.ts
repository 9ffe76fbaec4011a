import { CommandError } from '../../../kernel/errors.ts'
import type { SyncType } from '../wire.ts'
import { issueContent, type Found, type Issue, type Jira } from './api.ts'
import { JiraFault } from './faults.ts'
import type { Content, ItemForm, ItemKind } from './items.ts'

/** One synchronisation of a PRD with Jira: what is to be done, and in which order it is done and written down. */

/** What both sides had when they last agreed: each as it has it, since Markdown does not survive Jira to the letter. */
export interface Agreed {
  readonly text: Content
  readonly issue: Content
}

/** An item that the PRD has or had. */
export interface Entry {
  /** Part of a label of its issue. */
  readonly key: string
  readonly kind: ItemKind
  readonly form: ItemForm
  /** Undefined: it is not in the text any more. */
  readonly text: Content | undefined
  /** Wall clock of the last edit that touched it; undefined: too long ago to be known. */
  readonly touchedAt: number | undefined
  readonly issue: { readonly id: string; readonly key: string } | undefined
  readonly agreed: Agreed | undefined
  /** When Jira was last asked to create its issue without having said what became of that. */
  readonly attemptedAt: number | undefined
}

export interface Plan {
  readonly syncType: SyncType
  readonly projectKey: string
  /** Of all issues of this PRD. */
  readonly label: string
  /** Issue types by kind. */
  readonly types: Readonly<Record<ItemKind, string>>
  readonly entries: readonly Entry[]
}

/** An issue that belongs to an item from now on, and what both have. */
export interface Linked {
  readonly key: string
  readonly issue: { readonly id: string; readonly key: string }
  readonly agreed: Agreed
  readonly updated: number
}

/** Jira's content for an item, or for a new one. */
export interface Pull {
  /** Undefined: a new one. */
  readonly key: string | undefined
  readonly kind: ItemKind
  readonly issue: Issue
}

/** Where it is written down: each call is one transaction, and is refused to who may not edit the PRD any more. */
export interface Ledger {
  /** Before Jira is asked to create an issue, so that a crash leaves a trace of it. @throws CommandError */
  attempt(key: string): Promise<void>
  /** Jira has not created it, for certain. */
  withdraw(key: string): Promise<void>
  /** @param as what it counts for */
  link(linked: Linked, as: 'created' | 'updated' | 'nothing'): Promise<void>
  /** Into the text of the PRD. @returns how many of them it could not take @throws CommandError */
  pull(pulls: readonly Pull[]): Promise<number>
}

export type Outcome =
  | { readonly kind: 'done'; readonly errors: number; readonly message: string }
  | Later

/** What is left may succeed later. */
export interface Later {
  readonly kind: 'later'
  readonly afterMs: number
  /** What it comes to if nothing does. */
  readonly errors: number
  readonly message: string
  /** It has only taken too long for one run. */
  readonly isCut: boolean
}

/** A search finds an issue within minutes of its creation, "Search after write" says: until then none is made anew. */
export const INDEX_MS = 180_000
/** A run ends before its lease does, and goes on in the next one. */
const RUN_MS = 120_000
const UNREAD = 'Jira could not read an issue, or it is too long'
const TOO_LONG = 'What Jira has does not fit into the PRD: its text would be too long'
/** Calls that fail one after the other before the rest is not tried. */
const PATIENCE = 3

const sameContent = (a: Content, b: Content): boolean => a.title === b.title && a.description === b.description

/** What is to happen with an item that has an issue. */
export type Decision = 'nothing' | 'agree' | 'push' | 'pull' | 'compare'

/**
 * Export writes what was changed in the PRD into Jira and leaves the rest; import the other way round. In both
 * directions each change goes to the other side; where both were changed the later one stays ("compare"). What was
 * never agreed on counts as changed.
 */
export function decide(syncType: SyncType, { text, agreed, form }: Entry, issue: Content): Decision {
  if (!text) return 'nothing'
  const pushed = issueContent(text)
  // The other cells of a row are the PRD's own.
  const isSame = form === 'row' ? pushed.title === issue.title : sameContent(pushed, issue)
  const isPushed = sameContent(pushed, issue)
  const textChanged = !agreed || !sameContent(text, agreed.text)
  const issueChanged = !isSame && (!agreed || !sameContent(issue, agreed.issue))
  if (isPushed) return agreed && !textChanged && sameContent(issue, agreed.issue) ? 'nothing' : 'agree'
  if (syncType === 'export') return textChanged ? 'push' : 'nothing'
  if (syncType === 'import') return issueChanged ? 'pull' : 'nothing'
  if (textChanged && issueChanged) return 'compare'
  if (textChanged) return 'push'
  return issueChanged ? 'pull' : 'nothing'
}

/**
 * A failure with one issue is counted, and the next one has its turn. It stops when Jira wants no more calls, or three
 * have failed one after the other.
 * @throws JiraFault when nothing can be read from Jira; what the ledger throws but for a CommandError
 */
export async function synchronize(jira: Jira, ledger: Ledger, plan: Plan, now: () => number): Promise<Outcome> {
  const run = new Run(jira, ledger, plan, now)
  try {
    await run.read()
    return await run.work()
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    // Nobody is there any more in whose name it could go on.
    return { kind: 'done', errors: run.errors + Math.max(1, run.left), message: error.message }
  }
}

class Run {
  /** Items that have not had their turn. */
  left: number
  errors = 0
  private readonly jira: Jira
  private readonly ledger: Ledger
  private readonly plan: Plan
  private readonly now: () => number
  private readonly began: number
  /** By id. */
  private readonly issues = new Map<string, Issue>()
  /** Jira could not say what has become of them. */
  private unread: ReadonlySet<string> = new Set()
  private found: readonly Found[] = []
  private readonly pulls: Pull[] = []
  private fault: JiraFault | undefined
  /** Of these, what may succeed later. */
  private passing = 0
  private inRow = 0
  private waitMs = 0
  private isCut = false

  constructor(jira: Jira, ledger: Ledger, plan: Plan, now: () => number) {
    this.jira = jira
    this.ledger = ledger
    this.plan = plan
    this.now = now
    this.began = now()
    this.left = plan.entries.filter(({ text }) => text).length
  }

  async read(): Promise<void> {
    const { entries, projectKey, label, syncType } = this.plan
    this.found = await this.jira.search(projectKey, label)
    const known = entries.flatMap((entry) => (entry.text && (entry.issue ?? this.labelled(entry.key))) || [])
    const others = syncType === 'export' ? [] : this.strangers()
    const ids = new Set([...known, ...others].map(({ id }) => id))
    // By its id an issue is read as it is; what a search knows of it may be some minutes old.
    const { issues, failed } = await this.jira.fetch([...ids])
    this.unread = failed
    for (const issue of issues) this.issues.set(issue.id, issue)
  }

  async work(): Promise<Outcome> {
    const { entries, syncType } = this.plan
    for (const entry of entries) {
      if (!entry.text) continue
      if (this.isStopped()) {
        this.errors += this.left
        this.passing += this.left
        break
      }
      await this.one(entry)
      this.left -= 1
    }
    if (syncType !== 'export') this.takeStrangers()
    if (this.pulls.length > 0) {
      const refused = await this.ledger.pull(this.pulls)
      this.errors += refused
      if (refused > 0) this.fault ??= new JiraFault('refused', TOO_LONG)
    }
    return this.outcome()
  }

  private isStopped(): boolean {
    if (this.inRow >= PATIENCE || this.fault?.isGeneral) return true
    this.isCut = this.now() - this.began > RUN_MS
    return this.isCut
  }

  private outcome(): Outcome {
    const { errors, passing, waitMs, isCut } = this
    const message = this.fault?.message ?? ''
    if (passing === 0) return { kind: 'done', errors, message }
    return { kind: 'later', afterMs: Math.max(waitMs, this.fault?.retryAfterMs ?? 0), errors, message, isCut }
  }

  private async one(entry: Entry): Promise<void> {
    try {
      await this.settle(entry)
      this.inRow = 0
    } catch (fault) {
      if (!(fault instanceof JiraFault)) throw fault
      this.fault = fault
      this.errors += 1
      if (!fault.isPassing) return
      this.passing += 1
      this.inRow += 1
    }
  }

  private async settle(entry: Entry): Promise<void> {
    const { syncType } = this.plan
    const issue = this.issueOf(entry)
    if (!issue) return this.without(entry)
    const wasCreated = !entry.issue && entry.attemptedAt !== undefined
    const decision = decide(syncType, entry, issue.content)
    const action = decision === 'compare' ? await this.later(entry, issue) : decision
    if (action === 'pull') this.pulls.push({ key: entry.key, kind: entry.kind, issue })
    else if (action === 'push') await this.push(entry, issue, wasCreated)
    else if (action === 'agree' || !entry.issue || entry.issue.key !== issue.key) {
      const agreed = action === 'agree' ? { text: entry.text!, issue: issue.content } : entry.agreed
      if (agreed) await this.link(entry, issue, agreed, wasCreated ? 'created' : 'nothing')
    }
  }

  /** The issue of an item: the one that is known, or the one that has its label. */
  private issueOf({ key, issue }: Entry): Issue | undefined {
    const known = issue ?? this.labelled(key)
    if (!known) return undefined
    if (this.unread.has(known.id)) throw new JiraFault('unavailable', UNREAD)
    return this.issues.get(known.id)
  }

  private labelled(key: string): Found | undefined {
    return this.found.find(({ labels }) => labels.includes(itemLabel(this.plan.label, key)))
  }

  /** Who deletes an issue means it: only a change of its item makes it anew. */
  private async without(entry: Entry): Promise<void> {
    const { syncType, label, projectKey, types } = this.plan
    const { key, kind, text, agreed, attemptedAt } = entry
    if (syncType === 'import') return
    if (entry.issue && agreed && sameContent(text!, agreed.text)) return
    const age = attemptedAt === undefined ? INDEX_MS : this.now() - attemptedAt
    if (age < INDEX_MS) {
      this.waitMs = Math.max(this.waitMs, INDEX_MS - age)
      throw new JiraFault('unavailable', 'Jira may have created this issue already; it is looked for again later')
    }
    await this.ledger.attempt(key)
    const labels = [label, itemLabel(label, key)]
    let issue
    try {
      issue = await this.jira.create({ projectKey, type: types[kind], content: text!, labels })
    } catch (fault) {
      // Refused, or never arrived: nothing was created.
      if (fault instanceof JiraFault && fault.reason !== 'unavailable') await this.ledger.withdraw(key)
      throw fault
    }
    const agreedNow = { text: text!, issue: issueContent(text!) }
    await this.ledger.link({ key, issue, agreed: agreedNow, updated: this.now() }, 'created')
  }

  private async push(entry: Entry, issue: Issue, wasCreated: boolean): Promise<void> {
    // What is counted as created has only not been told yet.
    await this.jira.edit(issue.id, entry.text!)
    const agreed = { text: entry.text!, issue: issueContent(entry.text!) }
    await this.link(entry, issue, agreed, wasCreated ? 'created' : 'updated')
  }

  private link({ key }: Entry, issue: Issue, agreed: Agreed, as: 'created' | 'updated' | 'nothing'): Promise<void> {
    return this.ledger.link({ key, issue: { id: issue.id, key: issue.key }, agreed, updated: issue.updated }, as)
  }

  /** Both were changed: the later change stays. */
  private async later({ touchedAt }: Entry, issue: Issue): Promise<Decision> {
    const changedAt = (await this.jira.contentChangedAt(issue.id)) ?? issue.updated
    return (touchedAt ?? 0) >= changedAt ? 'push' : 'pull'
  }

  /** Issues with the label of this PRD that belong to none of its items, as when somebody has labelled them in Jira. */
  private strangers(): readonly Found[] {
    const { entries, label } = this.plan
    const known = new Set(entries.flatMap(({ issue }) => (issue ? [issue.id] : [])))
    const isItems = (each: string): boolean => each.startsWith(`${label}_`)
    return this.found.filter(({ id, labels }) => !known.has(id) && !labels.some(isItems))
  }

  private takeStrangers(): void {
    for (const { id } of this.strangers()) {
      const issue = this.issues.get(id)
      const kind = issue?.type === this.plan.types.story ? 'story' : 'requirement'
      if (issue) this.pulls.push({ key: undefined, kind, issue })
      if (!this.unread.has(id)) continue
      this.errors += 1
      this.passing += 1
      this.fault = new JiraFault('unavailable', UNREAD)
    }
  }
}

const itemLabel = (label: string, key: string): string => `${label}_${key}`
