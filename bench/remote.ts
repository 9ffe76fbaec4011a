import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Operations, Reply } from './driver.ts'
import { adopt, node, stop } from './process.ts'

/** The load generator seen from the bench: a process of its own, asked over IPC, one operation at a time. */
export class Driver {
  #child: ChildProcess
  #id = 0

  constructor() {
    this.#child = fork(fileURLToPath(new URL('driver.ts', import.meta.url)), [], {
      execPath: node,
      execArgv: [],
      serialization: 'advanced', // samples travel as typed arrays
    })
    adopt(this.#child)
  }

  /** Runs one operation in the driver; fails after `limitMs` at the latest, or when the driver dies. */
  call<Name extends keyof Operations>(
    name: Name,
    args: Parameters<Operations[Name]>[0],
    limitMs = 120_000,
  ): Promise<Awaited<ReturnType<Operations[Name]>>> {
    const id = ++this.#id
    return new Promise((resolve, reject) => {
      const done = (error?: Error, value?: unknown): void => {
        clearTimeout(timer)
        this.#child.off('message', hear).off('exit', died)
        if (error === undefined) resolve(value as Awaited<ReturnType<Operations[Name]>>)
        else reject(error)
      }
      const hear = (reply: Reply): void => {
        if (reply.id === id) done(reply.error === undefined ? undefined : new Error(reply.error), reply.value)
      }
      const died = (): void => done(new Error('the driver died'))
      const timer = setTimeout(() => done(new Error(`the driver did not finish "${name}" in ${limitMs} ms`)), limitMs)
      this.#child.on('message', hear).on('exit', died)
      this.#child.send({ id, name, args })
    })
  }

  stop(): Promise<void> {
    return stop(this.#child)
  }
}
