import type { Reader } from '../../../kernel/database.ts'
import { conflict } from '../../../kernel/errors.ts'
import { OutgoingError, type Outgoing } from '../../../kernel/outgoing.ts'
import type { Parts } from '../actions/parts.ts'
import { findIntegration } from '../store/integrations.ts'
import type { IntegrationKind, SecretsOf, SettingsOf } from './kinds.ts'
import { openSecrets } from './secrets.ts'

/** An organisation's access to another system. */
export interface Opened<K extends IntegrationKind> {
  readonly organization: number
  readonly kind: K
  readonly settings: SettingsOf<K>
  readonly secrets: SecretsOf<K>
  /** When the settings were last changed: outcomes of older ones are not recorded. */
  readonly updatedAt: number
  /** To the server of the settings and no other, through the guard and the circuit breaker. @throws OutgoingError */
  readonly fetch: Outgoing['fetch']
  /** To the server of the settings and no other. @throws OutgoingError refused for another */
  readonly socket: Outgoing['socket']
}

export const SEALED_ELSEWHERE =
  'The secrets of this integration cannot be opened with the secret of this server; enter them again'

/**
 * @returns undefined when the organisation has not set it
 * @throws CommandError conflict when its secrets were sealed with another secret of the server
 */
export async function openIntegration<K extends IntegrationKind>(
  parts: Pick<Parts, 'outgoing' | 'secret' | 'settings' | 'breakers'>,
  reader: Reader,
  organization: number,
  kind: K,
): Promise<Opened<K> | undefined> {
  const row = await reader.get(findIntegration, { organization, kind })
  if (!row) return undefined
  const place = { organization, kind }
  const secrets = openSecrets(parts.secret, place, row.secrets)
  if (!secrets) throw conflict(SEALED_ELSEWHERE)
  const { outgoing, breakers, settings: limits } = parts
  const settings = JSON.parse(row.settings) as SettingsOf<K>
  const home = homeOf(settings)
  return {
    ...place,
    settings,
    secrets: secrets as SecretsOf<K>,
    updatedAt: row.updated_at,
    // A function of its own for each, so that it may be passed on alone.
    fetch: async (url, init, given) => {
      checkHome(home, String(url))
      return breakers.run(place, () => outgoing.fetch(url, init, { timeoutMs: limits.callMs, ...given }))
    },
    socket: (url, protocols) => {
      checkHome(home, url.replace(/^ws/i, 'http'))
      return outgoing.socket(url, protocols)
    },
  }
}

/** The tokens of one system are not for another, whatever address its answers name. */
function checkHome(home: string | undefined, url: string): void {
  if (home === undefined || URL.parse(url)?.origin !== home) {
    throw new OutgoingError('refused', 'This is not the server of this integration')
  }
}

function homeOf(settings: object): string | undefined {
  const { url, baseUrl } = settings as { readonly url?: string; readonly baseUrl?: string }
  return URL.parse(url ?? baseUrl ?? '')?.origin
}
