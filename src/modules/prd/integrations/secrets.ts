import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { IntegrationKind } from './kinds.ts'

/** AES-256-GCM. The text is base64url of nonce, tag and ciphertext. */
const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const PURPOSE = 'switchboard secrets of integrations'

/** Whose secrets they are: sealed ones open nowhere else. */
export interface Place {
  readonly organization: number
  readonly kind: IntegrationKind
}

export type Secrets = Readonly<Record<string, string>>

/** @param secret the server's */
export function sealSecrets(secret: Uint8Array, place: Place, secrets: Secrets): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, keyOf(secret), nonce).setAAD(dataOf(place))
  const sealed = Buffer.concat([cipher.update(JSON.stringify(secrets), 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')
}

/** @returns undefined when they were sealed with another secret of the server, for another place, or changed since */
export function openSecrets(secret: Uint8Array, place: Place, text: string): Secrets | undefined {
  const bytes = Buffer.from(text, 'base64url')
  const [nonce, tag] = [bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)]
  try {
    const decipher = createDecipheriv(CIPHER, keyOf(secret), nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(dataOf(place)).setAuthTag(tag)
    const opened = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
    return JSON.parse(opened.toString('utf8')) as Secrets
  } catch {
    return undefined
  }
}

const keyOf = (secret: Uint8Array): Buffer => Buffer.from(hkdfSync('sha256', secret, new Uint8Array(), PURPOSE, 32))

const dataOf = ({ organization, kind }: Place): Buffer => Buffer.from(`${organization}:${kind}`)
