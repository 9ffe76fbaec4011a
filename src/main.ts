import { join } from 'node:path'
import { pino } from 'pino'
import { memoryBus } from './adapters/bus-memory.ts'
import { openDiskFiles } from './adapters/files-disk.ts'
import { sharpMedia } from './adapters/media.ts'
import { createOutgoing } from './adapters/outgoing.ts'
import { createApp } from './app.ts'
import { outgoingOptions } from './config-integrations.ts'
import { readConfig } from './config.ts'
import { greet, seedDemo } from './demo.ts'
import { systemClock } from './kernel/clock.ts'
import { readSecret } from './secret.ts'
import { openStorage } from './storage.ts'

/** Seconds after which a drain that hangs is given up. */
const MAX_DRAIN_MS = 20_000

const config = attempt(() => readConfig(process.env))
const log = pino({
  level: config.logLevel,
  redact: { paths: ['req.headers.authorization', '*.token', '*.password', '*.access_token', '*.refresh_token'] },
})
const app = await createApp({
  config,
  database: await openStorage(config),
  clock: systemClock,
  bus: memoryBus(),
  files: await openDiskFiles(join(config.dataDir, 'files')),
  media: sharpMedia(),
  outgoing: createOutgoing(outgoingOptions(config)),
  log,
  secret: readSecret(config),
})
let stopping = false
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'draining')
    setTimeout(() => process.exit(1), MAX_DRAIN_MS).unref()
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'drain failed')
        process.exit(1)
      },
    )
  })
}
// The last resort. The process lives on: what matters is committed or not at all, and one bad frame that nobody
// foresaw must not cut everybody.
process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'))
process.on('uncaughtException', (error) => log.fatal({ err: error }, 'uncaught exception'))

const demo = config.demo && !config.production ? await seedDemo(app, config.dataDir) : undefined
const addresses = await app.listen()
if (!config.production) greet(addresses, config.modules, demo)
log.info({ ports: addresses.map((address) => address.port) }, 'listening')

function attempt<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    console.error(`Switchboard cannot start: ${(error as Error).message}`)
    process.exit(1)
  }
}
