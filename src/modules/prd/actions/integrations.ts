import { perform, type Caller } from '../../../kernel/action.ts'
import { invalid, notFound } from '../../../kernel/errors.ts'
import { checkGit } from '../git/remote.ts'
import { openIntegration, SEALED_ELSEWHERE } from '../integrations/access.ts'
import { kinds, type IntegrationKind, type SettingsOf } from '../integrations/kinds.ts'
import { inOneLine, recordOutcome, type Outcome } from '../integrations/outcomes.ts'
import { messageOf, probe } from '../integrations/probes.ts'
import { openSecrets, sealSecrets, type Place, type Secrets } from '../integrations/secrets.ts'
import { listIntegrations, type Integration } from '../lists/integrations.ts'
import { checkAdministers } from '../policy.ts'
import { deleteIntegrationRow, findIntegration, saveIntegration } from '../store/integrations.ts'
import { reachOrganization, type Parts } from './parts.ts'

/** Settings and secrets in one, as decoded by the body of the kind's route. */
export type NewIntegration = Readonly<Record<string, unknown>>

/**
 * Sets all of the settings. Secrets that are not given stay as they are, unless the address changes: they are not for
 * another system.
 * @throws not_found, forbidden, invalid
 */
export function putIntegration(
  parts: Parts,
  caller: Caller,
  organization: number,
  kind: IntegrationKind,
  given: NewIntegration,
): Promise<Integration> {
  const settings = normalized(parts, kind, pick(given, kinds[kind].settings.properties))
  const fresh = pick(given, kinds[kind].secrets.properties) as Secrets
  const place = { organization, kind }
  return perform(parts.unitOfWork, caller, async (unit) => {
    checkAdministers(await reachOrganization(unit, caller, organization))
    const before = await unit.get(findIntegration, place)
    const isSame = before !== undefined && addressOf(JSON.parse(before.settings) as object) === addressOf(settings)
    const kept = isSame ? openSecrets(parts.secret, place, before.secrets) : {}
    const secrets = { ...kept, ...fresh }
    checkSecrets(kind, secrets, kept ? (before ? 'the address has changed' : '') : SEALED_ELSEWHERE)
    await unit.run(saveIntegration, {
      organization_id: organization,
      kind,
      settings: JSON.stringify(settings),
      secrets: sealSecrets(parts.secret, place, secrets),
      status: 'unknown',
      status_message: '',
      status_at: unit.now,
      updated_by: caller.accountId,
      updated_at: unit.now,
    })
    unit.after(() => changed(parts, place))
    const all = await listIntegrations(unit, parts.secret, organization)
    return all.find((one) => one.kind === kind)!
  })
}

/** @throws not_found, forbidden */
export async function deleteIntegration(
  parts: Parts,
  caller: Caller,
  organization: number,
  kind: IntegrationKind,
): Promise<void> {
  const place = { organization, kind }
  await perform(parts.unitOfWork, caller, async (unit) => {
    checkAdministers(await reachOrganization(unit, caller, organization))
    if ((await unit.run(deleteIntegrationRow, place)) === 0) throw notFound('This integration')
    unit.after(() => changed(parts, place))
  })
}

/** What a connection test found. */
export interface Tested {
  readonly ok: boolean
  readonly message: string
}

/** Calls the other system now, even if it is being left alone. @throws not_found, forbidden */
export async function testIntegration(
  parts: Parts,
  caller: Caller,
  organization: number,
  kind: IntegrationKind,
): Promise<Tested> {
  const { database, breakers, unitOfWork, hub } = parts
  const row = await database.read(async (reader) => {
    checkAdministers(await reachOrganization(reader, caller, organization))
    return reader.get(findIntegration, { organization, kind })
  })
  if (!row) throw notFound('This integration')
  breakers.reset({ organization, kind })
  const tested = await database
    .read((reader) => openIntegration(parts, reader, organization, kind))
    .then((opened) => (opened ? probe(parts, opened) : Promise.reject(notFound('This integration'))))
    .then(
      (message): Tested => ({ ok: true, message: inOneLine(message) }),
      (error: unknown): Tested => {
        const message = messageOf(error)
        if (message === undefined) hub.onError(error)
        return { ok: false, message: inOneLine(message ?? 'The test failed; the log of the server says why') }
      },
    )
  const outcome: Outcome = tested.ok ? { ok: true } : { ok: false, message: tested.message }
  const options = { updatedAt: row.updated_at, by: caller.accountId }
  await unitOfWork.run((unit) => recordOutcome(unit, organization, kind, outcome, options))
  return tested
}

/** What is in memory of it begins anew. */
export function changed({ breakers, links }: Pick<Parts, 'breakers' | 'links'>, place: Place): void {
  breakers.reset(place)
  if (place.kind === 'mattermost') links.refresh(place.organization)
}

/** @throws invalid: required ones that are missing */
function checkSecrets(kind: IntegrationKind, secrets: Secrets, why: string): void {
  const { required = [] } = kinds[kind].secrets as { readonly required?: readonly string[] }
  const missing = required.filter((name) => !Object.hasOwn(secrets, name))
  if (missing.length === 0) return
  throw invalid(Object.fromEntries(missing.map((name) => [name, why === '' ? 'is required' : `is required: ${why}`])))
}

/** What the schema does not say, and the address in its normal form. @throws invalid */
function normalized(parts: Parts, kind: IntegrationKind, settings: Readonly<Record<string, unknown>>): object {
  const field = kind === 'ai' ? 'baseUrl' : 'url'
  const address = settings[field] as string | undefined
  const url = address === undefined ? undefined : parts.outgoing.check(address, field)
  if (url && (url.search !== '' || url.hash !== '')) throw invalid({ [field]: 'may not have a query or a fragment' })
  const normal = url ? { ...settings, [field]: url.href.replace(/\/+$/, '') } : settings
  if (kind === 'ai') checkAi(parts, normal as SettingsOf<'ai'>)
  if (kind === 'git') checkGit(normal as SettingsOf<'git'>)
  return normal
}

function checkAi({ settings }: Parts, { enabled, baseUrl, model }: SettingsOf<'ai'>): void {
  if (!enabled || settings.model) return
  if (baseUrl === undefined) throw invalid({ baseUrl: 'is required, as this server has no model' })
  if (model === undefined) throw invalid({ model: 'is required, as this server has none' })
}

const addressOf = (settings: object): unknown => {
  const { url, baseUrl } = settings as { readonly url?: string; readonly baseUrl?: string }
  return url ?? baseUrl
}

const pick = (given: NewIntegration, properties: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(properties, name)))
