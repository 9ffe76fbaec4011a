import { flush, Malformed, pktLine, pktLines, textOf } from './pkt-line.ts'

/**
 * What `git-receive-pack` says and is told (git documentation, "gitprotocol-pack", "gitprotocol-http"), in protocol
 * version 0, which every server speaks. Whatever else an answer has is left out: no word of it goes further.
 */
export const SERVICE = 'git-receive-pack'

const NOTHING = '0'.repeat(40)
const REF = /^[\da-f]{40} /
const AGENT = 'agent=git/switchboard'

/** What a server says of itself before a push. */
export interface Advertisement {
  /** The commit a branch is at; undefined when there is no such branch. */
  readonly head: string | undefined
  readonly capabilities: ReadonlySet<string>
}

/**
 * @param ref the only one that is looked for
 * @throws Malformed when it is none, or of a protocol or repository that cannot be pushed to
 */
export function readAdvertisement(bytes: Buffer, ref: string): Advertisement {
  let capabilities: ReadonlySet<string> | undefined
  let head: string | undefined
  for (const line of pktLines(bytes)) {
    const text = textOf(line)
    if (capabilities === undefined && (text.startsWith('# ') || text === 'version 1')) continue
    const [name, offered] = text.split('\0', 2) as [string, string | undefined]
    if (capabilities === undefined) {
      if (offered === undefined || !REF.test(name)) throw new Malformed('The first line is no ref')
      capabilities = new Set(offered.split(' '))
    }
    if (name.slice(NOTHING.length) !== ` ${ref}`) continue
    head = name.slice(0, NOTHING.length)
    if (!REF.test(name)) throw new Malformed('A ref is not of 40 hexadecimal digits')
  }
  if (!capabilities?.has('report-status')) throw new Malformed('It does not say what becomes of a push')
  if ([...capabilities].some((one) => one.startsWith('object-format=') && one !== 'object-format=sha1')) {
    throw new Malformed('Its objects are not named by SHA-1')
  }
  return { head, capabilities }
}

/** The beginning of a push; the pack follows it. The server moves the ref only while it is at `from`. */
export function commandOf(
  ref: string,
  { from, to, capabilities }: { from: string | undefined; to: string; capabilities: ReadonlySet<string> },
): readonly Buffer[] {
  const asked = ['report-status', capabilities.has('side-band-64k') ? 'side-band-64k' : '']
  if ([...capabilities].some((one) => one.startsWith('agent='))) asked.push(AGENT)
  const line = `${from ?? NOTHING} ${to} ${ref}\0 ${asked.filter((one) => one !== '').join(' ')}\n`
  return [pktLine(line), flush]
}

/** What became of a push. */
export type Report = { readonly ok: true } | { readonly ok: false; readonly reason: ReportReason }
/**
 * - not_fast_forward: the server holds what we do not
 * - declined: a hook or a rule of the server
 * - changed: somebody else moved the branch at the same moment
 * - failed: anything else, such as a full disk
 */
export type ReportReason = 'not_fast_forward' | 'declined' | 'changed' | 'failed'

/** Words of git's own and of the large hosts. They are only looked at, never shown. */
const reasons: readonly (readonly [pattern: RegExp, reason: ReportReason])[] = [
  [/non-fast-forward|fetch first|stale info/i, 'not_fast_forward'],
  [/declined|protected|prohibited|denied|not allowed|permission/i, 'declined'],
  [/lock|failed to update ref|incorrect old value/i, 'changed'],
]

/**
 * @param isMultiplexed whether `side-band-64k` was agreed on
 * @throws Malformed when the answer does not say what became of it
 */
export function readReport(bytes: Buffer, ref: string, isMultiplexed: boolean): Report {
  let isUnpacked = false
  for (const line of pktLines(isMultiplexed ? statusOf(bytes) : bytes)) {
    const text = textOf(line)
    if (text.startsWith('unpack ')) isUnpacked = text === 'unpack ok'
    else if (text === `ok ${ref}` && isUnpacked) return { ok: true }
    else if (text.startsWith(`ng ${ref} `)) {
      const words = text.slice(`ng ${ref} `.length)
      return { ok: false, reason: reasons.find(([pattern]) => pattern.test(words))?.[1] ?? 'failed' }
    }
  }
  throw new Malformed('It does not say what became of the push')
}

/** What is told on channel 1; on channel 2 are words for people, on channel 3 the last words before it gives up. */
function statusOf(bytes: Buffer): Buffer {
  const status: Buffer[] = []
  for (const line of pktLines(bytes)) if (line[0] === 1) status.push(line.subarray(1))
  return Buffer.concat(status)
}
