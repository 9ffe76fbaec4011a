/** Loaded first by every process of the suite: what one has compiled, the hundred others need not. */
import type { AsyncHook, createHook } from 'node:async_hooks'
import { createRequire, enableCompileCache } from 'node:module'
import { join } from 'node:path'

/** The first hook that is made: the one of node:test. */
export const registration: { hook?: AsyncHook } = {}

enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'compiled'))

// node:test follows every promise of the process, so that what is registered within a test finds its parent: a third of
// the time of the suite. It is needed while tests are registered only; groups.ts says when that is.
const require = createRequire(import.meta.url)
const hooks = require('node:async_hooks') as { createHook: typeof createHook }
const { createHook: create } = hooks
hooks.createHook = (callbacks) => {
  const hook = create(callbacks)
  registration.hook ??= hook
  return hook
}
