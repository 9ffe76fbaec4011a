/** Loaded first by every process of the suite: what one has compiled, the hundred others need not. */
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'compiled'))
