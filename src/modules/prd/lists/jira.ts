import type { Reader } from '../../../kernel/database.ts'
import { issueUrl, knownOf, progressOf } from '../jira/record.ts'
import { findJiraSync, jiraItemsOf, type JiraItemRow, type JiraSyncRow } from '../store/jira.ts'
import { timestamp } from '../wire.ts'

/** What routes/jira.ts describes: what a PRD has in Jira, and what its last synchronisation came to. */
export async function readJira(reader: Reader, prd: number) {
  const sync = await reader.get(findJiraSync, { prd })
  const rows = await reader.all(jiraItemsOf, { prd })
  return { lastSync: sync ? shownSync(sync) : null, items: rows.flatMap(shownItem) }
}

function shownSync(sync: JiraSyncRow) {
  const { created, updated, errors, issues, message } = progressOf(sync)
  return {
    syncType: sync.sync_type,
    projectKey: sync.project_key,
    status: sync.status,
    askedAt: timestamp(sync.asked_at),
    endedAt: sync.ended_at === null ? null : timestamp(sync.ended_at),
    result: sync.status === 'completed' ? { created, updated, errors, issues } : null,
    message,
  }
}

/** Those that have an issue. */
function shownItem(row: JiraItemRow) {
  const { site, title } = knownOf(row)
  const { kind, issue_key: key } = row
  return key === null ? [] : [{ kind, title, key, url: issueUrl(site, key), syncedAt: timestamp(row.synced_at) }]
}
