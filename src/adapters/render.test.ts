import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { crc32, deflateSync } from 'node:zlib'
import fc from 'fast-check'
import sharp, { type Sharp } from 'sharp'
import type { Rendered, RenderOptions } from '../kernel/media.ts'
import { seeded } from '../testing/random.ts'
import { sharpMedia } from './media.ts'

const media = sharpMedia()
const options: RenderOptions = { maxPixels: 50_000_000, maxEdge: 64, thumbnailEdge: 16 }
const types = ['png', 'jpeg', 'gif', 'webp', 'avif'] as const

const render = async (bytes: Uint8Array, changed: Partial<RenderOptions> = {}): Promise<Rendered | undefined> => {
  const stream = Readable.from([Buffer.from(bytes)])
  const rendered = await media.render({ size: bytes.length, stream }, { ...options, ...changed })
  assert.ok(stream.destroyed, 'the file was left open')
  return rendered
}
const rendered = async (bytes: Uint8Array, changed: Partial<RenderOptions> = {}): Promise<Rendered> => {
  const found = await render(bytes, changed)
  assert.ok(found, 'it was refused')
  return found
}
const refused = async (name: string, bytes: Uint8Array, changed: Partial<RenderOptions> = {}): Promise<void> => {
  assert.equal(await render(bytes, changed), undefined, name)
}

const blank = (width = 60, height = 40): Sharp =>
  sharp({ create: { width, height, channels: 3, background: '#a3b' } })
/** Noise, so that its bytes are many and are all pixels. */
const noisy = (width = 200, height = 150): Sharp => {
  const random = seeded()
  const pixels = Buffer.from(Array.from({ length: width * height * 3 }, () => random.int(256)))
  return sharp(pixels, { raw: { width, height, channels: 3 } })
}

const pngChunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  crc.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, crc])
}

/** One bit a pixel, all of one colour. */
const png = (width: number, height: number, pixels: Buffer, ...more: readonly Buffer[]): Buffer => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 1
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const end = pngChunk('IEND', Buffer.alloc(0))
  return Buffer.concat([signature, pngChunk('IHDR', header), ...more, pngChunk('IDAT', deflateSync(pixels)), end])
}

const CAMERA = 'Canarycam 3000'
const HOLDERS = ['Exif', 'EXIF', 'http://ns.adobe.com/xap', 'XMP ', 'Photoshop 3.0', '8BIM', 'ICC_PROFILE', 'ICCP']
const SECRETS = [CAMERA, ...HOLDERS]

/** With everything that telephones write: camera, owner, place, a small picture of the picture. */
const telling = (of: Sharp): Sharp =>
  of.withExif({
    IFD0: { Make: CAMERA, Model: CAMERA, Artist: CAMERA, ImageDescription: CAMERA, Copyright: CAMERA },
    IFD2: { UserComment: CAMERA, BodySerialNumber: CAMERA },
    IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '52/1 31/1 12/1', GPSLongitudeRef: 'E', GPSLongitude: '13/1 24/1 18/1' },
  })

const segment = (marker: number, content: Buffer): Buffer => {
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(content.length + 2, 2)
  return Buffer.concat([head, content])
}

/** JPEG segments after its start: XMP, IPTC, a comment. */
const withSegments = (jpeg: Buffer): Buffer =>
  Buffer.concat([
    jpeg.subarray(0, 2),
    segment(0xe1, Buffer.from(`http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>${CAMERA}</x:xmpmeta>`)),
    segment(0xed, Buffer.from(`Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x10${CAMERA}`)),
    segment(0xfe, Buffer.from(CAMERA)),
    jpeg.subarray(2),
  ])

const saysNothing = (name: string, { image, thumbnail }: Rendered): void => {
  for (const { bytes } of [image, thumbnail]) {
    for (const secret of SECRETS) assert.ok(!bytes.includes(secret), `${name}: ${secret} is still there`)
  }
}

test('M-4 pictures of every kind that browsers show are made anew, opaque ones as JPEG', async () => {
  for (const type of types) {
    // The frames of a GIF have transparency, used or not.
    const kind = type === 'gif' ? 'webp' : 'jpeg'
    const { image, thumbnail } = await rendered(await blank().toFormat(type).toBuffer())
    const { format, width, height, space, hasProfile } = await sharp(image.bytes).metadata()
    assert.deepEqual([format, width, height, space, hasProfile], [kind, 60, 40, 'srgb', false], type)
    assert.deepEqual([image.mimeType, image.width, image.height], [`image/${kind}`, 60, 40], type)
    assert.deepEqual([thumbnail.mimeType, thumbnail.width, thumbnail.height], [`image/${kind}`, 16, 11], type)
  }
})

test('M-4 a picture that can be seen through stays so', async () => {
  const background = { r: 200, g: 0, b: 0, alpha: 0.5 }
  const clear = sharp({ create: { width: 60, height: 40, channels: 4, background } })
  for (const type of ['png', 'webp', 'avif'] as const) {
    for (const picture of Object.values(await rendered(await clear.clone().toFormat(type).toBuffer()))) {
      assert.equal(picture.mimeType, 'image/webp')
      const { data } = await sharp(picture.bytes).raw().toBuffer({ resolveWithObject: true })
      assert.ok(Math.abs(data[0]! - 200) < 20 && Math.abs(data[3]! - 128) < 5, `${type}: ${data.subarray(0, 4).join()}`)
    }
  }
})

test('M-4 a larger picture is made smaller, its longer side first; none is made larger', async () => {
  for (const [width, height, image, thumbnail] of [
    [640, 320, [64, 32], [16, 8]],
    [320, 640, [32, 64], [8, 16]],
    [10, 12, [10, 12], [10, 12]],
    [5_000, 1, [64, 1], [16, 1]],
    [1, 1, [1, 1], [1, 1]],
  ] as const) {
    const found = await rendered(await blank(width, height).png().toBuffer())
    assert.deepEqual([found.image.width, found.image.height], image)
    assert.deepEqual([found.thumbnail.width, found.thumbnail.height], thumbnail)
  }
})

test('M-4 camera, place and owner are gone, whatever kind of picture told of them', async () => {
  for (const type of ['jpeg', 'png', 'webp', 'avif'] as const) {
    const told = await telling(noisy()).withIccProfile('p3').toFormat(type).toBuffer()
    assert.ok(told.includes(CAMERA) && (await sharp(told).metadata()).exif, `${type} tells`)
    saysNothing(type, await rendered(told))
  }
  const jpeg = withSegments(await telling(noisy()).jpeg().toBuffer())
  const { xmp, iptc } = await sharp(jpeg).metadata()
  assert.ok(xmp && iptc, 'the segments are read')
  const found = await rendered(jpeg)
  saysNothing('segments', found)
  const { exif, xmp: left, iptc: more, comments } = await sharp(found.image.bytes).metadata()
  assert.deepEqual([exif, left, more, comments], [undefined, undefined, undefined, undefined])
})

test('M-4 what the texts, the clock and the profile of a PNG say is gone', async () => {
  const chunks = [
    pngChunk('tEXt', Buffer.from(`Author\0${CAMERA}`)),
    pngChunk('zTXt', Buffer.concat([Buffer.from('Comment\0\0'), deflateSync(Buffer.from(CAMERA))])),
    pngChunk('iTXt', Buffer.from(`XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta>${CAMERA}</x:xmpmeta>`)),
    pngChunk('tIME', Buffer.from([7, 233, 1, 1, 1, 1, 1])),
    pngChunk('prVt', Buffer.from(CAMERA)),
  ]
  const told = png(16, 16, Buffer.alloc(48), ...chunks)
  const found = await rendered(told)
  saysNothing('chunks', found)
  for (const { bytes } of [found.image, found.thumbnail]) {
    for (const chunk of ['tEXt', 'zTXt', 'iTXt', 'tIME', 'prVt', 'Author']) assert.ok(!bytes.includes(chunk), chunk)
  }
})

test('M-4 colours of another space are those of sRGB afterwards', async () => {
  const red = { create: { width: 8, height: 8, channels: 3, background: { r: 200, g: 40, b: 40 } } } as const
  const wide = await sharp(red).withIccProfile('p3').png().toBuffer()
  assert.ok((await sharp(wide).metadata()).icc)
  const cmyk = await sharp(red).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer()
  assert.equal((await sharp(cmyk).metadata()).space, 'cmyk')
  for (const bytes of [wide, cmyk]) {
    const { data, info } = await sharp((await rendered(bytes)).image.bytes).raw().toBuffer({ resolveWithObject: true })
    assert.equal(info.channels, 3)
    const shown = data.subarray(0, 3)
    for (const [i, value] of [200, 40, 40].entries()) assert.ok(Math.abs(shown[i]! - value) < 30, shown.join())
  }
})

test('M-4 a picture stands upright, turned as the camera said, and says so no more', async () => {
  // Dark on the left, light on the right, so that each of the eight ways can be told from the others.
  const corner = await sharp({ create: { width: 8, height: 6, channels: 3, background: '#000' } }).png().toBuffer()
  const upright = sharp({ create: { width: 32, height: 16, channels: 3, background: '#fff' } }).composite([
    { input: corner, left: 0, top: 0 },
  ])
  const pixels = await upright.png().toBuffer()
  const dark = { 1: 'top left', 2: 'top right', 3: 'bottom right', 4: 'bottom left', 5: 'top left', 6: 'top right',
    7: 'bottom right', 8: 'bottom left' } as const
  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8] as const) {
    const { image, thumbnail } = await rendered(await sharp(pixels).withMetadata({ orientation }).jpeg().toBuffer())
    const size = orientation > 4 ? [16, 32] : [32, 16]
    assert.deepEqual([image.width, image.height], size, `orientation ${orientation}`)
    assert.equal(thumbnail.width > thumbnail.height, orientation <= 4)
    assert.equal((await sharp(image.bytes).metadata()).orientation, undefined)
    const { data, info } = await sharp(image.bytes).greyscale().raw().toBuffer({ resolveWithObject: true })
    const at = { 'top left': 0, 'top right': info.width - 1, 'bottom left': (info.height - 1) * info.width,
      'bottom right': info.height * info.width - 1 }
    for (const [place, index] of Object.entries(at)) {
      assert.equal(data[index]! < 128, place === dark[orientation], `orientation ${orientation}: ${place}`)
    }
  }
})

test('M-4 what follows or hides behind a picture is not in what is made of it', async () => {
  const script = `<script>alert('${CAMERA}')</script>`
  const zip = Buffer.from(`PK\x03\x04${CAMERA}PK\x05\x06${'\0'.repeat(18)}`)
  for (const type of types) {
    const whole = await noisy().toFormat(type).toBuffer()
    for (const tail of [Buffer.from(script), zip, Buffer.from(`*/=1;alert('${CAMERA}')//`), whole]) {
      const { image, thumbnail } = await rendered(Buffer.concat([whole, tail]))
      for (const { bytes } of [image, thumbnail]) {
        assert.ok(!bytes.includes(CAMERA) && !bytes.includes('<script') && !bytes.includes('PK\x03\x04'), type)
        assert.deepEqual([...bytes.subarray(0, 2), ...bytes.subarray(-2)], [0xff, 0xd8, 0xff, 0xd9], type)
      }
    }
  }
  const first = await noisy().jpeg().toBuffer()
  const comment = segment(0xfe, Buffer.from(`*/alert('${CAMERA}')/*`))
  const { image } = await rendered(Buffer.concat([first.subarray(0, 2), comment, first.subarray(2)]))
  assert.ok(!image.bytes.includes(CAMERA))
})

test('M-4 of one that moves there is the first frame', async () => {
  const frames = Buffer.concat([Buffer.alloc(300, 255), Buffer.alloc(300, 0), Buffer.alloc(300, 0)])
  const raw = { width: 10, height: 30, channels: 3, pageHeight: 10 } as const
  for (const type of ['gif', 'webp'] as const) {
    const { image } = await rendered(await sharp(frames, { raw }).toFormat(type).toBuffer())
    assert.deepEqual([image.width, image.height], [10, 10])
    const { data } = await sharp(image.bytes).raw().toBuffer({ resolveWithObject: true })
    assert.ok(data[0]! > 240, type)
  }
})

test('M-4 what is renamed, or only begins like a picture, is refused', async () => {
  const script = '<script>alert(1)</script>'
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
  const whole = await noisy().png().toBuffer()
  for (const [name, bytes] of Object.entries({
    nothing: '',
    text: 'this is no picture',
    svg,
    'svg with a prolog': `<?xml version="1.0"?>\n${svg}`,
    html: `<!doctype html>${script}`,
    zip: Buffer.from('504b0506000000000000000000000000000000000000', 'hex'),
    pdf: '%PDF-1.7\n%âãÏÓ\n',
    'GIF header and markup': `GIF89a/*${script}*/=1;`,
    'PNG signature and markup': Buffer.concat([whole.subarray(0, 8), Buffer.from(script)]),
    'PNG header and markup': Buffer.concat([whole.subarray(0, 33), Buffer.from(script)]),
    'JPEG signature and markup': Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.from(script)]),
    'WebP header and markup': `RIFF\x20\0\0\0WEBPVP8 ${script}`,
    'AVIF brand and markup': `\0\0\0\x18ftypavif\0\0\0\0avifmif1${script}`,
    'HEIC brand and markup': `\0\0\0\x18ftypheic\0\0\0\0heicmif1${script}`,
    tiff: Buffer.concat([Buffer.from('49492a0008000000', 'hex'), Buffer.alloc(100)]),
    'markup before a picture': Buffer.concat([Buffer.from(script), whole]),
  })) {
    await refused(name, Buffer.from(bytes))
  }
})

test('M-4 a picture that is cut off is refused, wherever', async () => {
  for (const type of types) {
    const whole = await noisy().toFormat(type).toBuffer()
    for (const part of [0.01, 0.1, 0.5, 0.9]) {
      await refused(`${type} cut off at ${part}`, whole.subarray(0, Math.ceil(whole.length * part)))
    }
  }
})

test('M-4 a picture whose pixels are wrong is refused where its format can tell', async () => {
  const whole = await noisy().png().toBuffer()
  const wrong = Buffer.from(whole)
  wrong.fill(0, whole.length / 2, whole.length / 2 + 1_000)
  await refused('PNG', wrong)
  const short = png(64, 64, Buffer.alloc(100))
  await refused('PNG with too few pixels', short)
})

test('M-5 a bomb is refused for what its header says, and what it holds is never decoded', async () => {
  const small = Buffer.alloc(1_000)
  for (const [width, height] of [[50_000, 50_000], [2_147_483_647, 2_147_483_647], [50_000_001, 1]] as const) {
    await refused(`${width}×${height}`, png(width, height, small))
  }
  const edge = 30_000
  // All of its pixels are there, in so few bytes.
  const real = png(edge, edge, Buffer.alloc(edge * (edge / 8 + 1)))
  assert.ok(real.length < 150_000)
  const before = process.memoryUsage.rss()
  await refused('one that is as large as it says', real)
  assert.ok(process.memoryUsage.rss() - before < 100_000_000, 'it was decoded')
  const gif = await blank(10, 10).gif().toBuffer()
  // The screen and its one frame.
  for (const at of [6, gif.indexOf(0x2c) + 5]) gif.writeUInt32LE(0xff_ff_ff_ff, at)
  await refused('GIF', gif)
})

test('M-5 the most pixels that are allowed are rendered, one more is not', async () => {
  const bytes = await blank(100, 50).png().toBuffer()
  await rendered(bytes, { maxPixels: 5_000 })
  await refused('a pixel too many', bytes, { maxPixels: 4_999 })
})

test('M-5 a picture of more frames than people make is refused', async () => {
  const still = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } }).gif().toBuffer()
  const frame = still.subarray(still.indexOf(0x2c), -1)
  const head = still.subarray(0, still.indexOf(0x2c))
  const moving = (frames: number): Buffer =>
    Buffer.concat([head, ...Array.from({ length: frames }, () => frame), Buffer.from(';')])
  assert.equal((await sharp(moving(7)).metadata()).pages, 7)
  await rendered(moving(1_000))
  await refused('frames', moving(1_001))
})

test('M-5 a file that is too large to be held is not read', async () => {
  const stream = new Readable({
    read() {
      assert.fail('it was read')
    },
  })
  assert.equal(await media.render({ size: 64 * 1024 * 1024 + 1, stream }, options), undefined)
  assert.ok(stream.destroyed)
})

test('M-5 pictures are rendered one at a time, in the order in which they came', async () => {
  const bytes = await noisy().png().toBuffer()
  const steps: string[] = []
  const source = async function* (n: number): AsyncGenerator<Buffer> {
    steps.push(`${n} is read`)
    yield await Promise.resolve(bytes)
  }
  const order = [0, 1, 2, 3, 4, 5]
  await Promise.all(
    order.map(async (n) => {
      const stream = Readable.from(source(n), { highWaterMark: 1 })
      assert.ok(await media.render({ size: bytes.length, stream }, options))
      steps.push(`${n} is done`)
    }),
  )
  assert.deepEqual(steps.filter((step) => step.endsWith('read')), order.map((n) => `${n} is read`))
  // The next one may begin in the very turn in which one ends, before who waits for it is told.
  for (const n of order.slice(2)) {
    assert.ok(steps.indexOf(`${n} is read`) > steps.indexOf(`${n - 2} is done`), steps.join(', '))
  }
})

test('M-3 a file that cannot be read is an error, and the next one is rendered', async () => {
  const bytes = await blank().png().toBuffer()
  async function* broken(): AsyncGenerator<Buffer> {
    yield await Promise.resolve(bytes)
    throw new Error('EIO')
  }
  await assert.rejects(media.render({ size: 99_999, stream: Readable.from(broken()) }, options), /EIO/)
  await rendered(bytes)
})

test('M-3 M-4 no bytes make it throw, and what it gives is always sound', async () => {
  const { seed } = seeded()
  const pictures = await Promise.all(types.map((type) => telling(noisy(24, 18)).toFormat(type).toBuffer()))
  const edit = fc.tuple(fc.nat(4_000), fc.nat(255))
  const hostile = fc.tuple(fc.constantFrom(...pictures), fc.array(edit, { maxLength: 12 })).map(([bytes, edits]) => {
    const edited = Buffer.from(bytes)
    for (const [at, value] of edits) edited[at % edited.length] = value
    return edited
  })
  await fc.assert(
    fc.asyncProperty(hostile, async (bytes) => {
      const found = await render(bytes, { maxPixels: 1_000_000 })
      if (!found) return
      saysNothing('edited', found)
      for (const { bytes: made, width, height } of [found.image, found.thumbnail]) {
        const header = await sharp(made, { failOn: 'warning' }).metadata()
        assert.deepEqual([header.width, header.height], [width, height])
        assert.ok(Math.max(width, height) <= 64)
      }
    }),
    { seed, numRuns: 300 },
  )
})
