import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder, whenThere } from './atomic-fs.ts'
import { checkedHash, type NewCommit } from './commit.ts'
import { push, type Pushed, type Remote } from './remote.ts'
import { Repository } from './repository.ts'

interface Line {
  readonly repository: Repository
  last: Promise<unknown>
  waiting: number
}

/**
 * The versions of PRDs as git keeps them (prd.md §5.1, §8.2): one bare repository per organisation,
 * `<folder>/org_<id>.git`, with the branch `main` and one file per PRD (`fileOf`), which `git clone` reads at any time.
 *
 * The database is the truth: `prepare` before its transaction, `publish` after its commit, `heal` at the start. A crash
 * in between leaves objects nothing points at. One folder, one process.
 */
export class Repositories {
  private readonly folder: string
  /** The calls for an organisation that still run; gone when there are none. */
  private readonly lines = new Map<number, Line>()

  /** @param options.folder made when it is not there, in a folder that is there */
  constructor(options: { readonly folder: string }) {
    this.folder = options.folder
  }

  /**
   * Writes a commit and moves nothing. When it resolves, the commit survives `kill -9` and a power cut; the same again
   * gives the same hash.
   *
   * @returns 40 hexadecimal digits
   * @throws Error when `parent` is not in the repository, or the disk fails
   */
  async prepare(organizationId: number, commit: NewCommit): Promise<string> {
    if (commit.parent !== null) checkedHash(commit.parent)
    return this.inLine(organizationId, (repository) => repository.prepare(commit))
  }

  /**
   * Moves `main` forward to a prepared commit; a commit `main` has already passed is no error.
   *
   * @throws Error when the commit is not in the repository, or does not follow what `main` points at
   */
  async publish(organizationId: number, hash: string): Promise<void> {
    checkedHash(hash)
    return this.inLine(organizationId, (repository) => repository.publish(hash))
  }

  /**
   * Sets `main` to the last commit the database knows, forward or back.
   *
   * @param hash null when the database knows none
   * @returns whether `main` stood elsewhere
   * @throws Error when the repository does not hold the commit: its folder is not of the database's age
   */
  async heal(organizationId: number, hash: string | null): Promise<boolean> {
    if (hash !== null) checkedHash(hash)
    return this.inLine(organizationId, (repository) => repository.heal(hash))
  }

  /**
   * @param name from `fileOf`
   * @returns the text of the file in that commit; undefined when there is no such commit, or no such file in it
   * @throws Error when an object is damaged
   */
  async read(organizationId: number, hash: string, name: string): Promise<string | undefined> {
    return this.repository(organizationId).read(checkedHash(hash), name)
  }

  /**
   * Brings a commit, with all that goes before it, to a Git server (`push` of remote.ts). Commits may be prepared and
   * published meanwhile.
   *
   * @param maxBytes of a pack, after which another push goes on
   * @throws RemoteFault, OutgoingError; Error when the repository does not hold the commit
   */
  async push(organizationId: number, hash: string, remote: Remote, maxBytes: number): Promise<Pushed> {
    return push(remote, this.repository(organizationId).place(), checkedHash(hash), maxBytes)
  }

  /**
   * Takes the whole repository away, as one that was never there. When it resolves, that survives a power cut; it may be
   * repeated.
   *
   * @throws Error when the disk fails
   */
  remove(organizationId: number): Promise<void> {
    return this.inLine(organizationId, async () => {
      await rm(this.pathOf(organizationId), { recursive: true, force: true })
      await whenThere(syncFolder(this.folder))
    })
  }

  private repository(organizationId: number): Repository {
    return new Repository(this.pathOf(organizationId))
  }

  private pathOf(organizationId: number): string {
    const isId = Number.isSafeInteger(organizationId) && organizationId > 0
    if (!isId) throw new Error('An organisation is named by its id')
    return join(this.folder, `org_${organizationId}.git`)
  }

  /** In order of arrival, one at a time in each organisation. */
  private async inLine<T>(organizationId: number, work: (repository: Repository) => Promise<T>): Promise<T> {
    let line = this.lines.get(organizationId)
    if (!line) {
      line = { repository: this.repository(organizationId), last: Promise.resolve(), waiting: 0 }
      this.lines.set(organizationId, line)
    }
    const { repository } = line
    const result = line.last.then(() => work(repository))
    line.last = result.catch(() => undefined)
    line.waiting += 1
    try {
      return await result
    } finally {
      line.waiting -= 1
      if (line.waiting === 0) this.lines.delete(organizationId)
    }
  }
}
