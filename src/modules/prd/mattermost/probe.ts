import { conflict } from '../../../kernel/errors.ts'
import type { Opened } from '../integrations/access.ts'
import { Mattermost, MattermostFault } from './client.ts'

/**
 * The connection test: signs in and looks for all channels.
 * @returns what was found
 * @throws CommandError saying what is wrong; OutgoingError
 */
export async function probeMattermost(opened: Opened<'mattermost'>): Promise<string> {
  const mattermost = new Mattermost(opened)
  try {
    const username = await mattermost.me()
    const names = new Set(opened.settings.channels.map(({ name }) => name))
    for (const name of names) await mattermost.channelId(name)
    return `Signed in as ${username}; ${names.size === 1 ? 'one channel' : `${names.size} channels`} found`
  } catch (error) {
    throw error instanceof MattermostFault ? conflict(error.message) : error
  }
}
