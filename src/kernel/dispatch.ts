import type { CommandContext } from './face.ts'
import { invalid } from './errors.ts'

/**
 * From a client's frame, past the gate, to the one command it is: name, rebuild from the schema, run.
 * @returns the reply, if the command has one.
 * @throws CommandError, which the connection turns into the document's error frame
 */
export async function dispatch(context: CommandContext, frame: unknown): Promise<string | undefined> {
  const { face } = context.connection
  const inbound = face.decode(frame)
  const command = face.commands.get(inbound.name)
  if (!command) throw unknownCommand(inbound.name, [...face.commands.keys()])
  return (await command.run(context, command.decode(inbound.data))) ?? undefined
}

const unknownCommand = (name: string, known: readonly string[]) =>
  invalid({ type: `${JSON.stringify(name.slice(0, 64))} is not known here; send one of ${known.join(', ')}` })
