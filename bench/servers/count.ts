/**
 * Loaded before a server: counts the text frames that `ws` encodes, on which every server here that is not nginx is
 * built, and tells them over HTTP. It costs each of them the same call per frame.
 */
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

type Encode = (data: Buffer | string, options: { opcode: number }) => unknown

const TEXT = 1
let encoded = 0

// Engine.IO may bring its own version of it.
const require = createRequire(import.meta.url)
const origins = [import.meta.url, ...['engine.io', 'socket.io-adapter'].map((name) => require.resolve(name))]
for (const path of new Set(origins.map((origin) => createRequire(origin).resolve('ws')))) {
  const { Sender } = require(path) as { Sender: { frame: Encode } }
  const { frame } = Sender
  Sender.frame = (data, options) => {
    if (options.opcode === TEXT) encoded++
    return frame(data, options)
  }
}

// A connection that is kept may have timed out unseen when the next question comes, after a long storm.
createServer((_, response) => response.setHeader('Connection', 'close').end(String(encoded)))
  .listen(Number(process.env['COUNTER_PORT']), '127.0.0.1')
  .unref()
