import assert from 'node:assert/strict'
import type { ManagerOptions, SocketOptions } from 'socket.io-client'
import type { World } from '../../../testing/world.ts'
import { parsePosition } from '../../../wire/position.ts'
import type { LoggedName } from '../events.ts'
import { checkEvent, Tab, type Data, type Received } from '../testing.ts'

/** One event as a client that asks for positions takes it apart. */
export interface Told {
  readonly name: string
  /** As the document writes it: without the position. */
  readonly data: Data
  /** Absent where it is not kept, and does not say where to start. */
  readonly position: string | undefined
}

const kept: ReadonlySet<string> = new Set<LoggedName>([
  'chat:new_message',
  'message_read_receipt',
  'system_broadcast_received',
  'channel_updated',
  'file_upload_notification',
])

/** Only kept events have a position, and what lets somebody in or sends them to REST; as the last key, always. */
export function toldBy(event: Received): Told {
  const [name, given] = event
  const isObject = typeof given === 'object' && given !== null
  const { position, ...data } = (isObject ? given : {}) as Record<string, unknown>
  if (position !== undefined) assert.equal(Object.keys(given as object).at(-1), 'position')
  const isPlaced = kept.has(name) || name === 'authenticated' || name === 'resync'
  if (isPlaced) assert.equal(typeof position, 'string', name)
  else assert.equal(position, undefined, name)
  if (name !== 'resync') checkEvent([name, isObject ? data : given])
  return { name, data: isObject ? data : given, position: position as string | undefined }
}

export const offsetOf = (position: string): number => parsePosition(position)!.offset

export interface Resuming {
  readonly since?: string | undefined
  readonly join?: readonly number[] | string | undefined
  readonly how?: Partial<ManagerOptions & SocketOptions>
}

/** A tab that asks for positions, once it has all that it missed. */
export async function resuming(world: World, token: string, { since = 'now', join, how }: Resuming = {}): Promise<Tab> {
  const tab = new Tab(world.url, { auth: { token, since, ...(join !== undefined && { join }) }, ...how })
  await tab.connected()
  await quiet(world)
  return tab
}

/** Everybody who is let in has got all that they missed, and everything that was begun is done. */
export async function quiet({ app: { hub, unitOfWork } }: World): Promise<void> {
  const unready = (): boolean =>
    [...hub.connections].some(({ session, live, outbox }) => session !== undefined && (!live || outbox.hasPending))
  do {
    await unitOfWork.settled()
    await new Promise((turn) => setImmediate(turn))
  } while (unready())
}

/** What has come to the tab until now, in order. */
export async function heard(tab: Tab): Promise<Told[]> {
  return (await tab.drained()).map(toldBy)
}

/** Of what was heard, what is kept; nothing may come twice or out of order. */
export function keptOf(told: readonly Told[]): Told[] {
  const events = told.filter(({ name }) => kept.has(name))
  const offsets = events.map(({ position }) => offsetOf(position!))
  for (const [i, offset] of offsets.entries()) {
    assert.ok(i === 0 || offset > offsets[i - 1]!, `${offset} comes twice or late`)
  }
  return events
}
