import type { Connection } from '../../kernel/connection.ts'
import type { FaceParams } from '../../kernel/face.ts'
import type { Message } from '../../kernel/message.ts'
import { FakeClock } from '../../testing/clock.ts'
import { Peer, turn, until } from '../../testing/peer.ts'
import { toyKernel } from '../../testing/toy.ts'
import { LiveDocument } from './document/document.ts'
import { Presences, type Visitor } from './presence.ts'
import { joinedRoom, participantRoom } from './rooms.ts'
import type { Data, Received } from './testing.ts'
import type { Mode } from './wire.ts'

const PRD = 1
/** Of nobody: the tests' own edits. */
const author = { slot: 1, accountId: 99, time: 0 }

/** As of a real transport: the same for all, who share the bytes. */
const framing = (message: Message) => ({ bytes: Buffer.from(`${message as string}\n`) })
class Guests extends Peer {
  override readonly framing = framing
}

/** A connection that has joined, and what it is sent. */
export interface Guest {
  readonly participant: Visitor
  /** Everything that was sent since it was last asked. */
  read(): Promise<Received[]>
}

export interface Settings {
  readonly presenceRestMs?: number
  readonly cursorMs?: number
  readonly batching?: boolean
  readonly historyEdits?: number
}

/** One PRD and its presences, on a hub of their own without a network. */
export async function gathering(text: string, settings: Settings = {}) {
  const clock = new FakeClock()
  const kernel = await toyKernel(clock, { maxPendingBytes: 8 * 1024 * 1024 })
  const { hub } = kernel
  const { historyEdits = 100 } = settings
  const document = new LiveDocument(PRD, { updates: [], vector: [], history: [], historyEdits })
  document.begin(text, author)
  const presences = new Presences({
    hub,
    settings: { presenceRestMs: 50, cursorMs: 60_000, batching: false, historyEdits, ...settings },
    documents: () => ({ peek: () => document }),
  })
  const connect = async (accountId: number, batch?: string): Promise<[Connection, Peer]> => {
    const peer = new Guests(kernel)
    const params: FaceParams = batch === undefined ? {} : { batch }
    const connection = hub.attach(kernel.face, peer, { token: `user-${accountId}`, params, since: undefined })
    await until(() => connection.live && peer.sent.length > 0)
    peer.sent.length = 0
    return [connection, peer]
  }
  return {
    clock,
    hub,
    presences,
    document,
    /** An edit that everybody has been told of, unless it is said to be still on its way into the database. */
    edit(at: number, removed: number, inserted: string, isTold = true): void {
      document.edit([{ at, removed, inserted }], author)
      if (isTold) presences.told(PRD, document.seq)
    },
    async join(accountId: number, { batch, mode = 'edit' }: { batch?: string; mode?: Mode } = {}): Promise<Guest> {
      const [connection, peer] = await connect(accountId, batch)
      const participant: Visitor = { connection, prd: PRD, accountId, name: `User ${accountId}`, mode }
      hub.rooms.join(connection, joinedRoom(PRD))
      hub.rooms.join(connection, participantRoom(PRD, accountId))
      presences.joined(participant)
      const read = async (): Promise<Received[]> => {
        await turn()
        return peer.sent.splice(0).map((line) => JSON.parse(line) as Received)
      }
      return { participant, read }
    },
    leave({ participant }: Guest, isGone = true): void {
      for (const room of [joinedRoom(PRD), participantRoom(PRD, participant.accountId)]) {
        hub.rooms.leave(participant.connection, room)
      }
      presences.left(participant)
      if (isGone) presences.gone(PRD, participant.accountId)
    },
    [Symbol.asyncDispose]: () => kernel.close(),
  }
}

/** Presences that were received, alone or in batches, in their order. */
export const presencesIn = (events: readonly Received[]): Data[] =>
  events.flatMap(([name, data]) => (name === 'batch-update' ? (data as Data).updates : [data]) as Data[])
