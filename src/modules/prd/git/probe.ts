import { CommandError } from '../../../kernel/errors.ts'
import { findRemoteHead, RemoteFault } from '../history/remote.ts'
import { remoteOf, type GitAccess } from './remote.ts'

/**
 * Asks what a push would begin with, so that the address, the user name, the token and its right to write are tried.
 *
 * @returns what was found
 * @throws CommandError unavailable; OutgoingError
 */
export async function probeGit(access: GitAccess): Promise<string> {
  const remote = remoteOf(access)
  try {
    const head = await findRemoteHead(remote)
    const found = head === undefined ? 'the first one makes it' : `it is at ${head.slice(0, 12)}`
    return `The repository takes pushes to the branch ${remote.branch}: ${found}`
  } catch (error) {
    throw error instanceof RemoteFault ? new CommandError('unavailable', error.message) : error
  }
}
