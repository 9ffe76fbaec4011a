import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from './programs.ts'
import { awaitStun } from './turn-client.ts'

/** A real TURN server on the loopback. */
export interface Coturn extends AsyncDisposable {
  /** UDP. */
  readonly port: number
  /** For RTCPeerConnection. */
  readonly url: string
}

/** For `skip` of a test: false, or what is missing. */
export const coturnMissing: string | false =
  findProgram('turnserver') === undefined && 'turnserver is not installed (package coturn)'

/** Milliseconds until a start that gives no answer is given up. */
const PATIENCE_MS = 15_000

/**
 * Starts one that takes time-limited credentials made with `secret`, with nothing of this machine's configuration.
 * @throws Error with what it printed, when it ends before it answers
 */
export async function startCoturn(secret: string): Promise<Coturn> {
  const program = findProgram('turnserver')
  if (program === undefined) throw new Error(String(coturnMissing))
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-coturn-'))
  const port = await freePort()
  const child = spawn(
    program,
    [
      '-n',
      '--no-tls',
      '--no-dtls',
      '--no-tcp',
      '--no-cli',
      '--listening-ip=127.0.0.1',
      `--listening-port=${port}`,
      '--relay-ip=127.0.0.1',
      // Above the ports that systems give to who asks for any.
      '--min-port=61001',
      '--max-port=65535',
      '--allow-loopback-peers',
      '--realm=switchboard.test',
      '--use-auth-secret',
      `--static-auth-secret=${secret}`,
      `--userdb=${join(folder, 'turndb')}`,
      `--pidfile=${join(folder, 'pid')}`,
      '--log-file=stdout',
      '--simple-log',
    ],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = once(child, 'exit').catch((error: unknown) => [String(error)])
  const kill = (): void => void child.kill('SIGKILL')
  // A test file that dies takes it along.
  process.once('exit', kill)
  const stop = async (): Promise<void> => {
    kill()
    process.off('exit', kill)
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await Promise.race([
      awaitStun(port, PATIENCE_MS),
      ended.then(([code]) => Promise.reject(new Error(`turnserver ended with ${code}`))),
    ])
  } catch (cause) {
    await stop()
    throw new Error(`turnserver did not start: ${output}`, { cause })
  }
  return { port, url: `turn:127.0.0.1:${port}?transport=udp`, [Symbol.asyncDispose]: stop }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}
