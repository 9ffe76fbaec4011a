import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's root folder. */
export const root = fileURLToPath(new URL('..', import.meta.url))

const pinned = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url))
/** The Node that runs every process of the bench: the package's own where it is installed. */
export const node = existsSync(pinned) ? pinned : process.execPath

/** Linux counts process times in ticks of 1/100 s on every architecture Node runs on. */
const MICROSECONDS_PER_TICK = 10_000

const read = (path: string): string => {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return '' // the process, or thread, is gone
  }
}

/** A process and its living descendants (nginx has workers; a server may have helpers). */
export const tree = (pid: number): number[] => {
  const all = [pid]
  for (let i = 0; i < all.length && i < 1000; i++) {
    let threads: string[] = []
    try {
      threads = readdirSync(`/proc/${all[i]}/task`)
    } catch {
      continue
    }
    for (const thread of threads) {
      for (const child of read(`/proc/${all[i]}/task/${thread}/children`).split(' ')) {
        if (child.trim() !== '') all.push(Number(child))
      }
    }
  }
  return all
}

/** CPU time of a process tree in microseconds: user + system, of all threads, of living and of reaped children. */
export const cpu = (pid: number): number => {
  let ticks = 0
  for (const each of tree(pid)) {
    const stat = read(`/proc/${each}/stat`)
    // The name in brackets may hold spaces: fields are counted after the last bracket, where `state` is the first.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    for (const index of [11, 12, 13, 14]) ticks += Number(fields[index] ?? 0)
  }
  return ticks * MICROSECONDS_PER_TICK
}

/**
 * Calls of `write` and `writev` of a process tree so far: nearly all to sockets, where nothing is stored. What goes by
 * `send` (nginx) is not counted.
 */
export const writes = (pid: number): number => {
  let calls = 0
  for (const each of tree(pid)) calls += Number(/^syscw: (\d+)/m.exec(read(`/proc/${each}/io`))?.[1] ?? 0)
  return calls
}

/** CPU time of the whole machine in microseconds, without idle time and waiting for disks. */
export const machineCpu = (): number => {
  const [, user, nice, system, , , irq, softirq, steal] = read('/proc/stat').split('\n', 1)[0]!.split(/\s+/).map(Number)
  return (user! + nice! + system! + irq! + softirq! + steal!) * MICROSECONDS_PER_TICK
}

/** Resident memory of a process tree in bytes; exact (`status` lags behind by some pages per thread). */
export const resident = (pid: number): number => {
  let kilobytes = 0
  for (const each of tree(pid)) kilobytes += Number(/^Rss:\s+(\d+)/m.exec(read(`/proc/${each}/smaps_rollup`))?.[1] ?? 0)
  return kilobytes * 1024
}

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Kills a process at once; children of children too must not outlive the bench, so each is named. */
const end = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // already gone
  }
}

const alive = new Set<ChildProcess>()
const folders = new Set<string>()
process.on('exit', () => {
  for (const child of alive) for (const pid of tree(child.pid!)) end(pid)
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A new folder for a server's files; `remove` it when the server is gone (the end of the bench does otherwise). */
export const scratch = (name: string): { folder: string; remove: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), `bench-${name}-`))
  folders.add(folder)
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true })
    folders.delete(folder)
  }
  return { folder, remove }
}

/** Ends a child that was started here: asks, and after 5 s insists. */
export const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await gone
  clearTimeout(timer)
}

/** Makes sure that a child does not outlive the bench. */
export const adopt = (child: ChildProcess): void => {
  if (child.pid === undefined) return // it did not start
  alive.add(child)
  child.once('exit', () => alive.delete(child))
}

export interface Launched {
  pid: number
  stop: () => Promise<void>
}

/** Starts a server and waits, at most 30 s, until it answers 200 at `http://127.0.0.1:<port><path>`. */
export const launch = async (
  command: string,
  args: string[],
  env: Record<string, string>,
  port: number,
  path: string,
): Promise<Launched> => {
  const child = spawn(command, args, {
    cwd: root,
    // Nothing is inherited that could tune one candidate and not another.
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  adopt(child)
  let tail = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (tail = (tail + text).slice(-2000)))
  }
  const failures: string[] = []
  child.once('error', (error) => failures.push(error.message))
  for (const end = Date.now() + 30_000; Date.now() < end && failures.length === 0 && child.exitCode === null; ) {
    const status = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2000) }).then(
      async (response) => (await response.arrayBuffer(), response.status),
      () => 0,
    )
    if (status === 200) return { pid: child.pid!, stop: () => stop(child) }
    await sleep(50)
  }
  if (failures.length === 0) await stop(child)
  throw new Error(`${failures[0] ?? `no 200 at ${path}, exit code ${child.exitCode}`}\n${tail}`.trim())
}
