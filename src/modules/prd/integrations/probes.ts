import { CommandError } from '../../../kernel/errors.ts'
import { OutgoingError } from '../../../kernel/outgoing.ts'
import type { Parts } from '../actions/parts.ts'
import { probeAi } from '../ai/probe.ts'
import { ProviderFault } from '../ai/provider.ts'
import { CraftFault } from '../craft/client.ts'
import { probeCraft } from '../craft/probe.ts'
import { probeGit } from '../git/probe.ts'
import { RemoteFault } from '../history/remote.ts'
import { JiraFault } from '../jira/faults.ts'
import { probeJira } from '../jira/probe.ts'
import { MattermostFault } from '../mattermost/client.ts'
import { probeMattermost } from '../mattermost/probe.ts'
import type { Opened } from './access.ts'
import type { IntegrationKind } from './kinds.ts'

type Probe<K extends IntegrationKind> = (opened: Opened<K>, parts: Parts) => Promise<string>

/** The connection tests: each does what shows that the settings work, and resolves to what it found. */
const probes: { readonly [K in IntegrationKind]: Probe<K> } = {
  ai: probeAi,
  jira: probeJira,
  git: probeGit,
  mattermost: probeMattermost,
  craft: probeCraft,
}

export const probe = <K extends IntegrationKind>(parts: Parts, opened: Opened<K>): Promise<string> =>
  probes[opened.kind](opened, parts)

const ours = [CommandError, OutgoingError, ProviderFault, JiraFault, RemoteFault, MattermostFault, CraftFault] as const

/** What may be shown of an error: undefined when it is none of those that are in our words. */
export const messageOf = (error: unknown): string | undefined =>
  error instanceof Error && ours.some((kind) => error instanceof kind) ? error.message : undefined
