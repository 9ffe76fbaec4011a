import type { Connection } from '../../../kernel/connection.ts'
import { notJoined } from '../failures.ts'
import type { Appearance, Showing } from '../presence.ts'
import type { Parts } from './parts.ts'

/**
 * Section 3.1: the others in the PRD see it, the person's own other tabs included.
 * @returns what they see: offsets that fit the text, and `viewing` for who has joined to view
 * @throws PrdError NOT_JOINED
 */
export function setPresence(
  { live }: Pick<Parts, 'live'>,
  connection: Connection,
  id: number,
  showing: Showing,
): Appearance {
  const participant = live.of(connection, id)
  if (!participant) throw notJoined()
  return live.presences.show(participant, showing)
}
