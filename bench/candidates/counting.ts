import { fileURLToPath } from 'node:url'
import { freePort } from '../process.ts'

const file = fileURLToPath(new URL('../servers/count.ts', import.meta.url))

/** What makes a Node server count the WebSocket frames it encodes, and the port where it says how many. */
export const counting = async () => {
  const counter = await freePort()
  return { args: ['--import', file], env: { COUNTER_PORT: String(counter) }, counter }
}
