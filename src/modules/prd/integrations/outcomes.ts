import type { Unit } from '../../../kernel/unit-of-work.ts'
import { notify } from '../actions/telling.ts'
import { toId } from '../ids.ts'
import { adminsOf, findIntegration, saveHealth } from '../store/integrations.ts'
import { labels, type IntegrationKind } from './kinds.ts'

/** `message` in our words: admins read it. */
export type Outcome = { readonly ok: true } | { readonly ok: false; readonly message: string }

const MESSAGE_CHARACTERS = 500

/** In one line, as it is shown: names that the other system has are in some messages. */
export const inOneLine = (message: string): string =>
  [...message.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')].slice(0, MESSAGE_CHARACTERS).join('')

/**
 * What has become of a call to another system. The first failure since it last worked, or was set, is told to the
 * admins of the organisation; what goes on as before costs one reading.
 * @param options.updatedAt of the settings it was made with: if they have changed, it says nothing about them
 * @param options.by who made the call and sees the outcome
 */
export async function recordOutcome(
  unit: Unit,
  organization: number,
  kind: IntegrationKind,
  outcome: Outcome,
  options: { readonly updatedAt?: number; readonly by?: number } = {},
): Promise<void> {
  const row = await unit.get(findIntegration, { organization, kind })
  if (!row || (options.updatedAt !== undefined && options.updatedAt !== row.updated_at)) return
  const status = outcome.ok ? 'ok' : 'failing'
  const message = outcome.ok ? '' : inOneLine(outcome.message)
  if (row.status === status && row.status_message === message) return
  await unit.run(saveHealth, { organization, kind, status, message, at: unit.now })
  if (outcome.ok || row.status === 'failing') return
  const admins = await unit.all(adminsOf, { organization })
  const told = admins.map(({ account_id }) => account_id).filter((id) => id !== options.by)
  await notify(unit, told, {
    type: 'integration_failed',
    title: 'Integration Failed',
    message: `${labels[kind]} of "${admins[0]?.organization_name}" does not work: ${message}`,
    data: { organizationId: toId('organization', organization), kind },
  })
}
