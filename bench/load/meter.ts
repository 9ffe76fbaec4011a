import type { Target } from '../candidate.ts'
import { cpu, machineCpu, writes } from '../process.ts'

/** What a window cost. Times of the machine in microseconds of CPU, of the wall in milliseconds. */
export interface Cost {
  elapsedMs: number
  /** The server's process tree. */
  serverCpuUs: number
  /** Its calls of `write` and `writev`, to sockets, files and all. */
  serverWrites: number
  /** This process, the load generator. */
  driverCpuUs: number
  /** Everything else on the machine, by its tick counters: a coarse figure. */
  foreignCpuUs: number
}

/** Shares of one core, by the wall clock of the window. */
export const busy = ({ elapsedMs, serverCpuUs, driverCpuUs, foreignCpuUs }: Cost) => ({
  server: serverCpuUs / elapsedMs / 1000,
  driver: driverCpuUs / elapsedMs / 1000,
  foreign: foreignCpuUs / elapsedMs / 1000,
})

/** Why a window says more about the load generator than about the server, or `undefined`. */
export const driverBound = (cost: Cost): string | undefined => {
  const { driver, server } = busy(cost)
  if (driver <= 0.95 || server >= 0.9) return undefined
  return `driver-bound: driver ${Math.round(driver * 100)}%, server ${Math.round(server * 100)}% busy`
}

/** Starts measuring; call the result to stop. The server's process tree is `pid` and its descendants. */
export const meter = (pid: number): (() => Cost) => {
  const machine = machineCpu()
  const driver = process.cpuUsage()
  const server = cpu(pid)
  const written = writes(pid)
  const start = performance.now()
  return () => {
    const elapsedMs = performance.now() - start
    const serverCpuUs = cpu(pid) - server
    const serverWrites = writes(pid) - written
    const { user, system } = process.cpuUsage(driver)
    const driverCpuUs = user + system
    const foreignCpuUs = Math.max(0, machineCpu() - machine - serverCpuUs - driverCpuUs)
    return { elapsedMs, serverCpuUs, serverWrites, driverCpuUs, foreignCpuUs }
  }
}

/** WebSocket frames the server has encoded so far; 0 for one that does not count them. Read outside of a window. */
export const encodings = async ({ counter }: Target): Promise<number> =>
  counter === undefined ? 0 : Number(await (await fetch(`http://127.0.0.1:${counter}`)).text())
