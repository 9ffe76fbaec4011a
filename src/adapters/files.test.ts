import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { open, readdir, stat, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, mock, test } from 'node:test'
import { newUuid } from '../kernel/ids.ts'
import { bytes, filesContract } from '../testing/files-contract.ts'
import { openDiskFiles } from './files-disk.ts'

const temporary = mkdtempSync(join(tmpdir(), 'switchboard-files-'))
after(() => rmSync(temporary, { recursive: true, force: true }))

// The class is not exported; every handle has it.
const probe = await open(temporary, 'r')
const Handle = Object.getPrototypeOf(probe) as FileHandle
await probe.close()

const kept = async (folder: string): Promise<readonly string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

const methodOf = (name: 'sync' | 'writeFile') =>
  Handle[name] as (this: FileHandle, ...args: unknown[]) => Promise<void>

interface Fault {
  readonly mend: () => void
}

/** Every call of one method of file handles fails as a disk does. */
const failing = (method: 'sync' | 'writeFile', code: string, times = Infinity): (() => Fault) => {
  return () => {
    const real = methodOf(method)
    let calls = 0
    const fault = mock.method(Handle, method, async function (this: FileHandle, ...args: unknown[]) {
      calls += 1
      // A disk that is full has taken something before.
      if (method === 'writeFile') await real.call(this, 'something')
      if (calls > times) return real.call(this, ...args)
      throw Object.assign(new Error(`${code}: the disk failed`), { code })
    })
    return { mend: () => fault.mock.restore() }
  }
}

/** The file's own fsync succeeds, the one that makes its name durable does not. */
const failingFolderSync = (): Fault => {
  const real = methodOf('sync')
  const fault = mock.method(Handle, 'sync', async function (this: FileHandle) {
    if ((await this.stat()).isDirectory()) throw Object.assign(new Error('EIO: the disk failed'), { code: 'EIO' })
    return real.call(this)
  })
  return { mend: () => fault.mock.restore() }
}

filesContract('disk', async () => {
  const folder = join(temporary, 'contract')
  return {
    files: await openDiskFiles(folder),
    reopen: () => openDiskFiles(folder),
    kept: () => kept(folder),
    crashWhilePutting: (id) => crashWhilePutting(folder, id),
    faults: {
      'the disk is full': failing('writeFile', 'ENOSPC'),
      'fsync of the file fails': failing('sync', 'EIO', 1),
      'fsync of the folder fails': failingFolderSync,
    },
    close: async () => undefined,
  }
})

/** In a process of its own, killed when some of the file is on the disk. */
async function crashWhilePutting(folder: string, id: string): Promise<void> {
  const code = `
    import { openDiskFiles } from ${JSON.stringify(join(import.meta.dirname, 'files-disk.ts'))}
    const files = await openDiskFiles(${JSON.stringify(folder)})
    async function* source() {
      yield new Uint8Array(100_000)
      console.log('written')
      setInterval(() => {}, 1_000)
      await new Promise(() => {})
    }
    await files.put(${JSON.stringify(id)}, source(), 1_000_000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.once('data', () => child.kill('SIGKILL'))
  const signal = await new Promise((resolve) => child.once('exit', (_, by) => resolve(by)))
  assert.equal(signal, 'SIGKILL')
}

test('F-1 disk: the bytes are durable before the file has its name, and the name before put resolves', async () => {
  const folder = join(temporary, 'order')
  const files = await openDiskFiles(folder)
  const id = newUuid()
  const path = join(folder, id.slice(0, 2), id)
  const seen: object[] = []
  const real = methodOf('sync')
  const spy = mock.method(Handle, 'sync', async function (this: FileHandle) {
    await real.call(this)
    const stat = await this.stat()
    seen.push({ named: existsSync(path), ...(stat.isDirectory() ? { folder: stat.ino } : { bytes: stat.size }) })
  })
  await files.put(id, bytes(70_000), 100_000)
  spy.mock.restore()
  assert.deepEqual(seen, [
    { named: false, bytes: 70_000 },
    { named: false, folder: statSync(folder).ino },
    { named: true, folder: statSync(join(folder, id.slice(0, 2))).ino },
  ])
})

test('F-5 disk: a removal is durable before remove resolves; if that failed, the next makes it good', async () => {
  const files = await openDiskFiles(join(temporary, 'removal'))
  const id = newUuid()
  await files.put(id, bytes(1), 1)
  const { mend } = failingFolderSync()
  await assert.rejects(files.remove(id), /EIO/)
  await assert.rejects(files.remove(id), /EIO/)
  mend()
  await files.remove(id)
})

test('disk: nobody but this user may look, and no folder grows large', async () => {
  const folder = join(temporary, 'modes')
  const files = await openDiskFiles(folder)
  const id = newUuid()
  await files.put(id, bytes(1), 1)
  const modeOf = async (path: string): Promise<number> => (await stat(join(folder, path))).mode & 0o777
  for (const path of ['', 'incoming', id.slice(0, 2)]) assert.equal(await modeOf(path), 0o700, path)
  assert.equal(await modeOf(join(id.slice(0, 2), id)), 0o600)
})

test('disk: a file whose folder has gone is an error, not a missing file in silence', async () => {
  const folder = join(temporary, 'gone')
  const files = await openDiskFiles(folder)
  const id = newUuid()
  await files.put(id, bytes(1), 1)
  rmSync(join(folder, id.slice(0, 2)), { recursive: true })
  await assert.rejects(files.put(id, bytes(1), 1), { code: 'ENOENT' })
  assert.deepEqual(await kept(folder), [])
})

test('disk: files that are closed early hold nothing open', { skip: process.platform !== 'linux' }, async () => {
  const files = await openDiskFiles(join(temporary, 'handles'))
  const id = newUuid()
  await files.put(id, bytes(300_000), 300_000)
  const before = (await readdir('/proc/self/fd')).length
  for (let i = 0; i < 20; i++) {
    const { stream } = (await files.open(id))!
    const closed = new Promise((resolve) => stream.once('close', resolve))
    stream.destroy()
    await closed
  }
  assert.ok((await readdir('/proc/self/fd')).length <= before + 1)
})
