import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { buffer } from 'node:stream/consumers'
import { CommandError } from '../kernel/errors.ts'
import type { FileStore } from '../kernel/files.ts'
import { newUuid } from '../kernel/ids.ts'

export interface OpenedFiles {
  readonly files: FileStore
  /** The same store as after a restart. */
  reopen(): Promise<FileStore>
  /** The process is killed while it puts this file; some of it has been written. */
  crashWhilePutting(id: string): Promise<void>
  /** Names of everything that is kept in any form, whole or in part. */
  kept(): Promise<readonly string[]>
  /** Ways in which the store fails a `put`, each until its `mend` is called. */
  readonly faults: Readonly<Record<string, () => { readonly mend: () => void }>>
  close(): Promise<void>
}

/** @yields the sizes asked for, of which each byte tells where it stands */
export async function* bytes(...sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield Uint8Array.from({ length: size }, (_, i) => i % 251)
}

const MAX = 1_000_000

/** One suite for every file store: its promises (kernel/files.ts). */
export function filesContract(name: string, open: () => Promise<OpenedFiles>): void {
  describe(`files contract: ${name}`, () => {
    let opened: OpenedFiles
    let files: FileStore

    before(async () => {
      opened = await open()
      files = opened.files
    })
    after(() => opened.close())

    const read = async (id: string, store = files): Promise<Buffer | undefined> => {
      const file = await store.open(id)
      const content = file && (await buffer(file.stream))
      assert.equal(content?.length, file?.size)
      return content
    }
    const whole = async (...sizes: readonly number[]): Promise<Buffer> =>
      Buffer.concat(await Array.fromAsync(bytes(...sizes)))

    /** What rejects leaves nothing behind. */
    const assertRefused = async (id: string, put: () => Promise<unknown>, expected: RegExp): Promise<void> => {
      const before = await opened.kept()
      await assert.rejects(put, expected)
      assert.equal(await files.open(id), undefined)
      assert.deepEqual((await opened.kept()).filter((name) => name.includes(id)), [])
      assert.ok((await opened.kept()).length <= before.length)
    }

    test('F-1 what was put is read back, whatever its chunks, also after a restart', async () => {
      for (const sizes of [[], [0], [1], [0, 3, 0, 70_000, 1], [200_000, 200_000]]) {
        const id = newUuid()
        const content = await whole(...sizes)
        assert.deepEqual(await files.put(id, bytes(...sizes), MAX), { size: content.length })
        assert.deepEqual(await read(id), content)
        assert.deepEqual(await read(id, await opened.reopen()), content)
      }
    })

    test('F-2 a file that is being put cannot be opened', async () => {
      const id = newUuid()
      async function* watched(): AsyncGenerator<Uint8Array> {
        for await (const chunk of bytes(10, 100_000)) {
          yield chunk
          assert.equal(await files.open(id), undefined)
        }
      }
      assert.deepEqual(await files.put(id, watched(), MAX), { size: 100_010 })
      assert.equal((await read(id))?.length, 100_010)
    })

    test('F-2 F-3 exactly the limit is taken; a byte more is refused, ends the source and leaves nothing', async () => {
      await files.put(newUuid(), bytes(600, 400), 1_000)
      for (const sizes of [[1_001], [600, 401], [1_000, 1]]) {
        let ended = false
        async function* source(): AsyncGenerator<Uint8Array> {
          try {
            yield* bytes(...sizes, 5)
          } finally {
            ended = true
          }
        }
        const id = newUuid()
        await assertRefused(id, () => files.put(id, source(), 1_000), /1000 bytes/)
        assert.ok(ended)
      }
      const refusal = await files.put(newUuid(), bytes(2), 1).catch((error: unknown) => error)
      assert.ok(refusal instanceof CommandError)
      assert.equal(refusal.kind, 'too_large')
    })

    test('F-2 a source that fails midway leaves nothing, and its error is the error', async () => {
      for (const sizes of [[], [100_000]]) {
        async function* source(): AsyncGenerator<Uint8Array> {
          yield* bytes(...sizes)
          throw new Error('the client went away')
        }
        const id = newUuid()
        await assertRefused(id, () => files.put(id, source(), MAX), /the client went away/)
        // The id was not used up by it.
        await files.put(id, bytes(3), MAX)
        assert.equal((await read(id))?.length, 3)
      }
    })

    test('F-2 a store that fails says so, leaves nothing and works again when it can', async () => {
      for (const [fault, provoke] of Object.entries(opened.faults)) {
        const id = newUuid()
        const { mend } = provoke()
        try {
          await assert.rejects(files.put(id, bytes(100_000), MAX), (error) => !(error instanceof CommandError), fault)
        } finally {
          mend()
        }
        assert.equal(await files.open(id), undefined, fault)
        assert.deepEqual((await opened.kept()).filter((name) => name.includes(id)), [], fault)
        await files.put(id, bytes(5), MAX)
        assert.equal((await read(id))?.length, 5, fault)
      }
    })

    test('F-3 one chunk is asked for at a time', async () => {
      let ahead = 0
      let most = 0
      async function* source(): AsyncGenerator<Uint8Array> {
        for (let i = 0; i < 50; i++) {
          most = Math.max(most, (ahead += 1))
          yield new Uint8Array(1_000)
          ahead -= 1
        }
      }
      await files.put(newUuid(), source(), MAX)
      assert.equal(most, 1)
    })

    test('F-4 a reader that began before the removal reads to the end', async () => {
      const id = newUuid()
      const content = await whole(500_000)
      await files.put(id, bytes(500_000), MAX)
      const file = (await files.open(id))!
      const chunks = file.stream.iterator({ destroyOnReturn: false })
      const first = (await chunks.next()).value as Buffer
      await files.remove(id)
      assert.equal(await files.open(id), undefined)
      assert.deepEqual(Buffer.concat([first, await buffer(file.stream)]), content)
    })

    test('F-4 an id is put once: again is a fault of ours and leaves the first file as it was', async () => {
      const id = newUuid()
      await files.put(id, bytes(10), MAX)
      await assert.rejects(files.put(id, bytes(20), MAX), /was put before/)
      assert.equal((await read(id))?.length, 10)
      const twice = newUuid()
      const outcomes = await Promise.allSettled([files.put(twice, bytes(30), MAX), files.put(twice, bytes(30), MAX)])
      assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
      assert.equal((await read(twice))?.length, 30)
    })

    test('F-5 what was removed is gone, also after a restart; again changes nothing', async () => {
      const id = newUuid()
      await files.put(id, bytes(10), MAX)
      await Promise.all([files.remove(id), files.remove(id)])
      await files.remove(id)
      await files.remove(newUuid())
      assert.equal(await files.open(id), undefined)
      assert.equal(await (await opened.reopen()).open(id), undefined)
      assert.deepEqual((await opened.kept()).filter((name) => name.includes(id)), [])
    })

    test('F-6 what a crash left half written is gone after the next start; what was whole is not', async () => {
      const [before, during] = [newUuid(), newUuid()]
      await files.put(before, bytes(10), MAX)
      await opened.crashWhilePutting(during)
      assert.ok((await opened.kept()).some((name) => name.includes(during)), 'the crash left nothing to clean up')
      assert.equal(await files.open(during), undefined)
      const restarted = await opened.reopen()
      assert.deepEqual((await opened.kept()).filter((name) => name.includes(during)), [])
      assert.equal((await read(before, restarted))?.length, 10)
      await restarted.put(during, bytes(10), MAX)
    })

    test('an id that is no UUID never reaches the store', async () => {
      const before = await opened.kept()
      const id = newUuid()
      const paths = ['', '..', '../../etc/passwd', `../${id}`, `${id}/..`]
      for (const bad of [...paths, `${id}\n`, `${id}\0`, id.toUpperCase()]) {
        for (const use of [() => files.put(bad, bytes(1), MAX), () => files.open(bad), () => files.remove(bad)]) {
          await assert.rejects(async () => use(), /is a UUID/, JSON.stringify(bad))
        }
      }
      assert.deepEqual(await opened.kept(), before)
    })

    test('many files at once', async () => {
      const ids = Array.from({ length: 100 }, newUuid)
      await Promise.all(ids.map((id, i) => files.put(id, bytes(i, 1_000), MAX)))
      const sizes = await Promise.all(ids.map(async (id) => (await read(id))?.length))
      assert.deepEqual(sizes, ids.map((_, i) => i + 1_000))
    })
  })
}
