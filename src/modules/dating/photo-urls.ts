import { signer } from '../../kernel/signed-url.ts'
import type { PhotoUrls } from './actions/parts.ts'
import type { DatingSettings } from './settings.ts'

const PREFIX = '/api/dating'

/** @param secret the server's own */
export function photoUrls(secret: Uint8Array, { photoUrlMs }: Pick<DatingSettings, 'photoUrlMs'>): PhotoUrls {
  const signed = signer(secret, 'dating.photos')
  const expiresAt = (now: number): number => now + photoUrlMs
  const urlOf = (path: string, until: number, claims?: { readonly once: string }): string =>
    `${PREFIX}${path}?${signed.sign(path, until, claims)}`
  return {
    file: (photo, now) => urlOf(pathOf(photo, 'file'), expiresAt(now)),
    thumbnail: (photo, now) => urlOf(pathOf(photo, 'thumbnail'), expiresAt(now)),
    expiresAt,
    once: (photo, until) => urlOf(pathOf(photo, 'file'), until, { once: '1' }),
    verify(photo, part, query, now) {
      const claims = signed.verify(pathOf(photo, part), query, now)
      return claims && { once: claims['once'] !== undefined }
    },
  }
}

/** Under the prefix of the routes. */
const pathOf = (photo: string, part: 'file' | 'thumbnail'): string => `/photos/${photo}/${part}`
