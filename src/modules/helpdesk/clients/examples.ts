import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const read = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8')

const IMPORT = `import io from 'socket.io-client';\n`

/** The two usage examples of the document, as they stand there, one after the other; without the import of `io`. */
export function usageExamples(): string {
  const chat = read('basic-chat.txt')
  if (!chat.startsWith(IMPORT)) throw new Error('the example begins with another import')
  return `${chat.slice(IMPORT.length)}\n${read('presence-management.txt')}`
}

/** The server of the examples. */
export const EXAMPLES_URL = 'http://localhost:3001'
