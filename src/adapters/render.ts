import sharp, { type Metadata, type Sharp } from 'sharp'
import type { Picture, Rendered, RenderOptions } from '../kernel/media.ts'

/** Only the first frame is decoded, but the header of each is read: no picture that people make has more. */
const MAX_FRAMES = 1_000
/** What the largest picture takes on a slow and busy core, several times. Seconds, as libvips counts them. */
const TIMEOUT_SECONDS = 30
/** No difference that can be seen on a telephone; a third of the bytes of 95. */
const QUALITY = 85

/**
 * Decodes a picture and encodes it anew; with nothing asked for, sharp keeps no metadata and converts to sRGB.
 *
 * @returns undefined for what cannot be decoded, or says that it is larger than is allowed
 */
export async function renderPicture(
  bytes: Buffer,
  header: Metadata,
  { maxPixels, maxEdge, thumbnailEdge }: RenderOptions,
): Promise<Rendered | undefined> {
  const { width, height, pages = 1, hasAlpha } = header
  if (pages > MAX_FRAMES || width * height > maxPixels) return undefined
  try {
    const image = await encode(
      // Telephones write pictures that libjpeg warns of and shows: a warning is no error, a missing end is.
      sharp(bytes, { limitInputPixels: maxPixels, pages: 1, failOn: 'error' }).autoOrient(),
      maxEdge,
      hasAlpha,
    )
    return { image, thumbnail: await encode(sharp(image.bytes), thumbnailEdge, hasAlpha) }
  } catch {
    return undefined
  }
}

async function encode(picture: Sharp, edge: number, hasAlpha: boolean): Promise<Picture> {
  const sized = picture
    .resize({ width: edge, height: edge, fit: 'inside', withoutEnlargement: true })
    .timeout({ seconds: TIMEOUT_SECONDS })
  const encoded = hasAlpha ? sized.webp({ quality: QUALITY }) : sized.jpeg({ quality: QUALITY })
  const { data, info } = await encoded.toBuffer({ resolveWithObject: true })
  return { bytes: data, mimeType: hasAlpha ? 'image/webp' : 'image/jpeg', width: info.width, height: info.height }
}
