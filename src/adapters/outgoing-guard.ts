import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { callbackify } from 'node:util'
import ipaddr from 'ipaddr.js'
import { invalid } from '../kernel/errors.ts'
import { OutgoingError } from '../kernel/outgoing.ts'

/** All addresses of a name. */
export type Resolve = (name: string) => Promise<readonly string[]>

export interface GuardOptions {
  /** Names that may be called: exact, `*.example.com` (not example.com itself), or `*`. */
  readonly hosts: readonly string[]
  /**
   * What may be private and plain http: `host`, `host:port` or a CIDR, on any port where none is named, IPv6 literals
   * in brackets where one follows. Hosts need no entry in `hosts`; names that resolve into a CIDR do.
   */
  readonly privateHosts: readonly string[]
  /** Ports that may be called. */
  readonly ports: readonly number[]
  /** Default: as the operating system does it. */
  readonly resolve?: Resolve
}

type Address = ipaddr.IPv4 | ipaddr.IPv6

interface PrivateHost {
  readonly host: string
  /** Undefined: any. */
  readonly port: number | undefined
}

const systemResolve: Resolve = async (name) => (await lookup(name, { all: true })).map(({ address }) => address)

const ENTRY = /^(\[[^\]]+\]|[^:[\]]+|[^[\]]*:[^[\]]*:[^[\]]*)(?::(\d{1,5}))?$/
const blanks = /[\p{Cc}\p{Z}]/u

/** Decides what may be called: by the address as it is written, and again by what its name resolves to. */
export class Guard {
  private readonly hosts: readonly string[]
  private readonly named: readonly PrivateHost[]
  private readonly networks: readonly [Address, number][]
  private readonly ports: ReadonlySet<number>
  private readonly resolve: Resolve

  /** @throws Error naming an entry that cannot be read */
  constructor({ hosts, privateHosts, ports, resolve = systemResolve }: GuardOptions) {
    this.hosts = hosts.map(readPattern)
    const isNetwork = (entry: string): boolean => entry.includes('/')
    this.named = privateHosts.filter((entry) => !isNetwork(entry)).map(readEntry)
    this.networks = privateHosts.filter(isNetwork).map(readNetwork)
    this.ports = new Set(ports)
    this.resolve = resolve
  }

  /**
   * What the text says, with the host in its normal form and without a trailing dot.
   * @param trusted see CallLimits
   * @throws OutgoingError refused: what is wrong with it
   */
  read(url: string | URL, trusted = false): URL {
    if (blanks.test(String(url))) throw refused('must have no spaces or control characters')
    if (!URL.canParse(url)) throw refused('must be a web address, like https://example.com')
    const read = new URL(url)
    if (read.protocol !== 'http:' && read.protocol !== 'https:') throw refused('must begin with https://, or http:// where the operator allows it')
    if (read.username !== '' || read.password !== '') throw refused('must have no user name or password in it')
    read.hostname = withoutDot(read.hostname)
    if (!trusted) this.checkTarget(read)
    return read
  }

  /** @throws CommandError invalid; see Outgoing.check */
  check(url: string, field: string): URL {
    try {
      return this.read(url)
    } catch (error) {
      if (error instanceof OutgoingError) throw invalid({ [field]: error.message.slice(SUBJECT.length) })
      throw error
    }
  }

  /**
   * Stands in for the resolver where a connection is made: what is connected to is what was checked, and nothing its
   * owner names in between. Its errors are OutgoingErrors: refused, when any address is not public and was not allowed;
   * unreachable without any.
   * @param url as `read` gives it
   */
  lookup(url: URL, trusted = false): LookupFunction {
    const find = callbackify(() => this.addressesOf(url, trusted))
    return (_name, { all }, callback) =>
      find((error, addresses) => {
        if (error) return callback(error, '')
        const found = addresses.map((address) => ({ address, family: isIP(address) }))
        return all ? callback(null, found) : callback(null, found[0]!.address, found[0]!.family)
      })
  }

  private async addressesOf(url: URL, trusted: boolean): Promise<readonly string[]> {
    const addresses = await this.resolve(url.hostname).catch(() => [])
    if (addresses.length === 0) throw new OutgoingError('unreachable', 'The name of the other server does not exist')
    if (trusted || this.isNamed(url)) return addresses
    if (!addresses.every((address) => this.mayCall(address))) {
      throw refused(PRIVATE)
    }
    const wrong = this.unlikePublic(url)
    if (wrong !== undefined && !addresses.every((address) => this.isInNetwork(address))) throw refused(wrong)
    return addresses
  }

  private checkTarget(url: URL): void {
    if (this.isNamed(url)) return
    const host = bare(url.hostname)
    const isLiteral = ipaddr.isValid(host)
    if (isLiteral ? !this.mayCall(host) : /(^|\.)localhost$/.test(host)) throw refused(PRIVATE)
    if (!this.hosts.some((pattern) => matches(pattern, host))) {
      throw refused('must be of a host that the operator of this server allows')
    }
    const wrong = this.unlikePublic(url)
    const mayBeInNetwork = isLiteral ? this.isInNetwork(host) : this.networks.length > 0
    if (wrong !== undefined && !mayBeInNetwork) throw refused(wrong)
  }

  /** What is asked of those that the operator has not named. */
  private unlikePublic(url: URL): string | undefined {
    const port = portOf(url)
    if (!this.ports.has(port)) return `must have one of the ports ${[...this.ports].join(', ')}`
    return url.protocol === 'https:' ? undefined : 'must begin with https://: this host is public'
  }

  /** Whether the operator named it as one that may be private. */
  private isNamed(url: URL): boolean {
    const host = bare(url.hostname)
    return this.named.some((entry) => entry.host === host && (entry.port === undefined || entry.port === portOf(url)))
  }

  private mayCall(address: string): boolean {
    return isPublic(address) || this.isInNetwork(address)
  }

  private isInNetwork(text: string): boolean {
    if (!ipaddr.isValid(text)) return false
    const address = ipaddr.process(text)
    return this.networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits))
  }
}

/**
 * Whether everybody on the internet may have it. IPv4 in IPv6 is judged by what it says; NAT64, 6to4, Teredo and all
 * that is set aside for something are not.
 */
export function isPublic(text: string): boolean {
  if (!ipaddr.isValid(text) || text.includes('%')) return false
  // The library takes the deprecated `::1.2.3.4` for `::ffff:1.2.3.4`.
  if (/^::\d+\./.test(text)) return false
  const address = ipaddr.process(text)
  if (address.range() !== 'unicast') return false
  // Global unicast is 2000::/3; the rest of what has no name may get one.
  return address instanceof ipaddr.IPv4 || address.parts[0]! >> 13 === 1
}

const SUBJECT = 'The address '
const PRIVATE = 'must be, and lead to, a public one; the operator of this server can allow others'

/** @param fault that follows the name of what has it */
const refused = (fault: string): OutgoingError => new OutgoingError('refused', SUBJECT + fault)

const portOf = (url: URL): number => (url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port))

/** Without the brackets of an IPv6 literal. */
const bare = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1')

const withoutDot = (hostname: string): string => hostname.replace(/\.+$/, '')

const matches = (pattern: string, host: string): boolean =>
  pattern === '*' || pattern === host || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)))

function readPattern(pattern: string): string {
  if (pattern === '*') return pattern
  return pattern.startsWith('*.') ? `*.${normalHost(pattern.slice(2))}` : normalHost(pattern)
}

function readEntry(entry: string): PrivateHost {
  const [, host, port] = ENTRY.exec(entry) ?? []
  if (host === undefined) throw new Error(`"${entry}" is not a host, host:port or CIDR`)
  return { host: normalHost(host), port: port === undefined ? undefined : Number(port) }
}

function readNetwork(entry: string): [Address, number] {
  if (!ipaddr.isValidCIDR(entry)) throw new Error(`"${entry}" is not a host, host:port or CIDR`)
  return ipaddr.parseCIDR(entry)
}

/** As the parser of addresses writes it. */
function normalHost(host: string): string {
  const text = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  if (/[*/@?#]/.test(text) || !URL.canParse(`https://${text}/`)) throw new Error(`"${host}" is not the name of a host`)
  return bare(withoutDot(new URL(`https://${text}/`).hostname))
}
