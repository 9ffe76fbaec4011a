import { CommandError } from './errors.ts'

export interface GateLimits {
  /** Deepest nesting of arrays and objects that is let in. */
  readonly maxDepth: number
  /** Most members and elements (counted by their separators) that are let in. */
  readonly maxKeys: number
}

export const defaultGate: GateLimits = { maxDepth: 32, maxKeys: 10_000 }

const QUOTE = 34
const BACKSLASH = 92
const COMMA = 44
const OPEN_ARRAY = 91
const CLOSE_ARRAY = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125

/**
 * Looks at raw JSON text before anything walks it: a 40 KB message nested 20 000 deep is under every size limit, is
 * parsed by V8 without complaint, and overflows the stack of the first function that recurses over it
 * (JSON.stringify, structuredClone, Socket.IO's hasBinary). Linear, allocates nothing.
 *
 * @throws CommandError invalid
 */
export function checkGate(text: string, limits: GateLimits = defaultGate): void {
  let depth = 0
  let keys = 0
  for (let i = 0; i < text.length; i += 1) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i)
        break
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        depth += 1
        if (depth > limits.maxDepth) throw tooDeep(limits)
        break
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        depth -= 1
        break
      case COMMA:
        keys += 1
        if (keys > limits.maxKeys) throw tooMany(limits)
        break
      default:
    }
  }
}

/** Gate, then parse. @throws CommandError invalid */
export function parseJson(text: string, limits: GateLimits = defaultGate): unknown {
  checkGate(text, limits)
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new CommandError('invalid', 'Invalid request data', { details: { frame: 'must be valid JSON' } })
  }
}

function endOfString(text: string, start: number): number {
  let i = start + 1
  while (i < text.length) {
    const c = text.charCodeAt(i)
    if (c === QUOTE) return i
    i += c === BACKSLASH ? 2 : 1
  }
  return i
}

const tooDeep = (limits: GateLimits): CommandError =>
  new CommandError('invalid', 'Invalid request data', {
    details: { frame: `must not be nested more than ${limits.maxDepth} deep` },
  })

const tooMany = (limits: GateLimits): CommandError =>
  new CommandError('invalid', 'Invalid request data', {
    details: { frame: `must not have more than ${limits.maxKeys} members` },
  })
