import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { signatureFor } from '../../modules/prd/craft/webhook.ts'

/**
 * Craft.io, as far as it is published, on loopback. Followed are the help page "Craft.io public APIs for workspace,
 * portfolio, and feedback portal (Beta)" (help.craft.io/en/articles/8385550: API key of an account, which data there
 * are) and the OpenAPI description it leads to (api.craft.io/docs, api-eu.craft.io/docs):
 * - the header `x-api-key`; 401 without a known one, `{"message"}` with every error
 * - "Get my API key", GET /me/api-key: the account of the key, its scopes, and the portfolios it is narrowed to
 * - "Get portfolios", GET /portfolios/{accountId}: a plain array; 400 for an invalid account, 401 for another one
 * - "Get initiatives", GET /portfolio/{portfolioId}/items: initiatives and OKRs; `page` from 1, `limit` 50 without it,
 *   `fields` (comma separated, or `all`), `keyword`, `updated_from`; answers `items` and `metadata` (currentPage,
 *   perPage, totalPages, totalRecords)
 * - "Get initiative", GET /portfolio_item/{itemId}: 400 for an invalid id, 403, 404
 * - status and objectives are objects with `id` and `name`, and may be null; times are ISO-8601; ids are digits
 *
 * Not published, and so our own: how much is answered without `fields`; rate limits (429 with Retry-After as in RFC
 * 9110 and RFC 6585); and webhooks, of which there are none. `deliver` plays the automation that tells us of changes:
 * it signs by the Standard Webhooks specification (standardwebhooks.com), and its `data` is the initiative as the API
 * has it.
 */
export interface CraftServer {
  readonly url: string
  readonly apiKey: string
  /** By id. Put there, changed and taken away by tests. */
  readonly initiatives: Map<string, CraftItem>
  /** Everything asked of it, in order: method, path and query. */
  readonly requests: readonly string[]
  /** Answers the next requests by these instead, one each. */
  readonly answers: ((request: IncomingMessage, response: ServerResponse) => void)[]
  close(): Promise<void>
}

export interface CraftItem {
  readonly id: string
  /** Initiative without it. */
  readonly type?: string
  readonly portfolioId?: string
  readonly title: string
  readonly description?: string | null
  readonly status?: { readonly id?: string; readonly name?: string | null } | null
  readonly objectives?: readonly { readonly id?: string; readonly name?: string | null }[] | null
  readonly updateTime: string
}

const ACCOUNT = '2305843009213700001'
export const PORTFOLIOS = ['2305843009213710001', '2305843009213710002'] as const
const API_KEY = 'craft-key-of-the-tests'

export async function craftServer(): Promise<CraftServer> {
  const initiatives = new Map<string, CraftItem>()
  const requests: string[] = []
  const answers: CraftServer['answers'] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    const scripted = answers.shift()
    if (scripted) return scripted(request, response)
    const { status, body } = answer(request, initiatives)
    json(response, status, body)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  // Who does not close it does not wait for it.
  server.unref()
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    apiKey: API_KEY,
    initiatives,
    requests,
    answers,
    close: () => {
      server.closeAllConnections()
      return new Promise((closed) => server.close(() => closed()))
    },
  }
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
  response.end(JSON.stringify(body))
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

const refuse = (status: number, message: string): Answer => ({ status, body: { message } })
const found = (body: unknown): Answer => ({ status: 200, body })

function answer(request: IncomingMessage, initiatives: ReadonlyMap<string, CraftItem>): Answer {
  const { pathname, searchParams } = new URL(request.url!, 'http://craft')
  if (request.headers['x-api-key'] !== API_KEY) return refuse(401, 'No valid API key')
  if (request.method !== 'GET') return refuse(404, 'Not found')
  const [, what, id = '', rest = ''] = pathname.split('/')
  if (pathname === '/me/api-key') {
    const scopes = ['read:portfolios:craft']
    return found({ userId: '1', accountId: ACCOUNT, scopes, resourceScope: { portfolios: null }, mcpAccess: false })
  }
  if (what === 'portfolios' && rest === '') return portfoliosOf(id)
  if (what === 'portfolio' && rest === 'items') return page(id, searchParams, initiatives)
  if (what === 'portfolio_item' && rest === '') return single(id, searchParams, initiatives)
  return refuse(404, 'Not found')
}

function portfoliosOf(account: string): Answer {
  if (!/^\d+$/.test(account)) return refuse(400, 'Invalid account ID')
  if (account !== ACCOUNT) return refuse(401, 'No access to account')
  return found(PORTFOLIOS.map((id) => ({ id, name: null, workspaces: [], webUrl: `https://app.craft.io/${id}` })))
}

function single(id: string, query: URLSearchParams, initiatives: ReadonlyMap<string, CraftItem>): Answer {
  if (!/^\d+$/.test(id)) return refuse(400, 'Invalid item ID')
  const item = initiatives.get(id)
  return item ? found(narrowed(item, query.get('fields'))) : refuse(404, 'No item found')
}

function page(portfolio: string, query: URLSearchParams, initiatives: ReadonlyMap<string, CraftItem>): Answer {
  if (!/^\d+$/.test(portfolio)) return refuse(400, 'Invalid portfolio ID')
  if (!(PORTFOLIOS as readonly string[]).includes(portfolio)) return refuse(401, 'No access to portfolio')
  const [currentPage, perPage] = [Number(query.get('page') ?? 1), Number(query.get('limit') ?? 50)]
  const keyword = (query.get('keyword') ?? '').toLowerCase()
  const from = Date.parse(query.get('updated_from') ?? '') || 0
  const all = [...initiatives.values()].filter(
    (item) =>
      (item.portfolioId ?? PORTFOLIOS[0]) === portfolio &&
      (keyword.length < 2 || `${item.title} ${item.description ?? ''}`.toLowerCase().includes(keyword)) &&
      Date.parse(item.updateTime) > from,
  )
  const items = all.slice((currentPage - 1) * perPage, currentPage * perPage)
  const metadata = { currentPage, perPage, totalPages: Math.ceil(all.length / perPage), totalRecords: all.length }
  return found({ items: items.map((item) => narrowed(item, query.get('fields'))), metadata })
}

function narrowed(item: CraftItem, fields: string | null): object {
  const { portfolioId = PORTFOLIOS[0], type = 'Initiative', status = null, objectives = null } = item
  const webUrl = `https://app.craft.io/portfolio/${portfolioId}/${item.id}`
  const whole = { ...item, type, portfolioId, status, objectives, webUrl }
  if (fields === null || fields === 'all') return whole
  const named = new Set(fields.split(','))
  return Object.fromEntries(Object.entries(whole).filter(([name]) => named.has(name)))
}

export interface DeliverOptions {
  readonly secret: string
  /** Wall-clock milliseconds of whoever sends it. */
  readonly now: number
  readonly id?: string
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent in place of the one that was signed. */
  readonly body?: string
}

let deliveries = 0

/** What an automation beside Craft.io posts when an initiative has changed. */
export async function deliver(
  url: string,
  data: unknown,
  { secret, now, id = `msg_${(deliveries += 1)}`, type = 'initiative.updated', headers, body }: DeliverOptions,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const timestamp = Math.floor(now / 1_000)
  const signed = JSON.stringify({ type, timestamp: new Date(now).toISOString(), data })
  const answered = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signatureFor(secret, id, timestamp, signed),
      ...headers,
    },
    body: body ?? signed,
  })
  return { status: answered.status, body: await answered.json().catch(() => undefined) }
}
