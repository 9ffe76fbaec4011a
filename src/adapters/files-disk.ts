import { access, mkdir, open, rename, rm, unlink, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileTooLarge, type FileStore, type OpenFile } from '../kernel/files.ts'

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/

/**
 * Adapter: files in a folder, `ab/abcdef01-….` each, spread by the first two characters so that no folder grows large.
 * A file is written under `incoming/` and takes its place whole.
 *
 * @param folder made when it is not there, for this user only; what is in `incoming/` is from a crash and is removed
 */
export async function openDiskFiles(folder: string): Promise<FileStore> {
  const incoming = join(folder, 'incoming')
  await rm(incoming, { recursive: true, force: true })
  await mkdir(incoming, { recursive: true, mode: 0o700 })
  await sync(dirname(folder))
  const fans = new Map<string, Promise<void>>()
  /** Whoever comes second waits as well: its file is only as durable as the folder. */
  const fanReady = (fan: string): Promise<void> => {
    const ready = fans.get(fan) ?? makeFan(fan)
    fans.set(fan, ready)
    ready.catch(() => fans.delete(fan))
    return ready
  }
  const pathOf = (id: string): string => {
    if (!UUID.test(id)) throw new Error('The id of a file is a UUID made by the server')
    return join(folder, id.slice(0, 2), id)
  }
  return {
    async put(id, source, maxBytes) {
      const path = pathOf(id)
      if (await exists(path)) throw new Error(`File ${id} was put before`)
      const part = join(incoming, id)
      const handle = await open(part, 'wx', 0o600)
      let placed = false
      try {
        const size = await write(handle, source, maxBytes)
        await fanReady(dirname(path))
        await rename(part, path)
        placed = true
        await sync(dirname(path))
        return { size }
      } catch (error) {
        // A failing disk may refuse this as well: the cause is what counts, and the next start cleans up.
        await rm(placed ? path : part, { force: true }).catch(() => undefined)
        throw error
      }
    },
    async open(id) {
      const handle = await whenThere(open(pathOf(id), 'r'))
      return handle && reading(handle)
    },
    async remove(id) {
      const path = pathOf(id)
      await whenThere(unlink(path))
      // Also when it was gone: an earlier call may have failed just here.
      await whenThere(sync(dirname(path)))
    },
  }
}

async function makeFan(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  await sync(dirname(path))
}

/** Writes, makes durable and closes. @returns bytes */
async function write(handle: FileHandle, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<number> {
  let size = 0
  try {
    for await (const chunk of source) {
      size += chunk.byteLength
      if (size > maxBytes) throw fileTooLarge(maxBytes)
      await handle.writeFile(chunk)
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
  return size
}

async function reading(handle: FileHandle): Promise<OpenFile> {
  try {
    const { size } = await handle.stat()
    return { size, stream: handle.createReadStream() }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** A name is durable when its folder is. */
async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function exists(path: string): Promise<boolean> {
  return (await whenThere(access(path).then(() => true))) ?? false
}

async function whenThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
