import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { crc32, deflateSync } from 'node:zlib'
import fc from 'fast-check'
import sharp, { type Sharp } from 'sharp'
import { isInline, type Inspected } from '../kernel/media.ts'
import { seeded } from '../testing/random.ts'
import { sharpMedia } from './media.ts'

const media = sharpMedia()

/** As from a disk: in chunks that end where they like. */
const inspect = async (bytes: Uint8Array, chunk = 65_536): Promise<Inspected> => {
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, i) =>
    Buffer.from(bytes.subarray(i * chunk, (i + 1) * chunk)),
  )
  const stream = Readable.from(chunks)
  const found = await media.inspect({ size: bytes.length, stream })
  assert.ok(stream.destroyed, 'the file was left open')
  return found
}
const text = (content: string): Buffer => Buffer.from(content)

const blank = (width: number, height: number): Sharp =>
  sharp({ create: { width, height, channels: 3, background: '#a3b' } })
const types = ['png', 'jpeg', 'gif', 'webp', 'avif'] as const
const picture = (type: (typeof types)[number]): Promise<Buffer> => blank(30, 20).toFormat(type).toBuffer()

const pngChunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  crc.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, crc])
}

/** A picture as large as it says and as small as it is. */
const png = (width: number, height: number, ...more: readonly Buffer[]): Buffer => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([1, 0], 8)
  const pixels = pngChunk('IDAT', deflateSync(Buffer.alloc(1_000)))
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([signature, pngChunk('IHDR', header), ...more, pixels, pngChunk('IEND', Buffer.alloc(0))])
}

test('M-1 M-2 pictures that browsers show come with their size', async () => {
  for (const type of types) {
    const found = await inspect(await picture(type))
    assert.deepEqual(found, { mimeType: `image/${type}`, width: 30, height: 20 })
    assert.ok(isInline(found.mimeType))
  }
})

test('M-2 a picture is as wide as it is shown: turned as the camera says', async () => {
  for (let orientation = 1; orientation <= 8; orientation++) {
    const turned = await blank(30, 20).withMetadata({ orientation }).jpeg().toBuffer()
    const [width, height] = orientation > 4 ? [20, 30] : [30, 20]
    assert.deepEqual(await inspect(turned), { mimeType: 'image/jpeg', width, height }, `orientation ${orientation}`)
  }
})

test('M-2 a picture whose pixels begin far behind its head, and one that moves', async () => {
  const profile = pngChunk('zTXt', Buffer.concat([text('Comment\0\0'), deflateSync(seededBytes(2_000_000))]))
  assert.deepEqual(await inspect(png(8, 8, profile)), { mimeType: 'image/png', width: 8, height: 8 })
  const moving = pngChunk('acTL', Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]))
  assert.deepEqual(await inspect(png(8, 8, moving)), { mimeType: 'image/png', width: 8, height: 8 })
  const raw = { width: 10, height: 20, channels: 3, pageHeight: 10 } as const
  const gif = await sharp(seededBytes(600), { raw }).gif().toBuffer()
  assert.deepEqual(await inspect(gif), { mimeType: 'image/gif', width: 10, height: 10 })
})

test('M-1 the name and the claim of a file change nothing: markup is text or unknown, to be saved', async () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
  const html = '<!doctype html><script>alert(1)</script>'
  for (const page of [html, svg, `<?xml version="1.0"?>\n${svg}`, `\ufeff${svg}`]) {
    const { mimeType } = await inspect(text(page))
    assert.ok(!isInline(mimeType), `${page} is ${mimeType}`)
    assert.ok(!mimeType.startsWith('image/') && mimeType !== 'text/html', `${page} is ${mimeType}`)
  }
})

test('M-1 what begins like a picture and is none is unknown; what follows a picture does not change it', async () => {
  const script = '<script>alert(1)</script>'
  for (const [name, bytes] of Object.entries({
    'GIF header and markup': text(`GIF89a/*${script}*/=1;`),
    'PNG signature and markup': Buffer.concat([png(1, 1).subarray(0, 8), text(script)]),
    'JPEG signature and markup': Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), text(script)]),
    'WebP header and markup': text(`RIFF\x20\0\0\0WEBPVP8 ${script}`),
    'AVIF brand and markup': Buffer.concat([Buffer.from([0, 0, 0, 24]), text(`ftypavif\0\0\0\0avifmif1${script}`)]),
  })) {
    assert.deepEqual(await inspect(bytes), { mimeType: 'application/octet-stream' }, name)
  }
  const polyglot = Buffer.concat([await picture('gif'), text(script)])
  assert.deepEqual(await inspect(polyglot), { mimeType: 'image/gif', width: 30, height: 20 })
})

test('M-2 a picture whose header is cut off is unknown; one whose pixels are keeps its size', async () => {
  for (const type of types) {
    const whole = await picture(type)
    const cut = await inspect(whole.subarray(0, 20))
    assert.ok(cut.width === undefined && !isInline(cut.mimeType), `${type} is ${cut.mimeType}`)
  }
  const noisy = await sharp(seededBytes(300_000), { raw: { width: 400, height: 250, channels: 3 } }).jpeg().toBuffer()
  const half = await inspect(noisy.subarray(0, noisy.length / 2))
  assert.deepEqual(half, { mimeType: 'image/jpeg', width: 400, height: 250 })
})

test('M-2 a small file that says it is a huge picture is refused from its header alone', async () => {
  for (const [width, height] of [[50_000, 50_000], [2_147_483_647, 2_147_483_647], [134_217_729, 1]] as const) {
    const bomb = png(width, height)
    assert.ok(bomb.length < 1_100)
    const start = performance.now()
    assert.deepEqual(await inspect(bomb), { mimeType: 'application/octet-stream' }, `${width}×${height}`)
    assert.ok(performance.now() - start < 2_000)
  }
  const size = 'ffffffff'
  const gif = Buffer.from(`474946383961${size}8000000000000000002c00000000${size}0002024c01003b`, 'hex')
  assert.deepEqual(await inspect(gif), { mimeType: 'application/octet-stream' })
  gif.writeUInt32LE(0x00_02_00_01, 6)
  gif.writeUInt32LE(0x00_02_00_01, gif.indexOf(0x2c) + 5)
  assert.deepEqual(await inspect(gif), { mimeType: 'image/gif', width: 1, height: 2 })
  assert.deepEqual(await inspect(png(0, 10)), { mimeType: 'application/octet-stream' })
})

test('M-1 text is valid UTF-8 without NUL, wherever its chunks end', async () => {
  const long = 'Zażółć gęślą jaźń 🦊 '.repeat(8_000)
  for (const content of ['hello', '', '{"a":1}', '\ufeffwith a mark', long]) {
    for (const chunk of [7, 65_536]) {
      assert.deepEqual(await inspect(text(content), content.length < 99 ? chunk : 65_537), { mimeType: 'text/plain' })
    }
  }
  for (const [name, bytes] of Object.entries({
    NUL: text('a\0b'),
    'NUL at the end of a long text': text(`${long}\0`),
    'latin 1': Buffer.from('café', 'latin1'),
    'a lone surrogate': Buffer.from([0x61, 0xed, 0xa0, 0x80]),
    'a character cut off at the end': text('🦊').subarray(0, 3),
    'a character cut off at the end of a long text': Buffer.concat([text(long), Buffer.from([0xf0])]),
  })) {
    assert.deepEqual(await inspect(bytes), { mimeType: 'application/octet-stream' }, name)
  }
})

test('M-1 other files are what their signature says, and never shown inline', async () => {
  const zip = Buffer.from('504b0506000000000000000000000000000000000000', 'hex')
  for (const [mimeType, bytes] of [
    ['application/pdf', text('%PDF-1.7\n%âãÏÓ\n')],
    ['application/zip', zip],
    ['video/mp4', Buffer.concat([Buffer.from([0, 0, 0, 24]), text('ftypisom\0\0\u0002\0isommp42')])],
  ] as const) {
    assert.deepEqual(await inspect(bytes), { mimeType })
    assert.ok(!isInline(mimeType))
  }
  for (const type of ['image/svg+xml', 'text/html', 'text/plain', 'application/pdf', 'image/tiff', 'image/heic', '']) {
    assert.ok(!isInline(type), type)
  }
})

test('M-2 a picture too large to hold is not looked into', async () => {
  const whole = await picture('png')
  const file = { size: 64 * 1024 * 1024 + 1, stream: Readable.from([whole]) }
  assert.deepEqual(await media.inspect(file), { mimeType: 'application/octet-stream' })
})

test('M-3 a file that cannot be read is an error, wherever it breaks, and the next one is looked at', async () => {
  const whole = await picture('png')
  async function* broken(...chunks: Buffer[]): AsyncGenerator<Buffer> {
    yield* chunks
    throw new Error('EIO')
  }
  const large = Buffer.concat([whole, Buffer.alloc(70_000)])
  for (const chunks of [[], [whole], [large], [text('a'.repeat(70_000))]]) {
    await assert.rejects(media.inspect({ size: 99_999, stream: Readable.from(broken(...chunks)) }), /EIO/)
  }
  assert.equal((await inspect(whole)).mimeType, 'image/png')
})

const seededBytes = (length: number): Buffer => {
  const random = seeded()
  return Buffer.from(Array.from({ length }, () => random.int(256)))
}

test('M-3 no bytes make it throw: noise, noise behind a signature, pictures with wrong bytes', async () => {
  const { seed } = seeded()
  const pictures = await Promise.all(types.map(picture))
  const heads = [...pictures.map((bytes) => bytes.subarray(0, 40)), ...['RIFF', 'PK\x03\x04', '%PDF', 'ID3'].map(text)]
  const noise = fc.uint8Array({ maxLength: 400 })
  const edit = fc.tuple(fc.nat(2_000), fc.nat(255))
  const hostile = fc.oneof(
    noise,
    fc
      .tuple(fc.constantFrom(...heads), fc.nat(40), noise)
      .map(([head, end, rest]) => Buffer.concat([head.subarray(0, end), rest])),
    fc.tuple(fc.constantFrom(...pictures), fc.array(edit, { maxLength: 20 })).map(([bytes, edits]) => {
      const edited = Buffer.from(bytes)
      for (const [at, value] of edits) edited[at % edited.length] = value
      return edited
    }),
  )
  await fc.assert(
    fc.asyncProperty(hostile, async (bytes) => {
      const { mimeType, width, height } = await inspect(bytes)
      assert.match(mimeType, /^[a-z]+\/[\w.+-]+$/)
      assert.equal(width !== undefined && height !== undefined, isInline(mimeType))
      if (width !== undefined) assert.ok(width > 0 && height! > 0 && width * height! <= 128 * 1024 * 1024)
    }),
    { seed, numRuns: 1_000 },
  )
})
