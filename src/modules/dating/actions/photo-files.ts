import { jobs } from '../../../kernel/jobs.ts'
import { statements } from '../../../kernel/statement.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import type { MessageRow } from '../store/access.ts'
import type { DatingTables } from '../tables.ts'
import type { Parts } from './parts.ts'

/** Removes one file from the disk; the key is the file's id. */
export const FILE = 'dating.file'
/** Destroys an ephemeral photo and its message; the key is the message's uuid. */
export const DESTROY = 'dating.destroy'

const sql = statements<DatingTables>()
const findPhoto = sql<{ uuid: string }>()((db, p) =>
  db.selectFrom('dating_photos').selectAll().where('uuid', '=', p.uuid),
)
const deletePhotoRow = sql<{ uuid: string }>()((db, p) => db.deleteFrom('dating_photos').where('uuid', '=', p.uuid))

/** The photo is gone from the database, and from the disk as soon as this is committed. */
export async function releasePhoto(unit: Unit, uuid: string): Promise<void> {
  const photo = await unit.get(findPhoto, { uuid })
  if (!photo) return
  await unit.run(deletePhotoRow, { uuid })
  for (const file of [photo.uuid, photo.thumbnail]) await jobs.schedule(unit, FILE, file, unit.now)
}

/** When a viewed photo ends: after the time its sender gave it, or the usual one. */
export function endOf({ metadata, viewed_at }: MessageRow, { settings }: Pick<Parts, 'settings'>, now: number): number {
  const { ttl } = JSON.parse(metadata) as { ttl?: unknown }
  const ms = typeof ttl === 'number' ? Math.min(ttl * 1_000, settings.ephemeralMaxMs) : settings.ephemeralMs
  return (viewed_at ?? now) + ms
}

/** An ephemeral photo has been viewed. */
export async function expireSoon(unit: Unit, parts: Pick<Parts, 'settings'>, message: MessageRow): Promise<void> {
  await jobs.schedule(unit, DESTROY, message.uuid, endOf(message, parts, unit.now))
}
