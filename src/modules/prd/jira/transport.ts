import type { Client, SendRequestOptions } from 'jira.js/core'
import { OutgoingError, type Outgoing, type OutgoingReason } from '../../../kernel/outgoing.ts'
import { JiraFault, type JiraReason } from './faults.ts'

/** What the transport is made of. */
export interface JiraAccess {
  /** Of the site, like https://acme.atlassian.net; a path before /rest is kept. */
  readonly url: string
  readonly email: string
  readonly apiToken: string
  readonly fetch: Outgoing['fetch']
}

/**
 * A client for jira.js that goes through our own way out: basic authentication with an API token, no retries (those are
 * the job's), every failure a JiraFault in our own words.
 */
export function jiraClient({ url, email, apiToken, fetch }: JiraAccess, signal?: AbortSignal): Client {
  const authorization = `Basic ${Buffer.from(`${email}:${apiToken}`).toString('base64')}`
  return {
    async sendRequest<T>({ url: path, method = 'GET', body, searchParams, schema }: SendRequestOptions<T>): Promise<T> {
      const target = new URL(url.replace(/\/+$/, '') + path)
      for (const [name, value] of Object.entries(searchParams ?? {})) {
        for (const each of Array.isArray(value) ? value : [value]) {
          if (each !== undefined && each !== null) target.searchParams.append(name, String(each))
        }
      }
      const response = await call(fetch, target, {
        method,
        headers: {
          accept: 'application/json',
          authorization,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(signal && { signal }),
      })
      const text = response.ok ? await read(response) : ''
      if (!response.ok) {
        await response.body?.cancel()
        throw faultOf(response)
      }
      if (response.status === 204 || text === '') return undefined as T
      const data = parse(text)
      const parsed = schema?.safeParse(data)
      // A field that has changed its shape is no reason to stop: who reads it looks at what it needs.
      return parsed?.success ? parsed.data : (data as T)
    },
  }
}

async function call(fetch: Outgoing['fetch'], url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    throw unreachable(error)
  }
}

async function read(response: Response): Promise<string> {
  try {
    return await response.text()
  } catch (error) {
    throw unreachable(error)
  }
}

function unreachable(error: unknown): unknown {
  if (!(error instanceof OutgoingError)) return error
  return new JiraFault(reasons[error.reason], `Jira: ${error.message}`, error.retryAfterMs)
}

const reasons: Readonly<Record<OutgoingReason, JiraReason>> = {
  refused: 'refused',
  redirect: 'refused',
  // Nothing was sent.
  open: 'limited',
  unreachable: 'unavailable',
  timeout: 'unavailable',
  too_large: 'large',
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new JiraFault('unavailable', 'Jira answered with something that is not JSON; check its address')
  }
}

function faultOf({ status, headers }: Response): JiraFault {
  switch (status) {
    case 401:
      return new JiraFault('unauthorized', 'Jira does not take the e-mail address and API token (401)')
    case 403:
      return new JiraFault('forbidden', 'Jira does not allow this to the account of the API token (403)')
    case 404:
    case 410:
      return new JiraFault('missing', `Jira has no such thing, or does not show it to this account (${status})`)
    case 429:
      return new JiraFault('limited', 'Jira has had too many calls and asks to wait (429)', retryAfter(headers))
    default:
      if (status >= 500) return new JiraFault('unavailable', `Jira has failed (${status})`, retryAfter(headers))
      return new JiraFault('refused', `Jira does not take what it was sent (${status})`)
  }
}

/** Of "Rate limiting": seconds to wait; transient failures may say it, too. */
function retryAfter(headers: Headers): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined
}
