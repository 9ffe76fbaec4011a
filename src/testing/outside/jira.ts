import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { adfFault } from './jira-adf.ts'

/**
 * A Jira Cloud site, as far as issues of a PRD need it. Followed, of developer.atlassian.com/cloud/jira/platform: "The
 * Jira Cloud platform REST API v3" with the pages Issues (create, edit, get, bulk fetch), Issue search ("Search for
 * issues using JQL enhanced search"), Myself and Projects; "Basic auth for REST APIs"; "Rate limiting"; "Search after
 * write with search and reconcile"; "Atlassian Document Format". Error texts are like those that people quote in public
 * issue trackers. Left out: every field and JQL clause but the few that are used, permissions of single issues,
 * transitions, and that a page of a search may be shorter than asked for at will.
 */

export interface StoredIssue {
  readonly id: string
  key: string
  summary: string
  /** An ADF document. */
  description: unknown
  type: string
  labels: string[]
  readonly created: number
  updated: number
  /** Changes of fields, the oldest first. */
  readonly history: { readonly at: number; readonly fields: readonly string[] }[]
}

interface Draft {
  readonly summary: string
  readonly description?: string
  readonly type?: string
  readonly labels?: string[]
  readonly project?: string
}

interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** What is to go wrong with the next call that it fits; once, unless it says otherwise. */
export interface Trouble {
  /** Method and path, like `POST /rest/api/3/issue`, or how they begin. */
  readonly call: string
  /** Nothing: the call is done, and its connection breaks before the answer. */
  readonly answer?: Answer
  readonly times?: number
  /** Only where the body has this in it. */
  readonly having?: string
  /** Run when the call arrives, before anything else. */
  readonly before?: () => void | Promise<void>
}

/** As of "Rate limiting": what a call gets that comes too soon. */
export const tooMany = (seconds: number): Answer => ({
  status: 429,
  headers: {
    'retry-after': `${seconds}`,
    'x-ratelimit-limit': '100',
    'x-ratelimit-remaining': '0',
    'x-ratelimit-reset': new Date(1_800_000_000_000 + seconds * 1_000).toISOString(),
    'ratelimit-reason': 'jira-burst-based',
  },
  body: errors('Rate limit exceeded.'),
})

const errors = (message: string, fields: object = {}) => ({
  errorMessages: message === '' ? [] : [message],
  errors: fields,
})

const API = '/rest/api/3'
const PAGE_LIMIT = 5_000
const JQL = /^project = "([^"\\]*)" AND labels = "([^"\\]*)" ORDER BY created ASC$/

export class JiraDouble {
  readonly email = 'bot@acme.example'
  readonly apiToken = 'jira-token-of-the-bot'
  readonly projects = new Map([['PROJ', ['Story', 'Task']]])
  readonly issues = new Map<string, StoredIssue>()
  /** Method and path of every call, without its query. */
  readonly calls: string[] = []
  /** Issues of a page of a search at the most. */
  pageSize = PAGE_LIMIT
  /** What is written is not found by a search until `index` is called. */
  isLagging = false
  private readonly now: () => number
  private readonly server: Server
  private readonly troubles: { trouble: Trouble; left: number }[] = []
  private indexed = new Map<string, StoredIssue>()
  private count = 10_000
  private readonly numbers = new Map<string, number>()

  /** @param now wall clock of Jira, milliseconds */
  constructor(now: () => number = () => 1_700_000_000_000) {
    this.now = now
    this.server = createServer((request, response) => void this.handle(request, response))
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The next calls of this kind go wrong. */
  trouble(trouble: Trouble): void {
    this.troubles.push({ trouble, left: trouble.times ?? 1 })
  }

  /** Nothing goes wrong any more. */
  calmDown(): void {
    this.troubles.length = 0
  }

  /** All that was written is found from now on. */
  index(): void {
    this.indexed = new Map([...this.issues].map(([id, issue]) => [id, structuredClone(issue)]))
  }

  /** What a person does in Jira. @param description Markdown-free text, as one paragraph */
  make({ summary, description, type = 'Task', labels = [], project = 'PROJ' }: Draft): StoredIssue {
    return this.add(project, summary, documentOf(description), type, labels)
  }

  /** What a person does in Jira. */
  change(key: string, { summary, description }: { summary?: string; description?: string }): void {
    const issue = this.byKey(key)!
    if (summary !== undefined) issue.summary = summary
    if (description !== undefined) issue.description = documentOf(description)
    const fields = Object.entries({ summary, description }).filter(([, to]) => to !== undefined)
    this.touch(issue, fields.map(([name]) => name))
  }

  /** A comment, a status: it is newer, and nothing of ours has changed. */
  comment(key: string): void {
    this.touch(this.byKey(key)!, ['status'])
  }

  /** Into another project, with another key. */
  move(key: string, project: string): void {
    const issue = this.byKey(key)!
    issue.key = this.nextKey(project)
    this.touch(issue, ['project', 'Key'])
  }

  remove(key: string): void {
    this.issues.delete(this.byKey(key)!.id)
    if (!this.isLagging) this.index()
  }

  byKey(key: string): StoredIssue | undefined {
    return [...this.issues.values()].find((issue) => issue.key === key || issue.id === key)
  }

  private add(project: string, summary: string, description: unknown, type: string, labels: string[]): StoredIssue {
    const [id, at] = [`${(this.count += 1)}`, this.now()]
    const key = this.nextKey(project)
    const issue = { id, key, summary, description, type, labels, created: at, updated: at, history: [] }
    this.issues.set(id, issue)
    if (!this.isLagging) this.index()
    return issue
  }

  private nextKey(project: string): string {
    const number = (this.numbers.get(project) ?? 0) + 1
    this.numbers.set(project, number)
    return `${project}-${number}`
  }

  private touch(issue: StoredIssue, fields: readonly string[]): void {
    issue.updated = this.now()
    issue.history.push({ at: issue.updated, fields })
    if (!this.isLagging) this.index()
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const url = new URL(request.url!, this.url)
    const call = `${request.method} ${url.pathname}`
    this.calls.push(call)
    const found = this.troubles.find(
      ({ trouble, left }) => left > 0 && call.startsWith(trouble.call) && text.includes(trouble.having ?? ''),
    )
    if (found) {
      found.left -= 1
      await found.trouble.before?.()
      if (found.trouble.answer) return send(response, found.trouble.answer)
    }
    const answer = this.answer(request, url, text)
    if (found && !found.trouble.before) return void request.socket.destroy()
    send(response, answer)
  }

  private answer(request: IncomingMessage, url: URL, text: string): Answer {
    const expected = `Basic ${Buffer.from(`${this.email}:${this.apiToken}`).toString('base64')}`
    if (request.headers.authorization !== expected) {
      const headers = { 'www-authenticate': 'OAuth realm="https%3A%2F%2Facme.atlassian.net"' }
      return { status: 401, headers, body: errors('Client must be authenticated to access this resource.') }
    }
    let body: Record<string, unknown> = {}
    if (text !== '') {
      if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) return { status: 415 }
      try {
        body = JSON.parse(text) as Record<string, unknown>
      } catch {
        return { status: 400, body: errors('There was an error parsing JSON. Check that your request body is valid.') }
      }
    }
    const [, kind, name, sub] = /^\/rest\/api\/3\/([^/]+)(?:\/([^/]+)(?:\/(.*))?)?$/.exec(url.pathname) ?? []
    const isNamed = kind === 'project' || (kind === 'issue' && name !== 'bulkfetch')
    const below = name === undefined ? '' : isNamed ? '/:id' : `/${name}`
    switch (sub === undefined ? `${request.method} ${kind}${below}` : '') {
      case 'GET myself':
        return { status: 200, body: { accountId: '5b10', accountType: 'atlassian', displayName: 'Switchboard Bot' } }
      case 'GET project/:id':
        return this.project(name!)
      case 'POST issue':
        return this.create(body)
      case 'POST issue/bulkfetch':
        return this.bulkFetch(body)
      case 'PUT issue/:id':
        return this.edit(name!, body)
      case 'GET issue/:id':
        return this.get(name!, url)
      case 'POST search/jql':
        return this.search(body)
      default:
        return { status: 404, body: errors('') }
    }
  }

  private project(key: string): Answer {
    const types = this.projects.get(key)
    if (!types) return { status: 404, body: errors(`No project could be found with key '${key}'.`) }
    const issueTypes = types.map((name, i) => ({ id: `${10_001 + i}`, name, subtask: false }))
    const self = `${this.url}${API}/project/10000`
    return { status: 200, body: { id: '10000', key, name: 'Project', self, issueTypes } }
  }

  /** Field errors of what is to be written; those that are missing count only when it is new. */
  private fieldErrors(fields: Record<string, unknown>, isNew: boolean): object {
    const faults: Record<string, string> = {}
    const { summary, description, labels } = fields
    if (isNew || summary !== undefined) {
      const line = typeof summary === 'string' ? summary : ''
      if (line.trim() === '') faults['summary'] = 'You must specify a summary of the issue.'
      if (line.length > 255) faults['summary'] = 'Summary must be less than 255 characters.'
      if (/[\r\n]/.test(line)) faults['summary'] = 'The summary is invalid because it contains newline characters.'
    }
    const fault = description === undefined || description === null ? undefined : adfFault(description)
    if (fault !== undefined) faults['description'] = `Operation value must be an Atlassian Document (${fault})`
    if (Array.isArray(labels) && labels.some((label) => typeof label !== 'string' || /\s/.test(label))) {
      faults['labels'] = 'The label contains spaces which is invalid.'
    }
    return faults
  }

  private create(body: Record<string, unknown>): Answer {
    const fields = (body['fields'] ?? {}) as Record<string, unknown>
    const project = (fields['project'] as { key?: string } | undefined)?.key ?? ''
    const type = (fields['issuetype'] as { name?: string } | undefined)?.name ?? ''
    const types = this.projects.get(project)
    if (!types) return { status: 400, body: errors('', { project: 'valid project is required' }) }
    const faults = {
      ...this.fieldErrors(fields, true),
      ...(!types.includes(type) && { issuetype: 'Specify a valid issue type' }),
    }
    if (Object.keys(faults).length > 0) return { status: 400, body: errors('', faults) }
    const labels = (fields['labels'] ?? []) as string[]
    const { id, key } = this.add(project, fields['summary'] as string, fields['description'] ?? null, type, labels)
    return { status: 201, body: { id, key, self: `${this.url}${API}/issue/${id}` } }
  }

  private edit(name: string, body: Record<string, unknown>): Answer {
    const issue = this.byKey(name)
    if (!issue) return missing
    const fields = (body['fields'] ?? {}) as Record<string, unknown>
    const faults = this.fieldErrors(fields, false)
    if (Object.keys(faults).length > 0) return { status: 400, body: errors('', faults) }
    if (fields['summary'] !== undefined) issue.summary = fields['summary'] as string
    if (fields['description'] !== undefined) issue.description = fields['description']
    this.touch(issue, Object.keys(fields))
    return { status: 204 }
  }

  private get(name: string, url: URL): Answer {
    const issue = this.byKey(name)
    if (!issue) return missing
    const histories = issue.history.toReversed().map(({ at, fields }, i) => ({
      id: `${i}`,
      created: timeOf(at),
      items: fields.map((field) => ({ field, fieldtype: 'jira', fieldId: field })),
    }))
    const changelog = { startAt: 0, maxResults: histories.length, total: histories.length, histories }
    const isAsked = url.searchParams.get('expand') === 'changelog'
    return { status: 200, body: { ...this.shown(issue), ...(isAsked && { changelog }) } }
  }

  private bulkFetch({ issueIdsOrKeys }: Record<string, unknown>): Answer {
    if (!Array.isArray(issueIdsOrKeys)) return { status: 400, body: errors('issueIdsOrKeys is required.') }
    if (issueIdsOrKeys.length > 1_000) return { status: 400, body: errors('Too many issues.') }
    const issues = issueIdsOrKeys.flatMap((name) => this.byKey(`${name}`) ?? []).map((issue) => this.shown(issue))
    return { status: 200, body: { issues, issueErrors: [] } }
  }

  private search({ jql, nextPageToken, maxResults = 50, fields }: Record<string, unknown>): Answer {
    const [, project, label] = JQL.exec(jql as string) ?? []
    if (project === undefined) return { status: 400, body: errors('Error in the JQL Query.') }
    if (!this.projects.has(project)) {
      return { status: 400, body: errors(`The value '${project}' does not exist for the field 'project'.`) }
    }
    const all = [...this.indexed.values()].filter(
      ({ key, labels }) => key.startsWith(`${project}-`) && labels.includes(label!),
    )
    const from = nextPageToken === undefined ? 0 : Number(Buffer.from(nextPageToken as string, 'base64').toString())
    if (!Number.isInteger(from)) return { status: 400, body: errors('The page token is invalid.') }
    const to = from + Math.min(Number(maxResults), this.pageSize)
    const isLast = to >= all.length
    // Without fields it is ids only.
    const issues = all.slice(from, to).map((issue) => (Array.isArray(fields) ? this.shown(issue) : { id: issue.id }))
    const more = isLast ? {} : { nextPageToken: Buffer.from(`${to}`).toString('base64') }
    return { status: 200, body: { issues, isLast, ...more } }
  }

  private shown({ id, key, summary, description, type, labels, updated }: StoredIssue) {
    const fields = { summary, description, labels, issuetype: { id: '1', name: type }, updated: timeOf(updated) }
    return { expand: 'changelog', id, key, self: `${this.url}${API}/issue/${id}`, fields }
  }
}

const missing: Answer = {
  status: 404,
  body: errors('Issue does not exist or you do not have permission to see it.'),
}

const timeOf = (ms: number): string => new Date(ms).toISOString().replace('Z', '+0000')

const documentOf = (text: string | undefined): unknown =>
  text === undefined || text === ''
    ? null
    : { type: 'doc', version: 1, content: [{ type: 'paragraph', content: [{ type: 'text', text }] }] }

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  const isEmpty = body === undefined
  response.writeHead(status, { ...(!isEmpty && { 'content-type': 'application/json;charset=UTF-8' }), ...headers })
  response.end(isEmpty ? undefined : JSON.stringify(body))
}
