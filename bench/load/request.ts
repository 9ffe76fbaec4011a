import { connect, type Socket } from 'node:net'
import type { HttpPublish } from '../candidate.ts'

/** The bytes before the content of a request: they are the same for every request, so they are made once. */
export const head = (port: number, publish: HttpPublish, contentBytes: number): string => {
  const length = Buffer.byteLength(publish.before) + contentBytes + Buffer.byteLength(publish.after)
  const headers = Object.entries({ Host: `127.0.0.1:${port}`, ...publish.headers, 'Content-Length': String(length) })
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `${publish.method ?? 'POST'} ${publish.path} HTTP/1.1\r\n${lines}\r\n`
}

/** A keep-alive HTTP/1.1 connection with at most one request outstanding. */
export class Requester {
  #socket: Socket
  #answer: (status: number) => void
  #received = ''
  #done = false
  #waiting = false

  /** `answer` gets the status of each response, or 0 for a request whose connection broke or talked nonsense. */
  constructor(port: number, ready: () => void, answer: (status: number) => void) {
    this.#answer = answer
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true }, ready)
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (text: string) => this.#read(text))
    this.#socket.once('error', () => this.#broken())
    this.#socket.once('close', () => this.#broken())
  }

  send(request: string): void {
    this.#waiting = true
    if (this.#done) this.#settle(0)
    else this.#socket.write(request)
  }

  close(): void {
    this.#done = true
    this.#socket.destroy()
  }

  #broken(): void {
    if (this.#done) return
    this.close()
    if (this.#waiting) this.#settle(0) // a server may close what is idle; the next request will say so
  }

  #settle(status: number): void {
    this.#waiting = false
    this.#answer(status)
  }

  #read(text: string): void {
    this.#received = this.#received === '' ? text : this.#received + text
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const status = Number(this.#received.slice(9, 12))
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#received.slice(0, end))?.[1]
    if (length === undefined && status !== 204) {
      this.#broken() // chunked answers are not read here: a candidate that sends them needs a longer client
      return
    }
    if (this.#received.length < end + 4 + Number(length ?? 0)) return
    this.#received = ''
    this.#settle(status)
  }
}

/** Opens `count` connections to a port on 127.0.0.1; fails when one does not open within 10 s. */
export const openRequesters = (
  port: number,
  count: number,
  answer: (index: number, status: number) => void,
): Promise<Requester[]> =>
  new Promise((resolve, reject) => {
    let ready = 0
    const timer = setTimeout(() => reject(new Error('publishing connections did not open')), 10_000)
    const all = Array.from(
      { length: count },
      (_, index) =>
        new Requester(
          port,
          () => {
            if (++ready < count) return
            clearTimeout(timer)
            resolve(all)
          },
          (status) => answer(index, status),
        ),
    )
  })
