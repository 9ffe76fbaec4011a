import { randomUUID } from 'node:crypto'
import * as promises from 'node:fs/promises'
import { join } from 'node:path'
import type { PromiseFsClient } from 'isomorphic-git'

/** How git names what it is still writing below `objects/`: its fsck passes over them and its gc removes them. */
const UNFINISHED = 'tmp_obj_'

/**
 * The file system isomorphic-git gets: its own `writeFile` leaves half an object under the object's name when the
 * process or the power goes. Here a file takes its name when its bytes are on the disk; the name is as durable as
 * `syncFolder` of its folder makes it.
 *
 * @param objects the folder `objects` of the repository, on the same file system as everything that is written
 */
export function atomicFs(objects: string): PromiseFsClient {
  return { promises: { ...promises, writeFile: (path: string, data: string | Uint8Array) => writeFile(path, data) } }

  async function writeFile(path: string, data: string | Uint8Array): Promise<void> {
    const part = join(objects, UNFINISHED + randomUUID())
    try {
      await promises.writeFile(part, data, { flag: 'wx', mode: 0o600, flush: true })
      await promises.rename(part, path)
    } catch (error) {
      // A failing disk may refuse this as well: the cause is what counts, `removeUnfinished` comes later.
      await promises.rm(part, { force: true }).catch(() => undefined)
      throw error
    }
  }
}

/** What a crash left half written. Nobody may be writing at that time. */
export async function removeUnfinished(objects: string): Promise<void> {
  const names = await promises.readdir(objects)
  await Promise.all(
    names
      .filter((name) => name.startsWith(UNFINISHED))
      .map((name) => promises.rm(join(objects, name), { force: true })),
  )
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await promises.open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** @returns undefined when there is no such file or folder */
export async function whenThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
