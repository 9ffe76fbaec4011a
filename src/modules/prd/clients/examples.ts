import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileFunction } from 'node:vm'

const SECTION = /^### (\d+\.\d+) .*\n([^]*?)(?=^### |$(?![^]))/gm
const BLOCK = /^```javascript\n([^]*?)^```$/gm

/** The document's code blocks as they stand there, by the number of their section, in their order. */
export const examples: ReadonlyMap<string, readonly string[]> = new Map(
  [...readFileSync(join(import.meta.dirname, 'examples.md'), 'utf8').matchAll(SECTION)].map(([, number, text]) => [
    number!,
    [...text!.matchAll(BLOCK)].map(([, code]) => code!),
  ]),
)

/** What a page has that runs them: its globals, and what earlier blocks have declared, by name. */
export type Page = Readonly<Record<string, unknown>>

const IMPORT = `import { io } from 'socket.io-client'\n`
const DECLARED = /^const (\w+) = /gm

/** Runs one block. @returns what it declares, by name */
export function runExample(section: string, index: number, page: Page): Record<string, unknown> {
  const block = examples.get(section)?.[index]
  if (block === undefined) throw new Error(`the document has no block ${index} in section ${section}`)
  const code = block.startsWith(IMPORT) ? block.slice(IMPORT.length) : block
  const names = [...code.matchAll(DECLARED)].map(([, name]) => name!)
  const run = compileFunction(`${code}\nreturn { ${names.join(', ')} }`, Object.keys(page))
  return run(...Object.values(page)) as Record<string, unknown>
}
