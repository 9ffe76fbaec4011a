import type { Readable } from 'node:stream'
import { fileTypeFromBuffer } from 'file-type'
import sharp, { type Metadata } from 'sharp'
import { isInline, UNKNOWN, type Inspected, type Media } from '../kernel/media.ts'
import { Mutex } from './mutex.ts'
import { renderPicture } from './render.ts'

// Of libvips' many readers only those of the pictures that may be shown inline: each of the others is one more parser
// for hostile bytes. What it has decoded is never asked for again.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Nsgif', 'Webp', 'Heif'].map((reader) => `VipsForeignLoad${reader}Buffer`),
})
sharp.cache(false)

/** Enough for every signature, and all that the search for one may work on. */
const HEAD_BYTES = 64 * 1024
/** A picture's header may be anywhere in it, so it is held whole while it is looked at, one picture at a time. */
const MAX_IMAGE_BYTES = 64 * 1024 * 1024
/** 128 megapixels, the largest that telephones make: half a gigabyte for whoever shows it. */
const MAX_PIXELS = 128 * 1024 * 1024

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** Adapter: signatures by `file-type`, pictures' headers by `sharp`. */
export function sharpMedia(): Media {
  const mutex = new Mutex()
  // Of its own: a header is not kept waiting by pixels.
  const rendering = new Mutex()
  return {
    async inspect({ size, stream }) {
      try {
        const head = await readHead(stream)
        const found = await detect(Buffer.concat(head).subarray(0, HEAD_BYTES))
        if (found === undefined) return { mimeType: (await isText(head, stream)) ? 'text/plain' : UNKNOWN }
        if (!isInline(found)) return { mimeType: found }
        if (size > MAX_IMAGE_BYTES) return { mimeType: UNKNOWN }
        return await mutex.run(async () => measure(found, Buffer.concat([...head, ...(await stream.toArray())])))
      } finally {
        stream.destroy()
      }
    },
    async render({ size, stream }, options) {
      try {
        if (size > MAX_IMAGE_BYTES) return undefined
        return await rendering.run(async () => {
          const bytes = Buffer.concat((await stream.toArray()) as Buffer[])
          const found = await detect(bytes.subarray(0, HEAD_BYTES))
          const header = found !== undefined && isInline(found) ? await headerOf(found, bytes) : undefined
          return header && (await renderPicture(bytes, header, options))
        })
      } finally {
        stream.destroy()
      }
    },
  }
}

/** The first chunks; the stream goes on after them. */
async function readHead(stream: Readable): Promise<Buffer[]> {
  const head: Buffer[] = []
  let size = 0
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    head.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size >= HEAD_BYTES) break
  }
  return head
}

async function detect(head: Buffer): Promise<string | undefined> {
  // Asked first: file-type wants to see the pixels begin, which in a file with a large profile is far behind the head.
  if (head.subarray(0, PNG.length).equals(PNG)) return 'image/png'
  try {
    return (await fileTypeFromBuffer(head))?.mime
  } catch {
    return undefined
  }
}

async function isText(head: readonly Buffer[], rest: Readable): Promise<boolean> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const isGood = (chunk: Buffer): boolean => {
    try {
      decoder.decode(chunk, { stream: true })
      return !chunk.includes(0)
    } catch {
      return false
    }
  }
  if (!head.every(isGood)) return false
  for await (const chunk of rest) if (!isGood(chunk as Buffer)) return false
  try {
    // A character may be cut off at the end.
    decoder.decode()
    return true
  } catch {
    return false
  }
}

async function measure(found: string, bytes: Buffer): Promise<Inspected> {
  const header = await headerOf(found, bytes)
  return header ? { mimeType: found, ...header.autoOrient } : { mimeType: UNKNOWN }
}

/** A signature is easily forged: it is a picture when its header says the same. No pixel is decoded. */
async function headerOf(found: string, bytes: Buffer): Promise<Metadata | undefined> {
  try {
    const header = await sharp(bytes, { limitInputPixels: MAX_PIXELS }).metadata()
    const { format, compression } = header
    // Only one of heif's compressions is a type of the web.
    const mimeType = `image/${format === 'heif' && compression === 'av1' ? 'avif' : format}`
    return mimeType === found ? header : undefined
  } catch {
    return undefined
  }
}
