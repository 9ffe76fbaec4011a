import { perform, type Caller } from '../../../kernel/action.ts'
import { conflict, invalid } from '../../../kernel/errors.ts'
import type { OpenFile } from '../../../kernel/files.ts'
import { newUuid } from '../../../kernel/ids.ts'
import type { Incoming } from '../../../kernel/incoming.ts'
import { jobs, type OutsideHandler } from '../../../kernel/jobs.ts'
import type { Rendered, RenderOptions } from '../../../kernel/media.ts'
import type { Upload } from '../../../kernel/route.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { checkDeletesUpload, checkSeesPhoto, checkStillShown, photoGone } from '../photo-policy.ts'
import type { Photo } from '../photo-wire.ts'
import { checkNotSuspended } from '../policy.ts'
import { profileOf, type PhotoRow } from '../store/access.ts'
import {
  accessPhoto,
  countUnsentPhotos,
  deleteUnsentPhoto,
  insertPhoto,
  placeOfPhoto,
  showPhoto,
} from '../store/photos.ts'
import type { Parts } from './parts.ts'
import { FILE, releasePhoto } from './photo-files.ts'

const rendering: RenderOptions = {
  // 54 megapixels: what telephones that say 48 or 50 take. One that is decoded whole needs eight bytes for each.
  maxPixels: 52 * 1024 * 1024,
  // More than a telephone shows, and enough to look closer.
  maxEdge: 2_048,
  thumbnailEdge: 320,
}
const NO_PICTURE = `must be a whole JPEG, PNG, WebP, AVIF or GIF picture of at most ${Math.floor(rendering.maxPixels / 1e6)} megapixels`

/** What an upload leaves on the disk: itself, for as long as it is being rendered, and what it becomes. */
interface Names {
  readonly upload: string
  readonly uuid: string
  readonly thumbnail: string
}

/**
 * Takes a photo for a message or a profile to come, and keeps only what is made of its pixels. The removal of
 * everything it may leave is scheduled before the first byte is written, so that no crash leaves a file that nobody
 * knows of.
 * @throws invalid when it is no picture, too_large, conflict when too many wait to be sent
 */
export async function uploadPhoto(
  parts: Parts,
  incoming: Incoming,
  { accountId }: Caller,
  kind: PhotoRow['kind'],
  upload: Upload,
): Promise<Photo> {
  const { unitOfWork } = parts
  const names = { upload: newUuid(), uuid: newUuid(), thumbnail: newUuid() }
  return incoming.during(accountId, async (coming) => {
    await perform(unitOfWork, { accountId }, async (unit) => {
      await checkUploads(unit, parts, accountId, coming)
      await scheduleRemoval(unit, names, unit.now + parts.settings.unsentPhotoMs)
    })
    try {
      const rendered = await store(parts, names, upload)
      return await perform(unitOfWork, { accountId }, (unit) => keep(unit, parts, accountId, kind, names, rendered))
    } catch (error) {
      // Nothing waits for what nobody can send; if this fails too, the scheduled removal is still there.
      await perform(unitOfWork, { accountId }, (unit) => scheduleRemoval(unit, names, unit.now)).catch(() => undefined)
      throw error
    }
  })
}

/** @param coming uploads of theirs that are on their way, this one among them */
async function checkUploads(unit: Unit, { settings }: Parts, user: number, coming: number): Promise<void> {
  await checkActive(unit, user)
  const unsent = Number((await unit.get(countUnsentPhotos, { owner: user }))!.count)
  if (unsent + coming <= settings.unsentPhotos) return
  throw conflict(`You may have ${settings.unsentPhotos} photos that are in no message; send or delete some first`)
}

async function checkActive(unit: Unit, user: number): Promise<void> {
  const profile = await unit.get(profileOf, { user })
  if (profile) checkNotSuspended(profile)
}

/** With each its photo: whatever is in a message or a profile when it is due stays. */
async function scheduleRemoval(unit: Unit, { upload, uuid, thumbnail }: Names, due: number): Promise<void> {
  for (const file of [upload, uuid, thumbnail]) await jobs.schedule(unit, FILE, file, due, { photo: uuid })
}

async function store({ files, media, settings }: Parts, names: Names, upload: Upload): Promise<Rendered> {
  await files.put(names.upload, upload.stream, settings.photoBytes)
  const rendered = await media.render((await files.open(names.upload))!, rendering)
  // It may tell where it was taken.
  await files.remove(names.upload)
  if (!rendered) throw invalid({ file: NO_PICTURE })
  await files.put(names.uuid, once(rendered.image.bytes), Infinity)
  await files.put(names.thumbnail, once(rendered.thumbnail.bytes), Infinity)
  return rendered
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes)
}

async function keep(
  unit: Unit,
  { photoUrls, settings }: Parts,
  user: number,
  kind: PhotoRow['kind'],
  names: Names,
  { image }: Rendered,
): Promise<Photo> {
  // They may have been suspended while the bytes came.
  await checkActive(unit, user)
  await scheduleRemoval(unit, names, unit.now + settings.unsentPhotoMs)
  await jobs.cancel(unit, FILE, names.upload)
  const row = (await unit.get(insertPhoto, {
    uuid: names.uuid,
    thumbnail: names.thumbnail,
    owner_id: user,
    kind,
    mime_type: image.mimeType,
    size: image.bytes.length,
    width: image.width,
    height: image.height,
    created_at: unit.now,
  }))!
  return showPhoto(row, photoUrls, unit.now)
}

/** Addresses of a photo that work for a while, for those who may see it. @throws not_found for everybody else */
export async function showPhotoTo({ database, photoUrls, clock }: Parts, caller: Caller, uuid: string): Promise<Photo> {
  const row = await database.read((reader) => reader.get(accessPhoto, { uuid, actor: caller.accountId }))
  return showPhoto(checkSeesPhoto(row), photoUrls, clock.now())
}

/** An upload that is in no message and no profile, by who made it. */
export async function deletePhoto({ unitOfWork }: Parts, caller: Caller, uuid: string): Promise<void> {
  await perform(unitOfWork, caller, async (unit) => {
    checkDeletesUpload(await unit.get(accessPhoto, { uuid, actor: caller.accountId }))
    await releasePhoto(unit, uuid)
  })
}

/** What a signed address shows. */
export interface OpenPhoto {
  readonly file: OpenFile
  readonly mimeType: string
}

/** For who has a signed address. @throws gone when what it was made for may not be seen any more */
export async function openPhoto(
  { database, files }: Parts,
  uuid: string,
  part: 'file' | 'thumbnail',
): Promise<OpenPhoto> {
  const row = checkStillShown(await database.latest.get(placeOfPhoto, { uuid }), false)
  const file = await files.open(part === 'file' ? row.uuid : row.thumbnail)
  if (!file) throw photoGone()
  return { file, mimeType: row.mime_type }
}

/** What is in a message or a profile by now stays; everything else goes, the row first: nothing else shows it. */
export function removePhotoFile({ unitOfWork, files }: Pick<Parts, 'unitOfWork' | 'files'>): OutsideHandler {
  return {
    async outside({ key, payload }) {
      const { photo: uuid } = (payload as { photo: string } | null) ?? { photo: key }
      const isKept = await unitOfWork.run(async (unit) => {
        await unit.run(deleteUnsentPhoto, { uuid })
        return (await unit.get(placeOfPhoto, { uuid })) !== undefined
      })
      if (!isKept) await files.remove(key)
    },
  }
}
