import type { OpenFile } from './files.ts'

export interface Inspected {
  readonly mimeType: string
  /** Pixels as a viewer shows them, turned as the camera says. Only of what may be shown inline. */
  readonly width?: number
  readonly height?: number
}

export interface RenderOptions {
  /** The most pixels that are decoded; a header that says more is refused as it is. */
  readonly maxPixels: number
  /** Pixels of the longer side; a larger picture is made smaller, none is made larger. */
  readonly maxEdge: number
  /** The same for the thumbnail. */
  readonly thumbnailEdge: number
}

/** A picture made anew from the pixels of another. */
export interface Picture {
  readonly bytes: Buffer
  readonly mimeType: 'image/jpeg' | 'image/webp'
  readonly width: number
  readonly height: number
}

export interface Rendered {
  readonly image: Picture
  readonly thumbnail: Picture
}

/**
 * Port: what a stored file really is. Promises, proved by `adapters/media.test.ts` and `adapters/render.test.ts`:
 * M-1 the type comes from the bytes alone; what they do not tell is `application/octet-stream`, and `text/plain` is
 * valid UTF-8 without NUL;
 * M-2 a type that may be shown inline comes with its size in pixels, read from a header that was found right, and is
 * never given to more pixels than a viewer can be asked to hold;
 * M-3 no bytes make it throw: only a file that cannot be read does;
 * M-4 what is rendered was decoded to its last pixel and encoded anew: upright, in sRGB, of the first frame, and with
 * nothing of the file it came from but its pixels;
 * M-5 what says that it is larger than is allowed, in pixels or in frames, is refused before a pixel is decoded; one
 * picture is rendered at a time, and for a bounded time.
 */
export interface Media {
  /** Reads what it needs and closes the file, whatever happens. */
  inspect(file: OpenFile): Promise<Inspected>
  /**
   * Reads the file whole and closes it, whatever happens.
   *
   * @returns undefined for what is no picture, is cut off, is too large or cannot be decoded in time
   */
  render(file: OpenFile, options: RenderOptions): Promise<Rendered | undefined>
}

export const UNKNOWN = 'application/octet-stream'

const inline: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif'])

/** Whether a browser may show it in place: pictures that cannot hold a script. Everything else is to be saved. */
export const isInline = (mimeType: string): boolean => inline.has(mimeType)
