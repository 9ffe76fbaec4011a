import { request as httpRequest, type Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { TOKEN, type FileServer } from './file-server.ts'

export interface Answer {
  readonly status: number
  // A test reads what it expects to be there; what is not there fails it.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly body: any
  readonly headers: IncomingHttpHeaders
}

export interface Part {
  readonly name?: string
  readonly filename?: string
  readonly content: string | Uint8Array
  /** Instead of the header that is made of the names. */
  readonly disposition?: string
}

export const BOUNDARY = 'xXboundaryXx'

/** A body as browsers write it, names in whatever bytes they are. */
export function multipart(parts: readonly Part[], end = `--${BOUNDARY}--\r\n`): Buffer {
  const written = parts.flatMap(({ name = 'file', filename, content, disposition }) => [
    Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: ${
        disposition ?? `form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}`
      }\r\n${filename === undefined ? '' : 'Content-Type: image/png\r\n'}\r\n`,
    ),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([...written, Buffer.from(end)])
}

export const oneFile = (content: string | Uint8Array, filename = 'a.bin'): Buffer => multipart([{ filename, content }])

export interface SendOptions {
  readonly path?: string
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly agent?: Agent
  /** Without it there is no Content-Length. */
  readonly chunked?: boolean
}

const authorization = `Bearer ${TOKEN}`

/** Sends a whole body and reads the whole answer. */
export function send(server: FileServer, body: Buffer, options: SendOptions = {}): Promise<Answer> {
  const { path = '/', method = 'POST', headers, agent, chunked = false } = options
  return new Promise((resolve, reject) => {
    const request = httpRequest(server.url + path, {
      method,
      ...(agent && { agent }),
      headers: {
        authorization,
        'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
        ...(!chunked && { 'content-length': body.length }),
        ...headers,
      },
    })
    request.once('error', reject)
    request.once('response', (response) => {
      text(response).then((content) => {
        const json = response.headers['content-type']?.includes('json') ?? false
        const { statusCode: status = 0, headers } = response
        resolve({ status, headers, body: json ? (JSON.parse(content) as unknown) : content })
      }, reject)
    })
    request.end(body)
  })
}

/** A client that writes what it likes, when it likes. */
export class RawClient {
  readonly socket: Socket
  private received = ''
  private ended = false

  constructor(server: FileServer) {
    this.socket = connect(server.port, '127.0.0.1')
    this.socket.on('data', (chunk) => (this.received += chunk.toString('latin1')))
    this.socket.on('close', () => (this.ended = true))
    this.socket.on('error', () => undefined)
  }

  /** The head of an upload of this many bytes. */
  head(contentLength: number | 'chunked', options: { path?: string; authorization?: string } = {}): this {
    const length = contentLength === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${contentLength}`
    return this.write(
      `POST /api/files${options.path ?? '/'} HTTP/1.1\r\nHost: x\r\n${length}\r\n` +
        `Authorization: ${options.authorization ?? authorization}\r\n` +
        `Content-Type: multipart/form-data; boundary=${BOUNDARY}\r\n\r\n`,
    )
  }

  write(data: string | Uint8Array): this {
    this.socket.write(data)
    return this
  }

  get text(): string {
    return this.received
  }

  get isClosed(): boolean {
    return this.ended
  }
}

/** Waits for what other code brings about. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, ms = 5_000): Promise<void> {
  const end = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
