import { conflict } from '../../../kernel/errors.ts'
import { OutgoingError } from '../../../kernel/outgoing.ts'
import type { Parts } from '../actions/parts.ts'
import type { Opened } from '../integrations/access.ts'
import { modelOf } from './models.ts'
import type { ModelAddress, ModelFetch, ProviderFault } from './provider.ts'
import { baseOf, faultOfStatus, notUnderstood, withTokenLimit } from './provider.ts'

/**
 * The connection test: asks the organisation's model, or the server's where it has none of its own.
 * @returns what was found
 * @throws ProviderFault, OutgoingError; CommandError conflict, when there is no model to ask
 */
export async function probeAi(opened: Opened<'ai'>, parts: Parts): Promise<string> {
  if (!opened.settings.enabled) throw conflict('The AI is turned off in these settings; turn it on to test it')
  const model = await parts.database.read((reader) => modelOf(parts, reader, opened.organization))
  if (!model) throw conflict('No model is set, neither here nor on the server; enter an address and a model')
  const limits = { timeoutMs: parts.settings.callMs, trusted: true }
  const shared: ModelFetch = (url, init) => parts.outgoing.fetch(url, init, limits)
  // Not the model's own, which has as long as a whole answer may take.
  return probeModel(model.address, model.setAt === undefined ? shared : opened.fetch)
}

/**
 * Looks for the model in the provider's list, which costs nothing; where there is no list, or the model is not in it,
 * it has it write one token.
 * @throws ProviderFault, OutgoingError
 */
export async function probeModel(address: ModelAddress, fetch: ModelFetch): Promise<string> {
  const authorization = address.apiKey === undefined ? undefined : { authorization: `Bearer ${address.apiKey}` }
  if (await isListed(address, await fetch(`${baseOf(address)}/models`, { headers: { ...authorization } }))) {
    return `The provider answers, and lists the model ${address.model}`
  }
  const body = { model: address.model, messages: [{ role: 'user', content: 'Say yes.' }], max_tokens: 1, stream: false }
  const response = await fetch(`${baseOf(address)}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization },
    body: JSON.stringify(withTokenLimit(address, body)),
  })
  const fault = faultOfStatus(response)
  if (fault) return dismiss(response, fault)
  const { choices } = await objectOf(response)
  if (!Array.isArray(choices)) throw notUnderstood()
  return `The provider answers, and writes with the model ${address.model}`
}

async function isListed({ model }: ModelAddress, response: Response): Promise<boolean> {
  const fault = faultOfStatus(response)
  if (fault?.status === 401 || fault?.status === 403 || fault?.isPassing) return dismiss(response, fault)
  if (fault) {
    await response.body?.cancel()
    return false
  }
  const { data } = await objectOf(response)
  return Array.isArray(data) && data.some((each: unknown) => (each as { readonly id?: unknown } | null)?.id === model)
}

async function dismiss(response: Response, fault: ProviderFault): Promise<never> {
  await response.body?.cancel()
  throw fault
}

/** @returns an empty object for what is no JSON object, or is longer than anybody would look through */
async function objectOf(response: Response): Promise<Readonly<Record<string, unknown>>> {
  try {
    const value: unknown = await response.json()
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  } catch (error) {
    if (error instanceof OutgoingError && error.reason !== 'too_large') throw error
    return {}
  }
}
