import type { JiraItemRow, JiraSyncRow } from '../store/jira.ts'
import type { Agreed } from './sync.ts'

/** What rows hold as JSON. */

/** In `agreed` of an item: what is known of it and its issue. */
export interface Known {
  /** Of the Jira that the issue is in: ids of another one mean nothing. */
  readonly site: string
  readonly agreed?: Agreed
  readonly attemptedAt?: number
  /** To find it again where it was moved. */
  readonly title: string
}

export const knownOf = ({ agreed }: Pick<JiraItemRow, 'agreed'>): Known => JSON.parse(agreed) as Known

export interface Told {
  readonly key: string
  readonly title: string
  readonly url: string
}

/** In `result` of a synchronisation: what it has come to, from its first try on. */
export interface Progress {
  readonly created: number
  readonly updated: number
  readonly errors: number
  /** Issues that were created or updated, and whose items were. */
  readonly issues: readonly Told[]
  /** In our words; '' when there is nothing to say. */
  readonly message: string
}

const NOTHING: Progress = { created: 0, updated: 0, errors: 0, issues: [], message: '' }

export const progressOf = ({ result }: Pick<JiraSyncRow, 'result'>): Progress =>
  result === null ? NOTHING : (JSON.parse(result) as Progress)

/** One more that was created or updated. */
export function counted(
  progress: Progress,
  as: 'created' | 'updated',
  site: string,
  { key, title }: Pick<Told, 'key' | 'title'>,
): Progress {
  const told = { key, title, url: issueUrl(site, key) }
  const issues = [...progress.issues.filter((issue) => issue.key !== key), told]
  return { ...progress, [as]: progress[as] + 1, issues }
}

export const siteOf = (url: string): string => url.replace(/\/+$/, '')

export const issueUrl = (site: string, key: string): string => `${site}/browse/${encodeURIComponent(key)}`
