import type { Reader } from '../../../kernel/database.ts'
import { SEALED_ELSEWHERE } from '../integrations/access.ts'
import { kinds, type IntegrationKind } from '../integrations/kinds.ts'
import { openSecrets } from '../integrations/secrets.ts'
import { toId } from '../ids.ts'
import { integrationsOf } from '../store/integrations.ts'
import type { Health } from '../tables-integrations.ts'
import { timestamp } from '../wire.ts'

/** What routes/integrations.ts describes. */
export interface Integration {
  readonly kind: IntegrationKind
  readonly settings: object
  /** Which are set; what they are is never told. */
  readonly secrets: Readonly<Record<string, boolean>>
  readonly status: Health
  /** Null: there is nothing to say. */
  readonly statusMessage: string | null
  readonly statusAt: string
  readonly updatedBy: { readonly id: string; readonly name: string }
  readonly updatedAt: string
}

/**
 * Those an organisation has set, the last changed first.
 * @param secret the server's
 */
export async function listIntegrations(
  reader: Reader,
  secret: Uint8Array,
  organization: number,
): Promise<readonly Integration[]> {
  const rows = await reader.all(integrationsOf, { organization })
  return rows.map((row) => {
    const { kind, settings, updated_by: by } = row
    const secrets = openSecrets(secret, { organization, kind }, row.secrets)
    const message = secrets ? row.status_message : SEALED_ELSEWHERE
    const names = Object.keys(kinds[kind].secrets.properties)
    return {
      kind,
      settings: JSON.parse(settings) as object,
      secrets: Object.fromEntries(names.map((name) => [name, secrets !== undefined && Object.hasOwn(secrets, name)])),
      status: secrets ? row.status : 'failing',
      statusMessage: message === '' ? null : message,
      statusAt: timestamp(row.status_at),
      updatedBy: { id: toId('user', by), name: row.updated_by_name },
      updatedAt: timestamp(row.updated_at),
    }
  })
}
