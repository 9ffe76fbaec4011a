import { spawn, type ChildProcess } from 'node:child_process'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
/** What is read of the code is kept from one start to the next. */
const NODE_COMPILE_CACHE = resolve(root, 'node_modules/.cache/compiled')

/** The real server as its own process, as an operator starts it. */
export interface ServerProcess {
  readonly child: ChildProcess
  readonly ports: readonly number[]
  readonly url: string
  /** Everything it has written to the console so far. */
  output(): string
  /** Sends the signal and waits for the end. @returns the exit code, null when a signal ended it */
  end(signal: NodeJS.Signals): Promise<number | null>
}

/** Milliseconds until a start that says nothing is given up. */
const PATIENCE = 20_000

/** @throws Error with what it printed, when it ends before it listens */
export function startServer(env: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const { PATH, TMPDIR } = process.env
  const child = spawn(process.execPath, ['src/main.ts'], {
    cwd: root,
    env: {
      ...(PATH && { PATH }),
      ...(TMPDIR && { TMPDIR }),
      NODE_COMPILE_CACHE,
      HOST: '127.0.0.1',
      PORT: '0',
      EXTRA_PORTS: '',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const ended = new Promise<number | null>((done) => child.once('exit', (code) => done(code)))
  return new Promise((ready, fail) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(new Error(`did not start: ${output}`))
    }, PATIENCE)
    const read = (chunk: Buffer): void => {
      output += chunk.toString()
      const ports = /"ports":\[([\d,]+)\]/.exec(output)?.[1]?.split(',').map(Number)
      if (!ports) return
      clearTimeout(timer)
      ready({
        child,
        ports,
        url: `127.0.0.1:${ports[0]}`,
        output: () => output,
        end(signal) {
          child.kill(signal)
          return ended
        },
      })
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    void ended.then((code) => {
      clearTimeout(timer)
      fail(new Error(`ended with ${code}: ${output}`))
    })
  })
}
