import { adfToMarkdown } from './adf.ts'
import { JiraFault } from './faults.ts'
import { summaryOf, type Content } from './items.ts'
import { oneLine } from './inline.ts'
import { markdownToAdf, type Adf } from './markdown.ts'
import { jiraClient, type JiraAccess } from './transport.ts'

/** An issue as far as it is ours. */
export interface Issue {
  readonly id: string
  readonly key: string
  /** As Markdown; both as `issueContent` gives them for what we send. */
  readonly content: Content
  readonly type: string
  readonly labels: readonly string[]
  /** Wall clock of Jira, milliseconds; 0 when it does not say. */
  readonly updated: number
}

/** What a search tells of an issue. */
export type Found = Pick<Issue, 'id' | 'key' | 'labels'>

export interface NewIssue {
  readonly projectKey: string
  readonly type: string
  readonly content: Content
  readonly labels: readonly string[]
}

/** Calls to one Jira. All may throw a JiraFault. */
export interface Jira {
  /** Of a project, with this label, the oldest first. What was made just now may not be among them yet. */
  search(projectKey: string, label: string): Promise<readonly Found[]>
  /** As they are this moment. What is in neither list is gone, or not shown to this account. */
  fetch(ids: readonly string[]): Promise<{ readonly issues: readonly Issue[]; readonly failed: ReadonlySet<string> }>
  create(issue: NewIssue): Promise<{ readonly id: string; readonly key: string }>
  edit(id: string, content: Content): Promise<void>
  /** When its summary or description was last changed; undefined when that is not told. */
  contentChangedAt(id: string): Promise<number | undefined>
  /** Who the API token belongs to, and the project. */
  check(projectKey: string): Promise<Checked>
}

export interface Checked {
  readonly user: string
  readonly project: string
  /** Names of the issue types it has. */
  readonly types: readonly string[]
}

/** Longest description that Jira takes, in characters of its text; some room is left for what we count otherwise. */
const DESCRIPTION_LENGTH = 30_000
const PAGE = 100
/** Pages of a search: more labelled issues than a PRD may have items. */
const PAGES = 50
/** Issues that are read at once; fewer where their descriptions are long. */
const FETCHED = 50
const FIELDS = ['summary', 'description', 'updated', 'labels', 'issuetype']

const adfOf = ({ description }: Content): Adf => markdownToAdf(shortened(description))

function shortened(description: string): string {
  if (description.length <= DESCRIPTION_LENGTH) return description
  return `${description.slice(0, DESCRIPTION_LENGTH).replace(/[\ud800-\udbff]$/, '')}…`
}

/** What an issue reads as once it has this content: the same as an issue that was read. */
export const issueContent = (content: Content): Content => ({
  title: summaryOf(content.title),
  description: adfToMarkdown(adfOf(content), { flatHeadings: true }),
})

/** The library's thousand functions take half a second to load; one file of them half as long as many. */
export const loadJira = () => import('jira.js/browser')

/**
 * Jira Cloud's platform REST API, version 3, through jira.js.
 * @param signal ends what is under way
 */
export async function openJira(access: JiraAccess, signal?: AbortSignal): Promise<Jira> {
  const { createCloudClient } = await loadJira()
  const cloud = createCloudClient(jiraClient(access, signal))
  const fieldsOf = (content: Content) => ({
    summary: summaryOf(content.title),
    description: content.description === '' ? null : adfOf(content),
  })
  return {
    async search(projectKey, label) {
      const issues: Found[] = []
      let nextPageToken: string | undefined
      for (let page = 0; page < PAGES; page += 1) {
        const found = await cloud.issueSearch
          .searchAndReconsileIssuesUsingJqlPost({
            jql: `project = ${quoted(projectKey)} AND labels = ${quoted(label)} ORDER BY created ASC`,
            fields: ['labels'],
            maxResults: PAGE,
            ...(nextPageToken !== undefined && { nextPageToken }),
          })
          .catch((fault: unknown) => {
            if (!(fault instanceof JiraFault && fault.reason === 'refused')) throw fault
            const message = `Jira has no project ${projectKey}, or does not show it to this account (400)`
            throw new JiraFault('refused', message)
          })
        issues.push(...listOf(found.issues).map(foundOf))
        nextPageToken = found.nextPageToken ?? undefined
        if (nextPageToken === undefined) return issues
      }
      throw new JiraFault('refused', `More than ${PAGE * PAGES} issues in Jira have the label of this PRD`)
    },
    async fetch(ids) {
      const issues: Issue[] = []
      const failed = new Set<string>()
      const some = async (issueIdsOrKeys: readonly string[]): Promise<void> => {
        try {
          const found = await cloud.issues.bulkFetchIssues({ issueIdsOrKeys: [...issueIdsOrKeys], fields: FIELDS })
          issues.push(...listOf(found.issues).map(issueOf))
          for (const { id } of listOf(found.issueErrors)) if (id !== undefined) failed.add(id)
        } catch (fault) {
          if (!(fault instanceof JiraFault && fault.reason === 'large')) throw fault
          const half = issueIdsOrKeys.length >> 1
          if (half === 0) return void failed.add(issueIdsOrKeys[0]!)
          await some(issueIdsOrKeys.slice(0, half))
          await some(issueIdsOrKeys.slice(half))
        }
      }
      for (let from = 0; from < ids.length; from += FETCHED) await some(ids.slice(from, from + FETCHED))
      return { issues, failed }
    },
    async create({ projectKey, type, content, labels }) {
      const { id, key } = await cloud.issues.createIssue({
        fields: { project: { key: projectKey }, issuetype: { name: type }, labels, ...fieldsOf(content) },
      })
      return { id: stringOf(id), key: stringOf(key) }
    },
    async edit(id, content) {
      await cloud.issues.editIssue({ issueIdOrKey: id, fields: fieldsOf(content) })
    },
    async contentChangedAt(id) {
      const { changelog } = await cloud.issues.getIssue({ issueIdOrKey: id, fields: ['updated'], expand: 'changelog' })
      const times = listOf(changelog?.histories).flatMap(({ created, items }) =>
        listOf(items).some(({ field }) => field === 'summary' || field === 'description') ? [timeOf(created)] : [],
      )
      return times.length > 0 ? Math.max(...times) : undefined
    },
    async check(projectKey) {
      const { displayName, emailAddress } = await cloud.myself.getCurrentUser()
      const project = await cloud.projects.getProject({ projectIdOrKey: projectKey })
      return {
        user: oneLine(displayName ?? emailAddress ?? 'somebody').slice(0, 100),
        project: oneLine(project.name ?? projectKey).slice(0, 100),
        types: listOf(project.issueTypes).flatMap(({ name }) => (typeof name === 'string' ? [name] : [])),
      }
    },
  }
}

/** A text in JQL, "Search for issues using JQL": in quotes, with backslashes and quotes escaped. */
const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`

const listOf = <T>(value: readonly T[] | null | undefined): readonly T[] => (Array.isArray(value) ? value : [])

function stringOf(value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= 255) return value
  throw new JiraFault('unavailable', 'Jira answered in a way that cannot be understood; check its address')
}

function timeOf(value: unknown): number {
  const ms = value instanceof Date ? value.getTime() : Date.parse(typeof value === 'string' ? value : '')
  return Number.isFinite(ms) ? ms : 0
}

/** As it came: what is in it is not sure. */
interface Raw {
  readonly id?: string
  readonly key?: string
  readonly fields?: Readonly<Record<string, unknown>>
}

const foundOf = ({ id, key, fields }: Raw): Found => ({
  id: stringOf(id),
  key: stringOf(key),
  labels: listOf(fields?.['labels'] as readonly unknown[]).filter((label) => typeof label === 'string'),
})

function issueOf(raw: Raw): Issue {
  const { fields = {} } = raw
  const type = fields['issuetype'] as { readonly name?: unknown } | null | undefined
  return {
    ...foundOf(raw),
    content: {
      title: oneLine(typeof fields['summary'] === 'string' ? fields['summary'] : '') || '(no summary)',
      description: adfToMarkdown(fields['description'], { flatHeadings: true }),
    },
    type: typeof type?.name === 'string' ? type.name : '',
    updated: timeOf(fields['updated']),
  }
}
