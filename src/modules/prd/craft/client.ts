import Type, { type Static, type TSchema } from 'typebox'
import { OutsideFault, type Outgoing } from '../../../kernel/outgoing.ts'
import { compile } from '../../../kernel/schema.ts'
import type { SecretsOf, SettingsOf } from '../integrations/kinds.ts'
import type { Initiative } from './initiative.ts'

/**
 * Craft.io's public REST API, as far as it is needed here: who the key is, portfolios, and the initiatives in them.
 * What is published of it, and where, is said in testing/outside/craft.ts.
 */

/** An organisation's Craft.io: `Opened<'craft'>` of integrations/access.ts. */
export interface CraftAccess {
  readonly settings: Pick<SettingsOf<'craft'>, 'url'>
  readonly secrets: Pick<SecretsOf<'craft'>, 'apiToken'>
  readonly fetch: Outgoing['fetch']
}

/**
 * - unauthorized: the key is not known there (401)
 * - forbidden: the key may not read this (403)
 * - not_found: no such thing there (404, or 400 for an id of another form)
 * - rate_limited: too many calls (429)
 * - unavailable: it failed (5xx, or any other status)
 * - malformed: its answer is not what is published
 */
export type CraftReason = 'unauthorized' | 'forbidden' | 'not_found' | 'rate_limited' | 'unavailable' | 'malformed'

/** Why Craft.io brought nothing. */
export class CraftFault extends OutsideFault {
  readonly reason: CraftReason
  readonly status: number

  constructor(reason: CraftReason, status: number, retryAfterMs?: number) {
    const message = reason === 'unavailable' ? `Craft.io failed with status ${status}; try again later` : messages[reason]
    super(message, retryAfterMs)
    this.reason = reason
    this.status = status
  }

  get isPassing(): boolean {
    return this.reason === 'rate_limited' || this.reason === 'unavailable'
  }
}

const messages: Readonly<Record<Exclude<CraftReason, 'unavailable'>, string>> = {
  unauthorized: 'Craft.io does not know the API key; enter it again',
  forbidden: 'The API key may not read this in Craft.io; give it the scope read:portfolios:craft',
  not_found: 'Craft.io has no such initiative',
  rate_limited: 'Craft.io is called too often; try again later',
  malformed: 'The answer is not one of the Craft.io API; enter its address, like https://api.craft.io',
}

/** What an id of theirs looks like: it goes into a path. */
const CRAFT_ID = /^[A-Za-z0-9_-]{1,100}$/
const FIELDS = 'id,type,title,status,objectives,updateTime'
const PER_PAGE = 100
/** Portfolios beyond these are not looked through. */
const PORTFOLIOS = 50
/** Of one portfolio: a server that never comes to an end is not followed there. */
const PAGES = 100
const MOST_OBJECTIVES = 50
const TITLE_LENGTH = 200
const OBJECTIVE_LENGTH = 500
const STATUS_LENGTH = 50

const Maybe = <S extends TSchema>(schema: S) => Type.Optional(Type.Union([schema, Type.Null()]))
const Entity = Type.Object({ name: Maybe(Type.String()) })

/** An initiative as the API writes it, and as our webhook takes it. */
export const CraftInitiative = Type.Object({
  id: Type.String({ pattern: CRAFT_ID.source }),
  title: Type.String(),
  status: Maybe(Entity),
  objectives: Maybe(Type.Array(Entity)),
  updateTime: Type.String({ maxLength: 40 }),
})
const Listed = Type.Object({
  items: Type.Array(Type.Object({ ...CraftInitiative.properties, type: Maybe(Type.String()) })),
  metadata: Type.Object({ totalPages: Type.Number() }),
})
const readKey = compile(Type.Object({ accountId: Type.String({ pattern: CRAFT_ID.source }) }))
const readPortfolios = compile(
  Type.Array(Type.Object({ id: Type.String({ pattern: CRAFT_ID.source }), name: Maybe(Type.String()) })),
)
const readInitiative = compile(CraftInitiative)
const readListed = compile(Listed)

export class CraftClient {
  private readonly access: CraftAccess
  private readonly signal: AbortSignal | undefined

  constructor(access: CraftAccess, signal?: AbortSignal) {
    this.access = access
    this.signal = signal
  }

  /** Ids of the portfolios that the key may read, at most 50. @throws CraftFault, OutgoingError */
  async portfolios(): Promise<readonly string[]> {
    const { accountId } = await this.get('/me/api-key', readKey)
    const portfolios = await this.get(`/portfolios/${accountId}`, readPortfolios)
    return portfolios.slice(0, PORTFOLIOS).map(({ id }) => id)
  }

  /** @throws CraftFault not_found where there is none, or the id is none of theirs; OutgoingError */
  async initiative(id: string): Promise<Initiative> {
    if (!CRAFT_ID.test(id)) throw new CraftFault('not_found', 404)
    return toInitiative(await this.get(`/portfolio_item/${id}?fields=${FIELDS}`, readInitiative))
  }

  /**
   * Initiatives of all portfolios that the key may read, each once, page by page as they are asked for. Objectives and
   * key results, which the same lists hold, are passed over.
   * @param most of them altogether
   * @throws CraftFault, OutgoingError
   */
  async *initiatives(most: number): AsyncGenerator<Initiative> {
    const seen = new Set<string>()
    let given = 0
    for (const portfolio of await this.portfolios()) {
      for (let page = 1; page <= PAGES; page += 1) {
        const query = `fields=${FIELDS}&page=${page}&limit=${PER_PAGE}`
        const { items, metadata } = await this.get(`/portfolio/${portfolio}/items?${query}`, readListed)
        const fresh = items.filter(({ id }) => !seen.has(id))
        for (const item of fresh) {
          if (seen.has(item.id)) continue
          seen.add(item.id)
          if (/objective|key.?result/i.test(item.type ?? '')) continue
          if (given >= most) return
          given += 1
          yield toInitiative(item)
        }
        if (fresh.length === 0 || page >= metadata.totalPages) break
      }
    }
  }

  private async get<T>(path: string, read: (input: unknown) => T): Promise<T> {
    const { settings, secrets, fetch } = this.access
    const answer = await fetch(settings.url.replace(/\/+$/, '') + path, {
      headers: { accept: 'application/json', 'x-api-key': secrets.apiToken },
      ...(this.signal && { signal: this.signal }),
    })
    if (!answer.ok) {
      await answer.body?.cancel()
      throw refusal(answer)
    }
    const text = await answer.text()
    try {
      return read(JSON.parse(text))
    } catch {
      throw new CraftFault('malformed', answer.status)
    }
  }
}

function refusal({ status, headers }: Response): CraftFault {
  if (status === 401) return new CraftFault('unauthorized', status)
  if (status === 403) return new CraftFault('forbidden', status)
  if (status === 404 || status === 400) return new CraftFault('not_found', status)
  const seconds = headers.get('retry-after') ?? ''
  const retryAfterMs = /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1_000 : undefined
  return new CraftFault(status === 429 ? 'rate_limited' : 'unavailable', status, retryAfterMs)
}

/** @throws CraftFault malformed for a time that is none */
export function toInitiative(item: Static<typeof CraftInitiative>): Initiative {
  const { id, title, status, objectives, updateTime } = item
  const updatedAt = Date.parse(updateTime)
  if (!Number.isSafeInteger(updatedAt) || updatedAt < 0) throw new CraftFault('malformed', 200)
  const named = (objectives ?? []).map(({ name }) => line(name ?? '', OBJECTIVE_LENGTH)).filter((name) => name !== '')
  return {
    id,
    title: line(title, TITLE_LENGTH) || id,
    status: statusOf(status?.name ?? ''),
    objectives: [...new Set(named)].slice(0, MOST_OBJECTIVES),
    updatedAt,
  }
}

/** 'In Progress' → `in_progress`, as the document writes it. */
function statusOf(name: string): string {
  const words = name.normalize('NFKC').toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? ['none']
  return words.join('_').slice(0, STATUS_LENGTH).toWellFormed()
}

/** One line of whole characters that both databases take. */
function line(text: string, most: number): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .trim()
    .slice(0, most)
    .toWellFormed()
}
