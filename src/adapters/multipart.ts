import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { Busboy, type BusboyInstance } from '@fastify/busboy'
import { CommandError, invalid } from '../kernel/errors.ts'
import { fileTooLarge } from '../kernel/files.ts'
import type { Upload } from '../kernel/route.ts'

/** The name of the one file part. */
const FIELD = 'file'
/** What else may stand in the body, in all: headers of parts, and the fields that some clients cannot help sending. */
export const OVERHEAD_BYTES = 64 * 1024
const limits = { fields: 8, fieldSize: 1024, headerPairs: 16, headerSize: 8 * 1024 }

export interface IncomingUpload extends Upload {
  /** What is not read yet is dropped as it comes, so that the connection can be used again. */
  close(): void
}

/**
 * Reads a body up to its file, and hands the file on while it comes.
 *
 * @throws CommandError unsupported, invalid or too_large
 */
export async function readUpload(request: IncomingMessage, maxBytes: number): Promise<IncomingUpload> {
  const boundary = boundaryOf(request.headers['content-type'])
  if (Number(request.headers['content-length']) > maxBytes + OVERHEAD_BYTES) throw fileTooLarge(maxBytes)
  // The client may have gone while its token was being looked at; no event would tell of it any more.
  if (request.destroyed) throw cutOff()
  const body = new Body(request, boundary, maxBytes)
  const filename = await body.filename
  return { filename, stream: body.read(), close: () => body.stop() }
}

class Body {
  readonly filename: Promise<string>
  private readonly request: IncomingMessage
  private readonly maxBytes: number
  private readonly parser: BusboyInstance
  private readonly found = Promise.withResolvers<string>()
  /** Settled when the last byte of the body has been understood, or before, when it cannot be any more. */
  private readonly whole = Promise.withResolvers<void>()
  private file: Readable | undefined
  private failure: unknown
  private received = 0

  constructor(request: IncomingMessage, boundary: string, maxBytes: number) {
    this.request = request
    this.maxBytes = maxBytes
    this.filename = this.found.promise
    // Nobody may be waiting when it fails.
    this.whole.promise.catch(() => undefined)
    // Written anew, so that the library reads the boundary we have read.
    const headers = { 'content-type': `multipart/form-data; boundary="${boundary}"` }
    this.parser = new Busboy({ headers, preservePath: true, limits })
    this.parser.on('file', (field, stream, filename) => this.onFile(field, stream, filename))
    this.parser.on('field', (_, __, ___, cut) => cut && this.fail(tooManyFields()))
    this.parser.on('fieldsLimit', () => this.fail(tooManyFields()))
    this.parser.on('error', () => this.fail(invalid({ body: 'is not well-formed multipart/form-data' })))
    this.parser.on('finish', () => this.onFinish())
    request.on('data', this.onData)
    request.on('close', this.onClose)
    request.pipe(this.parser)
  }

  async *read(): AsyncGenerator<Uint8Array> {
    let size = 0
    try {
      for await (const chunk of this.file!) {
        size += (chunk as Buffer).length
        if (size > this.maxBytes) throw fileTooLarge(this.maxBytes)
        yield chunk as Buffer
      }
    } catch (error) {
      throw this.failure ?? error
    }
    await this.whole.promise
  }

  stop(): void {
    this.request.off('data', this.onData).off('close', this.onClose).unpipe(this.parser)
    this.request.resume()
    this.file?.destroy()
  }

  private readonly onData = (chunk: Buffer): void => {
    this.received += chunk.length
    if (this.received > this.maxBytes + OVERHEAD_BYTES) this.fail(fileTooLarge(this.maxBytes))
  }

  private readonly onClose = (): void => {
    if (!this.request.readableEnded) this.fail(cutOff())
  }

  private onFile(field: string, stream: Readable, filename: string | undefined): void {
    // Whoever reads it hears of its errors; until then nobody does.
    stream.on('error', () => undefined)
    if (this.file) this.fail(invalid({ file: 'must be the only file' }))
    else if (field !== FIELD) this.fail(invalid({ file: `must be sent as the part named ${FIELD}` }))
    else {
      this.file = stream
      this.found.resolve(filename ?? '')
    }
  }

  private onFinish(): void {
    if (!this.file) this.fail(invalid({ file: `is required, as the part named ${FIELD} with a file name` }))
    else this.whole.resolve()
  }

  private fail(error: CommandError): void {
    this.failure ??= error
    this.found.reject(this.failure)
    this.whole.reject(this.failure)
    this.stop()
  }
}

const cutOff = (): CommandError => invalid({ body: 'ended before the file did' })
const tooManyFields = (): CommandError =>
  invalid({ body: `must hold at most ${limits.fields} fields of ${limits.fieldSize} bytes besides the file` })

/** RFC 2046: 1 to 70 of these, the last one no space. Some clients leave out quotes that they should write. */
const BOUNDARY = /^(?:([\w'()+,\-./:=?]{1,70})|"([\w'()+,\-./:=? ]{0,69}[\w'()+,\-./:=?])")$/

/** @throws CommandError unsupported for another media type, invalid where proxies might read two boundaries. */
function boundaryOf(contentType = ''): string {
  const [mediaType, ...parameters] = contentType.split(';').map((part) => part.trim())
  if (mediaType!.toLowerCase() !== 'multipart/form-data') {
    throw new CommandError('unsupported', `Send multipart/form-data with one file, in the part named ${FIELD}`)
  }
  const values = parameters.flatMap((parameter) => /^boundary=(.*)$/is.exec(parameter)?.[1] ?? [])
  const match = values.length === 1 ? BOUNDARY.exec(values[0]!) : null
  if (!match) throw invalid({ 'content-type': 'must name one boundary of 1 to 70 characters' })
  return (match[1] ?? match[2])!
}
