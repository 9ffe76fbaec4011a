/**
 * The framing of git's protocols (git documentation, "gitprotocol-common"): four hexadecimal digits say how long a line
 * is, themselves included; `0000` ends a part. Read at once and in one loop: the other side may be anybody.
 */
const HEADER = 4
const HEX = /^[\da-f]{4}$/i

/** What is no pkt-line. */
export class Malformed extends Error {}

export const flush: Buffer = Buffer.from('0000')

/** @param line at most 65 516 bytes */
export function pktLine(line: string): Buffer {
  const bytes = Buffer.from(line)
  return Buffer.concat([Buffer.from((bytes.length + HEADER).toString(16).padStart(HEADER, '0')), bytes])
}

/**
 * The lines, without the marks that end parts.
 *
 * @throws Malformed
 */
export function* pktLines(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const digits = bytes.toString('latin1', at, at + HEADER)
    if (!HEX.test(digits)) throw new Malformed('A length is not of four hexadecimal digits')
    const length = Number.parseInt(digits, 16)
    // Marks between parts: flush, delimiter, end.
    if (length < HEADER) {
      at += HEADER
      continue
    }
    if (at + length > bytes.length) throw new Malformed('A line is cut')
    yield bytes.subarray(at + HEADER, at + length)
    at += length
  }
}

/** A line of text, without its end. */
export const textOf = (line: Buffer): string => line.toString().replace(/\n$/, '')
