import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { User } from '../../testing/world.ts'

/** A stock client as a process of its own, which can be frozen: its peer stays, and answers nothing. */
export interface ChildTab extends AsyncDisposable {
  readonly process: ChildProcess
}

const script = `
import { io } from 'socket.io-client'
const [url, token, channel] = process.argv.slice(1)
const socket = io(url, { reconnection: false, transports: ['websocket'] })
socket.emit('authenticate', token)
socket.emit('join_channel', Number(channel))
socket.on('user_joined', () => console.log('joined'))
`

/** @returns when it has joined the channel. To be disposed of, frozen or not: it is killed then. */
export async function childTab(url: string, { token }: Pick<User, 'token'>, channelId: number): Promise<ChildTab> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, url, token, String(channelId)], {
    cwd: resolve(import.meta.dirname, '../../..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const dispose = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  const first = await Promise.race([once(child.stdout, 'data'), ended])
  if (!String(first[0]).startsWith('joined')) {
    await dispose()
    throw new Error(`the client has not joined: ${String(first[0])}`)
  }
  return { process: child, [Symbol.asyncDispose]: dispose }
}
