import { transformPosition, type Collision, type EditLog, type LoggedEdit } from '../merge.ts'

/**
 * Where edits that stand on the present text (those of a Yjs update) met text that their sender had not seen: both put
 * something else in one place.
 * @param entries as they are at the end of the log
 * @param unseen of others, from before them
 */
export function metInText(
  entries: readonly LoggedEdit[],
  unseen: readonly LoggedEdit[],
  log: EditLog,
): readonly Collision[] {
  const first = entries[0]?.seq ?? 0
  return unseen.flatMap((other) => {
    if (other.inserted === '') return []
    let [start, end] = [other.at, other.at + other.inserted.length]
    for (let seq = other.seq + 1; seq < first; seq += 1) {
      start = transformPosition(start, log.at(seq), 'right')
      end = transformPosition(end, log.at(seq), 'left')
    }
    // Deleted since: there is nothing to choose from.
    if (end <= start) return []
    const met = entries.find((own) => {
      const touches = own.inserted !== '' && own.inserted !== other.inserted && start <= own.at && own.at <= end
      start = transformPosition(start, own, 'right')
      end = transformPosition(end, own, 'left')
      return touches
    })
    return met ? [{ own: met, applied: [met], other }] : []
  })
}
