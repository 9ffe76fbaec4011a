import type { Readable } from 'node:stream'
import { CommandError } from './errors.ts'

/** A stored file that is being read. Whoever opened it reads `stream` to its end or destroys it. */
export interface OpenFile {
  /** Bytes. */
  readonly size: number
  readonly stream: Readable
}

/**
 * Port: bytes too large for the database, under ids the server made (`newUuid`). Anything else for an id is a fault of
 * ours and throws a plain Error, so that no path is ever formed from a client's text. Promises, proved on every adapter
 * by `testing/files-contract.ts`:
 * F-1 when `put` resolves, the file survives `kill -9` and a power cut;
 * F-2 when it rejects, whatever the reason, nothing of the file is left; until it resolves nobody can open it;
 * F-3 `put` holds one chunk of the source in memory, whatever the size of the file, and ends the source when it fails;
 * F-4 a file never changes: who opened it reads it to its end, removed or not;
 * F-5 when `remove` resolves, the file is gone for good, also after a power cut;
 * F-6 what a crash left half written is removed when the store is opened: so one store, one process.
 *
 * A crash between `put` and the commit of the row that names the file leaves a file without a row, one between the
 * commit of a deletion and `remove` a file that should be gone. Both are jobs (rule K-8), since `remove` may be
 * repeated: schedule the removal in the transaction of the deletion; and before `put`, one that is cancelled in the
 * transaction of the row.
 */
export interface FileStore {
  /**
   * An id is put once.
   *
   * @param maxBytes the largest file that is taken
   * @returns bytes written
   * @throws CommandError too_large, saying the limit
   * @throws what the source threw, or the disk
   */
  put(id: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<{ readonly size: number }>
  open(id: string): Promise<OpenFile | undefined>
  /** Also of what is not there, or no longer. */
  remove(id: string): Promise<void>
}

/** The one refusal of what is too long, wherever it is noticed first. */
export const fileTooLarge = (maxBytes: number): CommandError =>
  new CommandError('too_large', `The file is over the limit of ${maxBytes} bytes`, {
    details: { file: `must be at most ${maxBytes} bytes` },
  })
