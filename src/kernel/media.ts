import type { OpenFile } from './files.ts'

export interface Inspected {
  readonly mimeType: string
  /** Pixels as a viewer shows them, turned as the camera says. Only of what may be shown inline. */
  readonly width?: number
  readonly height?: number
}

/**
 * Port: what a stored file really is. Promises, proved by `adapters/media.test.ts`:
 * M-1 the type comes from the bytes alone; what they do not tell is `application/octet-stream`, and `text/plain` is
 * valid UTF-8 without NUL;
 * M-2 a type that may be shown inline comes with its size in pixels, read from a header that was found right, and is
 * never given to more pixels than a viewer can be asked to hold;
 * M-3 no bytes make it throw: only a file that cannot be read does.
 */
export interface Media {
  /** Reads what it needs and closes the file, whatever happens. */
  inspect(file: OpenFile): Promise<Inspected>
}

export const UNKNOWN = 'application/octet-stream'

const inline: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif'])

/** Whether a browser may show it in place: pictures that cannot hold a script. Everything else is to be saved. */
export const isInline = (mimeType: string): boolean => inline.has(mimeType)
