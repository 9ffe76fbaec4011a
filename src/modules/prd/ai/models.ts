import type { Reader } from '../../../kernel/database.ts'
import type { Parts } from '../actions/parts.ts'
import { openIntegration } from '../integrations/access.ts'
import type { ModelAddress, ModelFetch } from './provider.ts'

/** Bytes that a model may send for each UTF-16 unit of its answer: every few letters come in a wrapping of their own. */
const WRAPPING = 400
/** Bytes that any model may send: what is too much is then told as such, and not as a broken connection. */
const LEAST_BYTES = 16_000_000

/** Who answers for an organisation. */
export interface ChosenModel {
  readonly address: ModelAddress
  readonly fetch: ModelFetch
  /** When the organisation set it; undefined: it is the server's. */
  readonly setAt: number | undefined
}

/**
 * The organisation's model, else the server's; undefined where there is neither, or the organisation wants none. The
 * server's key goes nowhere but to the server's model.
 * @throws CommandError when what the organisation has set cannot be read
 */
export async function modelOf(parts: Parts, reader: Reader, organization: number): Promise<ChosenModel | undefined> {
  const { outgoing, settings } = parts
  const maxBytes = Math.max(LEAST_BYTES, settings.aiResponseCharacters * WRAPPING)
  const limits = { timeoutMs: settings.aiJobMs, maxBytes }
  const own = await openIntegration(parts, reader, organization, 'ai')
  if (own?.settings.enabled === false) return undefined
  const { baseUrl, model } = own?.settings ?? {}
  const key = own?.secrets.apiKey
  const shared = settings.model
  if (own && baseUrl !== undefined) {
    const name = model ?? shared?.model
    if (name === undefined) return undefined
    const address = { baseUrl, model: name, ...(key !== undefined && { apiKey: key }) }
    return { address, fetch: (url, init) => own.fetch(url, init, limits), setAt: own.updatedAt }
  }
  if (!shared) return undefined
  return {
    address: { ...shared, ...(model !== undefined && { model }), ...(key !== undefined && { apiKey: key }) },
    fetch: (url, init) => outgoing.fetch(url, init, { ...limits, trusted: true }),
    setAt: undefined,
  }
}
