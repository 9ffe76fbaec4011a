import { access, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import git, { type PromiseFsClient, type ReadCommitResult, type TreeEntry } from 'isomorphic-git'
import { atomicFs, removeUnfinished, syncFolder, whenThere } from './atomic-fs.ts'
import { checkedFile, identity, messageOf, type NewCommit } from './commit.ts'
import type { Place } from './pack.ts'

const BRANCH = 'refs/heads/main'
const CONFIG = '[core]\n\trepositoryformatversion = 0\n\tfilemode = false\n\tbare = true\n'

/** One bare repository, made of plumbing only: no work tree, no index, no hooks. One call at a time. */
export class Repository {
  private readonly gitdir: string
  private readonly fs: PromiseFsClient
  private made = false

  constructor(gitdir: string) {
    this.gitdir = gitdir
    this.fs = atomicFs(join(gitdir, 'objects'))
  }

  /** @returns the hash of a commit that survives a power cut and that nothing points at yet */
  async prepare({ parent, file, message, author, at }: NewCommit): Promise<string> {
    const name = checkedFile(file.name)
    const who = identity(author, at)
    await this.make()
    const here = this.here()
    const before = parent === null ? [] : await this.entries(await this.commit(parent))
    const blob = await git.writeBlob({ ...here, blob: Buffer.from(file.content) })
    const entry: TreeEntry = { mode: '100644', path: name, oid: blob, type: 'blob' }
    const tree = await git.writeTree({ ...here, tree: [...before.filter(({ path }) => path !== name), entry] })
    const hash = await git.writeCommit({
      ...here,
      commit: {
        tree,
        parent: parent === null ? [] : [parent],
        author: who,
        committer: who,
        message: messageOf(message, `Update ${name}`),
      },
    })
    await this.syncObjects([blob, tree, hash])
    return hash
  }

  /** Moves the branch forward to `hash`; back or aside never. */
  async publish(hash: string): Promise<void> {
    await this.commit(hash)
    const head = await this.head()
    if (head === hash) return
    const order = head === undefined ? 'after' : await this.order(hash, head)
    if (order === 'aside') throw new Error(`Commit ${hash} does not follow the head of the branch: heal the repository`)
    if (order === 'after') await this.writeHead(hash)
  }

  async heal(hash: string | null): Promise<boolean> {
    if (hash === null) {
      if (!(await this.isMade()) || (await this.head()) === undefined) return false
      await git.deleteRef({ ...this.here(), ref: BRANCH })
      return true
    }
    await this.make()
    if ((await this.head()) === hash) return false
    await this.commit(hash)
    await this.writeHead(hash)
    return true
  }

  async read(hash: string, name: string): Promise<string | undefined> {
    const here = this.here()
    try {
      const { commit } = await git.readCommit({ ...here, oid: hash })
      const { tree } = await git.readTree({ ...here, oid: commit.tree })
      const entry = tree.find(({ path }) => path === name)
      if (!entry) return undefined
      const { blob } = await git.readBlob({ ...here, oid: entry.oid })
      return Buffer.from(blob).toString()
    } catch (error) {
      if (isNotFound(error, hash)) return undefined
      throw error
    }
  }

  /** For reading only. */
  place(): Place {
    return this.here()
  }

  /** A cache for the packs somebody's `git gc` may have made, for the length of one call. */
  private here(): { fs: PromiseFsClient; gitdir: string; cache: object } {
    return { fs: this.fs, gitdir: this.gitdir, cache: {} }
  }

  private async make(): Promise<void> {
    if (this.made) return
    const { gitdir, fs } = this
    if (await this.isMade()) {
      await removeUnfinished(join(gitdir, 'objects'))
    } else {
      await mkdir(join(gitdir, 'refs', 'heads'), { recursive: true, mode: 0o700 })
      await mkdir(join(gitdir, 'objects'), { recursive: true, mode: 0o700 })
      await fs.promises.writeFile(join(gitdir, 'config'), CONFIG)
      for (const folder of [join(gitdir, 'refs'), dirname(gitdir), dirname(dirname(gitdir))]) await syncFolder(folder)
      // Last, since it is what a made repository is known by.
      await fs.promises.writeFile(join(gitdir, 'HEAD'), `ref: ${BRANCH}\n`)
      await syncFolder(gitdir)
    }
    this.made = true
  }

  private async isMade(): Promise<boolean> {
    return (await whenThere(access(join(this.gitdir, 'HEAD')).then(() => true))) ?? false
  }

  /** @throws Error when the repository does not hold it, or not whole */
  private async commit(hash: string): Promise<ReadCommitResult> {
    try {
      return await git.readCommit({ ...this.here(), oid: hash })
    } catch (error) {
      if (!isNotFound(error, hash)) throw error
      throw new Error(`The repository has no commit ${hash}: restore it from the backup the database comes from`, {
        cause: error,
      })
    }
  }

  private async entries({ commit }: ReadCommitResult): Promise<TreeEntry[]> {
    const { tree } = await git.readTree({ ...this.here(), oid: commit.tree })
    return tree
  }

  /** A head that was damaged is none: the database knows better. */
  private async head(): Promise<string | undefined> {
    try {
      return await git.resolveRef({ ...this.here(), ref: BRANCH })
    } catch (error) {
      if (error instanceof git.Errors.NotFoundError) return undefined
      throw error
    }
  }

  private writeHead(hash: string): Promise<void> {
    return git.writeRef({ ...this.here(), ref: BRANCH, value: hash, force: true })
  }

  /** Walks both ways at once, so that it takes as many steps as the commits are apart. */
  private async order(hash: string, head: string): Promise<'after' | 'before' | 'aside'> {
    let [older, newer]: [string | undefined, string | undefined] = [hash, head]
    while (older !== undefined || newer !== undefined) {
      older = await this.parentOf(older)
      if (older === head) return 'after'
      newer = await this.parentOf(newer)
      if (newer === hash) return 'before'
    }
    return 'aside'
  }

  private async parentOf(hash: string | undefined): Promise<string | undefined> {
    return hash === undefined ? undefined : (await this.commit(hash)).commit.parent[0]
  }

  /**
   * Objects that were there already as well: whoever wrote them may have been killed between the name and this, and a
   * power cut could still take them.
   */
  private async syncObjects(hashes: readonly string[]): Promise<void> {
    const objects = join(this.gitdir, 'objects')
    const fans = new Set(hashes.map((hash) => join(objects, hash.slice(0, 2))))
    await Promise.all([objects, ...fans].map((folder) => whenThere(syncFolder(folder))))
  }
}

const isNotFound = (error: unknown, hash: string): boolean =>
  error instanceof git.Errors.NotFoundError && error.data.what === hash
