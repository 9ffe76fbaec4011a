import type { Framing } from '../../kernel/codec.ts'
import type { Connection } from '../../kernel/connection.ts'
import type { Hub } from '../../kernel/hub.ts'
import type { Frame } from '../../kernel/outbox.ts'
import { toId } from './ids.ts'
import { batchRoom, joinedRoom, MODULE } from './rooms.ts'
import type { PrdSettings } from './settings.ts'
import { frame, frameOf, timestamp, type Payload } from './wire.ts'

/** A presence for everybody in a PRD but the connection it came from. */
export interface Update {
  readonly shown: Omit<Payload<'presence-update'>, 'prdId'>
  readonly sender: Connection | undefined
}

/**
 * Updates of one batch. Its bytes are shared by all who sent none of these; each who did gets one of his own, without
 * his: larger, and more has to be written apart; smaller, and everybody gets more batches.
 */
const BATCH = 16

export interface BroadcastsOptions {
  readonly hub: Hub
  readonly settings: Pick<PrdSettings, 'batching'>
}

/** Brings presences to those who have joined a PRD, each of them alone or, where batching is wanted, in batches. */
export class Broadcasts {
  private readonly hub: Hub
  private readonly isDefault: boolean
  private last = 0

  constructor({ hub, settings }: BroadcastsOptions) {
    this.hub = hub
    this.isDefault = settings.batching
  }

  /** Section 12: what the connection asked for (`batch`, in `auth` or the query), or else the setting. */
  enter(prd: number, connection: Connection): void {
    const { batch } = connection.params
    const wanted = batch === undefined ? this.isDefault : batch === 'true' || batch === '1'
    if (wanted) this.hub.rooms.join(connection, batchRoom(prd))
  }

  leave(prd: number, connection: Connection): void {
    this.hub.rooms.leave(connection, batchRoom(prd))
  }

  /**
   * To all that have joined the PRD and are not behind with reading; each gets an update alone or in a batch. Who
   * batches always gets a batch, of one update too, so that there is one place to look for presences.
   */
  send(prd: number, updates: readonly Update[]): void {
    const { rooms } = this.hub
    const batching = rooms.members(batchRoom(prd))
    if (batching.size < rooms.members(joinedRoom(prd)).size) this.sendAlone(prd, updates, batching.size > 0)
    if (batching.size === 0) return
    for (let from = 0; from < updates.length; from += BATCH) {
      this.sendBatch(prd, updates.slice(from, from + BATCH), batching)
    }
  }

  /** To one connection alone. */
  welcome(prd: number, connection: Connection, updates: readonly Update[]): void {
    if (updates.length === 0) return
    if (connection.rooms.has(batchRoom(prd))) return connection.send(this.batch(prd)(updates.map(memberOf)))
    for (const { shown } of updates) connection.send(frameOf('presence-update', { prdId: toId('prd', prd), ...shown }))
  }

  private sendAlone(prd: number, updates: readonly Update[], isSomebodyBatching: boolean): void {
    const to = [joinedRoom(prd)]
    const audience = isSomebodyBatching ? { to, except: [batchRoom(prd)] } : { to }
    for (const { shown, sender } of updates) {
      const payload: Payload<'presence-update'> = { prdId: toId('prd', prd), ...shown }
      const but = sender && { exceptConnection: sender }
      this.hub.signal({ module: MODULE, type: 'presence-update', audience, payload, ...but })
    }
  }

  private sendBatch(prd: number, updates: readonly Update[], receivers: ReadonlySet<Connection>): void {
    const batch = this.batch(prd)
    const members = updates.map(memberOf)
    const senders = new Map(updates.map(({ sender }, i) => [sender, i]))
    const frames = new Map<Framing, Frame>()
    for (const connection of receivers) {
      if (!connection.live || connection.outbox.congested) continue
      const own = senders.get(connection)
      if (own !== undefined) {
        if (members.length > 1) connection.send(batch(members.toSpliced(own, 1)))
        continue
      }
      const { framing } = connection.transport
      let shared = frames.get(framing)
      if (!shared) frames.set(framing, (shared = framing(batch(members))))
      connection.outbox.append(shared)
    }
  }

  /** The next batch: the event for who gets these of its updates, given as JSON texts. */
  private batch(prd: number): (members: readonly string[]) => string {
    const head = `{"prdId":"${toId('prd', prd)}","updates":[`
    const tail = `],"batchId":"batch_${(this.last += 1)}","timestamp":"${timestamp(this.hub.clock.now())}"}`
    return (members) => frame('batch-update', `${head}${members.join(',')}${tail}`)
  }
}

/** JSON text of an update in a batch. */
const memberOf = ({ shown }: Update): string => JSON.stringify({ type: 'presence-update', ...shown })
