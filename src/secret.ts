import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from './config.ts'
import { newSecret } from './kernel/ids.ts'

/** The setting, or in development one that is made once and kept, so that tokens survive a restart. */
export function readSecret({ secret, dataDir }: Config): Uint8Array {
  return new TextEncoder().encode(secret === '' ? kept(join(dataDir, 'secret')) : secret)
}

function kept(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    const made = newSecret()
    writeFileSync(path, made, { mode: 0o600 })
    return made
  }
}
