import { globSync, statfsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe } from 'node:test'
// Its databases outlive a file, so what ends them belongs to the process.
import '../src/testing/pglite.ts'
import { registration } from './compile-cache.ts'

/**
 * The suite in a few processes: to load the server costs more than most files of tests take, and databases in the
 * process are used again. A file still runs alone: `node --test FILE`.
 */
export const GROUPS = 8

/** Bytes that files and databases of all tests at once stay far below. */
const ROOM = 2 * 1024 ** 3

const root = resolve(import.meta.dirname, '..')

/** Dealt out one by one, so that the files of a module, which cost alike, come into different groups. */
export function filesOf(group: number): readonly string[] {
  const files = ['src', 'test'].flatMap((folder) => globSync(`${folder}/**/*.test.ts`, { cwd: root })).sort()
  return files.filter((_, i) => i % GROUPS === group - 1)
}

/** One file after the other, each with its hooks for itself: what one does to its process must not meet another's tests. */
export async function runGroup(group: number): Promise<void> {
  useMemory()
  for (const file of filesOf(group)) {
    registration.hook?.enable()
    await describe(file, async () => {
      await import(join(root, file))
      registration.hook?.disable()
    })
  }
}

/** A disk that is slow to confirm writes would be most of the waiting; what a kill leaves behind is the same. */
function useMemory(): void {
  const folder = '/dev/shm'
  try {
    const { bavail, bsize } = statfsSync(folder)
    if (bavail * bsize >= ROOM) process.env['TMPDIR'] ??= folder
  } catch {
    // There is none here.
  }
}
