import type { Command, Face } from './face.ts'
import { invalid } from './errors.ts'

/**
 * From a client's frame, past the gate, to the one command it is, and what it brings, rebuilt from the schema.
 * @throws CommandError, which the connection turns into the document's error frame
 */
export function commandOf(face: Face, frame: unknown): { readonly command: Command; readonly data: unknown } {
  const inbound = face.decode(frame)
  const command = face.commands.get(inbound.name)
  if (!command) throw unknownCommand(inbound.name, [...face.commands.keys()])
  return { command, data: command.decode(inbound.data) }
}

const unknownCommand = (name: string, known: readonly string[]) =>
  invalid({ type: `${JSON.stringify(name.slice(0, 64))} is not known here; send one of ${known.join(', ')}` })
