import { invalid } from './errors.ts'

/** What most file systems can hold. */
const MAX_BYTES = 255

const rules: readonly { readonly found: RegExp; readonly advice: string }[] = [
  { found: /^$/, advice: 'must have a name' },
  { found: /[/\\]/, advice: 'must have a name without / and \\' },
  { found: /^\.\.?$/, advice: 'must have a name that is not . or ..' },
  // Cc control, Cf format (bidi, zero width), Cs lone surrogates, Zl and Zp line breaks; U+FFFD is what did not decode.
  { found: /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\uFFFD]/u, advice: 'must have a name without invisible characters' },
  { found: /[\s.]$/, advice: 'must have a name that does not end in a dot or a space' },
  {
    // With any extension, and with spaces before it: Windows takes them for the device all the same.
    found: /^(con|prn|aux|nul|clock\$|conin\$|conout\$|(com|lpt)[\d¹²³]) *(\.|:|$)/i,
    advice: 'must have a name that is not a device of Windows',
  },
]

/**
 * A client's name of a file, for showing and saving, never for a path of ours.
 *
 * @returns the name in NFC, so that it is the same whichever system it came from
 * @throws CommandError invalid, whose `file` detail says what to do
 */
export function checkFileName(name: string): string {
  const normal = name.normalize('NFC')
  for (const { found, advice } of rules) if (found.test(normal)) throw invalid({ file: advice })
  if (Buffer.byteLength(normal) > MAX_BYTES) throw invalid({ file: `must have a name of at most ${MAX_BYTES} bytes` })
  return normal
}

/** RFC 6266: the name in RFC 8187's form, and before it one of plain ASCII for whom that is new. Takes any text. */
export function contentDisposition(kind: 'inline' | 'attachment', name: string): string {
  const plain = name.replaceAll(/[^\x20-\x7e]+|["\\%]/g, '_')
  const extended = encodeURIComponent(name.toWellFormed()).replaceAll(/['()*]/g, percent)
  return `${kind}; filename="${plain}"; filename*=UTF-8''${extended}`
}

/** What encodeURIComponent leaves as it is and RFC 8187 does not. */
const percent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
