import { readConfig } from './config.ts'
import { eventLog } from './kernel/event-log.ts'
import { openStorage } from './storage.ts'

/** After a restore from a backup: positions given out since then must not match other events (docs/operating.md). */
const database = await openStorage(readConfig(process.env))
await database.write((tx) => eventLog.beginEpoch(tx))
await database.close()
console.log('The event log has begun a new epoch: clients that resume will reload.')
