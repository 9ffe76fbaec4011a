import { OutsideFault, type CallLimits, type Outgoing } from '../../../kernel/outgoing.ts'
import { refOf } from './branch.ts'
import { packsBetween, type Packed, type Place } from './pack.ts'
import { Malformed } from './pkt-line.ts'
import {
  commandOf,
  readAdvertisement,
  readReport,
  SERVICE,
  type Advertisement,
  type ReportReason,
} from './receive-pack.ts'

/** A repository of a Git server, over smart HTTP. */
export interface Remote {
  /** What `git clone` takes: http or https. */
  readonly url: string
  /** A name that `branchFault` finds nothing wrong with. */
  readonly branch: string
  readonly username: string
  /** Goes into the header `authorization` and nowhere else; undefined: no such header. */
  readonly token: string | undefined
  readonly fetch: Outgoing['fetch']
  /** Of one call. */
  readonly limits: CallLimits
}

/**
 * - address: it cannot be that of a repository
 * - unauthorized, forbidden: the user name and token are not taken, or may not write
 * - not_found: there is no repository, or it is hidden
 * - not_git: what answers does not speak the protocol, or is cut short
 * - too_large: it takes no request so long
 * - unavailable: it cannot just now
 */
export type RemoteReason =
  | ReportReason
  | 'address'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'not_git'
  | 'too_large'
  | 'unavailable'

/** What the Git server did not do. */
export class RemoteFault extends OutsideFault {
  readonly reason: RemoteReason

  constructor(reason: RemoteReason, message: string) {
    super(message)
    this.reason = reason
  }

  get isPassing(): boolean {
    return this.reason === 'changed' || this.reason === 'failed' || this.reason === 'unavailable'
  }
}

/** What was pushed. */
export interface Pushed {
  /** The commit the branch of the server is at. */
  readonly head: string
  /** Commits the server did not have: 0 when there was nothing to do. */
  readonly commits: number
}

/**
 * Moves the branch of the Git server forward to a commit of a repository, never anywhere else: the server moves it only
 * while it is where it was found, and only if all it holds is part of what goes before the commit. Writes nothing here.
 * What is long goes in several pushes, one after the other, each of which may stay.
 *
 * @param head a commit of the repository at `place`
 * @param maxBytes of a pack, after which another push goes on
 * @throws RemoteFault, OutgoingError
 */
export async function push(remote: Remote, place: Place, head: string, maxBytes: number): Promise<Pushed> {
  const ref = refOf(remote.branch)
  const { head: base, capabilities } = await advertised(remote, ref)
  if (base === head) return { head, commits: 0 }
  const packs = await packsBetween(place, { base, head, maxBytes })
  if (!packs) throw new RemoteFault('not_fast_forward', messages.not_fast_forward)
  let [from, commits] = [base, 0]
  for await (const pack of packs) {
    await send(remote, ref, { from, capabilities, pack })
    from = pack.to
    commits += pack.commits
  }
  return { head, commits }
}

/**
 * Asks the Git server what a push would meet: its address, the user name, the token.
 *
 * @returns the commit the branch is at; undefined when the server has no such branch yet
 * @throws RemoteFault, OutgoingError
 */
export async function findRemoteHead(remote: Remote): Promise<string | undefined> {
  return (await advertised(remote, refOf(remote.branch))).head
}

async function advertised(remote: Remote, ref: string): Promise<Advertisement> {
  const response = await call(remote, `/info/refs?service=${SERVICE}`, { headers: { 'cache-control': 'no-cache' } })
  return understand(response, 'advertisement', (bytes) => readAdvertisement(bytes, ref))
}

async function send(
  remote: Remote,
  ref: string,
  { from, capabilities, pack }: Omit<Advertisement, 'head'> & { readonly from: string | undefined; pack: Packed },
): Promise<void> {
  const response = await call(remote, `/${SERVICE}`, {
    method: 'POST',
    headers: { 'content-type': `application/x-${SERVICE}-request`, 'accept': `application/x-${SERVICE}-result` },
    body: Buffer.concat([...commandOf(ref, { from, to: pack.to, capabilities }), ...pack.bytes]),
  })
  const isMultiplexed = capabilities.has('side-band-64k')
  const report = await understand(response, 'result', (bytes) => readReport(bytes, ref, isMultiplexed))
  if (!report.ok) throw new RemoteFault(report.reason, messages[report.reason])
}

async function call(
  { url, username, token, fetch, limits }: Remote,
  path: string,
  init: RequestInit,
): Promise<Response> {
  const credentials = Buffer.from(`${username}:${token}`).toString('base64')
  const headers = {
    // Some hosts answer Git and browsers differently at the same address.
    'user-agent': 'git/switchboard',
    ...(init.headers as Record<string, string>),
    ...(token !== undefined && { authorization: `Basic ${credentials}` }),
  }
  const response = await fetch(`${baseOf(url)}${path}`, { ...init, headers }, limits)
  if (response.status === 200) return response
  await response.body?.cancel()
  throw faultOf(response.status)
}

/** @throws RemoteFault when what answers does not speak git's protocol */
async function understand<T>(
  response: Response,
  kind: 'advertisement' | 'result',
  read: (bytes: Buffer) => T,
): Promise<T> {
  const type = response.headers.get('content-type')?.split(';', 1)[0]
  if (type?.trim().toLowerCase() !== `application/x-${SERVICE}-${kind}`) {
    await response.body?.cancel()
    throw new RemoteFault('not_git', messages.not_git)
  }
  const bytes = Buffer.from(await response.arrayBuffer())
  try {
    return read(bytes)
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    throw new RemoteFault('not_git', messages.not_git)
  }
}

/** What is wrong with the address of a repository, and would be right; undefined: nothing. */
export function addressFault(address: string): string | undefined {
  const { protocol, username, password, search, hash } = URL.parse(address) ?? {}
  if (protocol !== 'http:' && protocol !== 'https:') return 'must be an http or https address'
  if (username || password) return 'must not have a user name or a token in it: they have fields of their own'
  return search || hash ? 'must not have a question mark or a number sign' : undefined
}

/** The address without what a path cannot be put behind. */
function baseOf(address: string): string {
  const fault = addressFault(address)
  if (fault !== undefined) throw new RemoteFault('address', `The address of the Git repository ${fault}`)
  const { origin, pathname } = new URL(address)
  return origin + pathname.replace(/\/+$/, '')
}

function faultOf(status: number): RemoteFault {
  // 203 is the page to sign in that one large host answers with.
  if (status === 401 || status === 203) return new RemoteFault('unauthorized', messages.unauthorized)
  if (status === 403) return new RemoteFault('forbidden', messages.forbidden)
  if (status === 404 || status === 410) return new RemoteFault('not_found', messages.not_found)
  if (status === 413) return new RemoteFault('too_large', messages.too_large)
  const words = `The Git server answered with status ${status}`
  return new RemoteFault(status >= 500 || status === 429 ? 'unavailable' : 'not_git', words)
}

const messages = {
  unauthorized: 'The Git server does not accept this user name and token',
  forbidden: 'The Git server does not let this token write to the repository',
  not_found: 'The Git server has no repository at this address, or the token may not see it',
  not_git: 'What answers there is no Git repository over smart HTTP; enter the address that git clone takes',
  too_large: 'The Git server does not take a push of this size; raise its limit for the body of a request',
  not_fast_forward:
    'The branch of the Git server has commits that were not made here; nothing was overwritten.' +
    ' Name a new branch or an empty repository.',
  declined: 'The Git server declined the push: the branch is protected, or a hook of the repository refuses it',
  changed: 'The branch of the Git server was moved at the same moment',
  failed: 'The Git server could not keep what was pushed',
} as const
