import { invalid } from '../../../kernel/errors.ts'
import type { Outgoing } from '../../../kernel/outgoing.ts'
import { branchFault } from '../history/branch.ts'
import { addressFault, type Remote } from '../history/remote.ts'
import type { SecretsOf, SettingsOf } from '../integrations/kinds.ts'

/** An organisation's Git server: `Opened<'git'>` of integrations/access.ts. */
export interface GitAccess {
  readonly settings: SettingsOf<'git'>
  readonly secrets: SecretsOf<'git'>
  readonly fetch: Outgoing['fetch']
}

/** A server says by name where each branch and tag is: this is a hundred thousand of them. */
const ANSWER_BYTES = 10_000_000
/** A push is as long as its pack, and is answered when the hooks of the server are done. */
const CALLS = 6

/** What the schema of the settings does not say. @throws invalid */
export function checkGit({ url, branch = 'main', username = 'git' }: SettingsOf<'git'>): void {
  const wrong = {
    url: addressFault(url),
    branch: branchFault(branch),
    // Basic authentication parts the two there.
    username: username.includes(':') ? 'must not have a colon' : undefined,
  }
  const faults = Object.entries(wrong).filter((entry): entry is [string, string] => entry[1] !== undefined)
  if (faults.length > 0) throw invalid(Object.fromEntries(faults))
}

/**
 * @param options.callMs what one call to another system may take; without it, what is usual
 * @param options.signal ends every call with its own reason
 */
export function remoteOf(
  { settings: { url, branch = 'main', username = 'git' }, secrets: { token }, fetch }: GitAccess,
  { callMs, signal }: { readonly callMs?: number; readonly signal?: AbortSignal } = {},
): Remote {
  return {
    url,
    branch,
    username,
    token,
    fetch: (address, init, limits) => fetch(address, { ...init, ...(signal && { signal }) }, limits),
    limits: { maxBytes: ANSWER_BYTES, ...(callMs !== undefined && { timeoutMs: CALLS * callMs }) },
  }
}
