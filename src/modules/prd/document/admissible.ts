import * as Y from 'yjs'
import { cutsPair, placementsOf, type Inspection, type Placement } from './inspection.ts'
import { clockOf, indexOf, itemAt, Placing } from './placing.ts'
import type { Id } from './update-reader.ts'

/**
 * What a document would make of an inspected update:
 * - `new`: it has something the document lacks, and can be applied whole
 * - `known`: it has nothing the document lacks
 * - `missing`: it builds on what the document lacks; Yjs would keep it waiting
 * - `forged`: it inserts in the name of the server's own client id
 * - `cuts`: it begins or ends inside a character of two UTF-16 units, and Yjs would spoil both halves
 * - `crossed`: it says of one character that it is both left and right of another
 * - `costly`: to find its places would hold the server up
 */
export type Verdict = 'new' | 'known' | 'missing' | 'forged' | 'cuts' | 'crossed' | 'costly'

/** How many items may be looked at to find where an update's own belong: 0.2 µs each, so 50 ms of everybody's time. */
const MAX_STEPS = 250_000

/**
 * Whether an update may be applied. What is `new` is applied without an exception, leaves nothing waiting, and makes the
 * same text in every document. Takes time in proportion to the inspection, and `maxSteps` at the most beyond that.
 */
export function admissible(doc: Y.Doc, inspection: Inspection, maxSteps = MAX_STEPS): Verdict {
  const placements = placementsOf(inspection)
  if (!isComplete(doc, inspection, placements)) return 'missing'
  const clients = newClients(doc, inspection)
  if (clients.includes(doc.clientID)) return 'forged'
  if (cuts(doc, inspection, placements)) return 'cuts'
  if (clients.length > 0) return new Placing(doc, maxSteps).verdict(placements)
  return isDeleted(doc, inspection) ? 'known' : 'new'
}

/**
 * In whose names an update inserts what the document lacks: Yjs client ids. Who inserts in the name of somebody who is
 * editing makes that one's next characters look like known ones, so that they are lost.
 */
export function newClients(doc: Y.Doc, { clients }: Inspection): readonly number[] {
  return clients.filter(({ client, ranges }) => ranges.at(-1)! > clockOf(doc, client)).map(({ client }) => client)
}

/** UTF-16 units of text that the document lacks. */
export function newUnits(doc: Y.Doc, { clients }: Inspection): number {
  let units = 0
  for (const { client, ranges } of clients) {
    const known = clockOf(doc, client)
    for (let i = 0; i < ranges.length; i += 2) units += Math.max(0, ranges[i + 1]! - Math.max(ranges[i]!, known))
  }
  return units
}

function isComplete(doc: Y.Doc, { clients, deletes }: Inspection, placements: readonly Placement[]): boolean {
  const ends = new Map<number, number>()
  for (const { client, ranges } of clients) {
    let end = clockOf(doc, client)
    for (let i = 0; i < ranges.length; i += 2) {
      if (ranges[i]! > end) return false
      end = Math.max(end, ranges[i + 1]!)
    }
    ends.set(client, end)
  }
  const endOf = (client: number): number => ends.get(client) ?? clockOf(doc, client)
  const has = (id: Id | undefined): boolean => !id || id.clock < endOf(id.client)
  return (
    placements.every(({ origin, rightOrigin }) => has(origin) && has(rightOrigin)) &&
    deletes.every(({ client, ranges }) => ranges.at(-1)! <= endOf(client))
  )
}

function cuts(doc: Y.Doc, { deletes }: Inspection, placements: readonly Placement[]): boolean {
  const cut = (id: Id): boolean => {
    const item = itemAt(doc, id)
    if (!(item instanceof Y.Item) || !(item.content instanceof Y.ContentString)) return false
    return cutsPair(item.content.str, id.clock - item.id.clock)
  }
  return (
    placements.some(
      ({ origin, rightOrigin }) =>
        (origin && cut({ client: origin.client, clock: origin.clock + 1 })) || (rightOrigin && cut(rightOrigin)),
    ) || deletes.some(({ client, ranges }) => ranges.some((clock) => cut({ client, clock })))
  )
}

/** Whether all that it deletes is deleted. */
function isDeleted(doc: Y.Doc, { deletes }: Inspection): boolean {
  return deletes.every(({ client, ranges }) => {
    const items = doc.store.clients.get(client) ?? []
    for (let i = 0; i < ranges.length; i += 2) {
      let index = indexOf(items, ranges[i]!)
      for (; index < items.length && items[index]!.id.clock < ranges[i + 1]!; index += 1) {
        if (!items[index]!.deleted) return false
      }
    }
    return true
  })
}
