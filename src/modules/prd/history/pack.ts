import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import git, { type PromiseFsClient, type TreeEntry } from 'isomorphic-git'

/** Where isomorphic-git finds a repository. */
export interface Place {
  readonly fs: PromiseFsClient
  readonly gitdir: string
  readonly cache: object
}

/** A part of a history, with everything in it that is not in what goes before it. */
export interface Packed {
  /** The last commit of the part. */
  readonly to: string
  readonly commits: number
  /** A pack, version 2, whose bytes are in these buffers. */
  readonly bytes: readonly Buffer[]
}

const kinds = { commit: 1, tree: 2, blob: 3 } as const
const deflated = promisify<Buffer, Buffer>(deflate)

/**
 * The commits between two, in as many packs as it takes, the oldest first: so that neither the memory nor a server is
 * asked to take a whole history at once. Each commit has one parent, as `prepare` makes them.
 *
 * @param base not packed; undefined: from the beginning
 * @param maxBytes a pack ends with the commit that reaches it
 * @returns undefined when `base` is not among what goes before `head`
 */
export async function packsBetween(
  place: Place,
  { base, head, maxBytes }: { readonly base: string | undefined; readonly head: string; readonly maxBytes: number },
): Promise<AsyncGenerator<Packed> | undefined> {
  // The usual stranger is not there at all, and must not cost a walk through everything.
  if (base !== undefined && !(await has(place, base))) return undefined
  const commits: string[] = []
  for (let at: string | undefined = head; at !== base; ) {
    if (at === undefined) return undefined
    commits.push(at)
    const { commit }: { commit: { parent: readonly string[] } } = await git.readCommit({ ...place, oid: at })
    at = commit.parent[0]
  }
  return packs(place, base, commits.toReversed(), maxBytes)
}

async function* packs(
  place: Place,
  base: string | undefined,
  commits: readonly string[],
  maxBytes: number,
): AsyncGenerator<Packed> {
  const known = new Set(base === undefined ? [] : (await treeOf(place, base)).entries.map(({ oid }) => oid))
  let pack = new Pack()
  let count = 0
  for (const hash of commits) {
    const { tree, entries } = await treeOf(place, hash)
    for (const oid of [hash, tree, ...entries.map((entry) => entry.oid)]) {
      if (known.has(oid)) continue
      known.add(oid)
      const { type, object } = await git.readObject({ ...place, oid, format: 'content' })
      await pack.add(kinds[type as keyof typeof kinds], Buffer.from(object as Uint8Array))
    }
    count += 1
    if (pack.size < maxBytes && hash !== commits.at(-1)) continue
    yield { to: hash, commits: count, bytes: pack.end() }
    pack = new Pack()
    count = 0
  }
}

async function has(place: Place, hash: string): Promise<boolean> {
  try {
    await git.readCommit({ ...place, oid: hash })
    return true
  } catch (error) {
    if (error instanceof git.Errors.NotFoundError || error instanceof git.Errors.ObjectTypeError) return false
    throw error
  }
}

async function treeOf(place: Place, hash: string): Promise<{ tree: string; entries: readonly TreeEntry[] }> {
  const { commit } = await git.readCommit({ ...place, oid: hash })
  const { tree: entries } = await git.readTree({ ...place, oid: commit.tree })
  return { tree: commit.tree, entries }
}

/** Git documentation, "gitformat-pack". isomorphic-git's own is made in one piece, and hashed in JavaScript. */
class Pack {
  size = 0
  private readonly parts: Buffer[] = []
  private objects = 0

  async add(kind: number, content: Buffer): Promise<void> {
    const part = Buffer.concat([entryHeader(kind, content.length), await deflated(content)])
    this.parts.push(part)
    this.objects += 1
    this.size += part.length
  }

  end(): readonly Buffer[] {
    const header = Buffer.from('PACK\0\0\0\u0002\0\0\0\0', 'latin1')
    header.writeUInt32BE(this.objects, 8)
    const hash = createHash('sha1').update(header)
    for (const part of this.parts) hash.update(part)
    return [header, ...this.parts, hash.digest()]
  }
}

/** Three bits of kind and four of length, then seven of length a byte, each with a bit that says whether more come. */
function entryHeader(kind: number, length: number): Buffer {
  const bytes = [(kind << 4) | (length & 15)]
  for (let rest = Math.floor(length / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1]! |= 128
    bytes.push(rest & 127)
  }
  return Buffer.from(bytes)
}
