import { callsIn } from '../../kernel/mentions.ts'

/** Whom a text calls. */
export interface Mentions {
  /** Keys of usernames, lower case, each once, in the order of the text. Who is not there is not meant. */
  readonly names: readonly string[]
  /** Everybody in the channel. */
  readonly channel: boolean
  /** Everybody in the channel who is there now. */
  readonly here: boolean
}

/** Reads a text in linear time, whatever it is. Nothing is meant in code and in links. */
export function mentionsIn(content: string): Mentions {
  const names = new Set<string>()
  let channel = false
  let here = false
  for (const call of callsIn(content)) {
    const bare = call.at(-1)
    if (bare === 'channel') channel = true
    else if (bare === 'here') here = true
    else for (const name of call) names.add(name)
  }
  return { names: [...names], channel, here }
}
