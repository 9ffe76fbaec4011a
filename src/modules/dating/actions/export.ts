import type { Readable } from 'node:stream'
import type { Caller } from '../../../kernel/action.ts'
import { CommandError, notFound } from '../../../kernel/errors.ts'
import { newUuid } from '../../../kernel/ids.ts'
import { jobs } from '../../../kernel/jobs.ts'
import { Download } from '../../../kernel/route.ts'
import type { Statement } from '../../../kernel/statement.ts'
import { leftOut, type DatingExport, type ExportedMessage, type ExportedPhoto } from '../export-wire.ts'
import { profileOf, type MessageRow, type PhotoRow } from '../store/access.ts'
import {
  blocksMade,
  conversationsOf,
  likesGiven,
  messagesOf,
  ownAccount,
  ownPhotos,
  photosFrom,
  readsOf,
  reportsFiled,
  usesOf,
} from '../store/export.ts'
import { SYSTEM_ID, timestamp, timestampOrNull } from '../wire.ts'
import type { Parts } from './parts.ts'
import { FILE } from './photo-files.ts'
import type { Evidence } from './reports.ts'
import { takeUse } from './uses.ts'

/** One archive costs as much as everything a person has ever done; one that was lost on the way may be had again. */
const PER_DAY = { limit: 5, perMs: 24 * 60 * 60 * 1000 }
/** Rows in memory at a time. */
const ROWS = 200
/** Bytes in memory at a time, of what is written. */
const CHUNK = 64 * 1024
/** Milliseconds for the writing of one archive. */
const WRITING_MS = 10 * 60 * 1000
/** After which what a crash has left of one is removed: longer than one can take. */
const ABANDONED_MS = WRITING_MS + 5 * 60 * 1000

type Account = RowOf<typeof ownAccount>

/**
 * Everything that is kept of the caller, as one JSON document (`DatingExport`): of others only what they have written
 * to them. It is written to a file first, a page of rows after the other, so that neither its size nor a slow reader
 * holds memory or the database; the file is gone from the folder before its first byte is sent.
 * @throws rate_limited
 */
export async function exportAccount(parts: Parts, { accountId: user }: Pick<Caller, 'accountId'>): Promise<Download> {
  const { files, unitOfWork } = parts
  const file = newUuid()
  const { account, now } = await unitOfWork.run(async (unit) => {
    const known = await unit.get(ownAccount, { user })
    if (!known) throw notFound('This account')
    await takeUse(unit, user, 'export', [PER_DAY])
    await jobs.schedule(unit, FILE, file, unit.now + ABANDONED_MS)
    return { account: known, now: unit.now }
  })
  try {
    await files.put(file, inChunks(archive(parts, account, now)), Infinity)
    const written = (await files.open(file))!
    return new Download(written, 'dating-export.json', 'application/json')
  } finally {
    // Whatever fails here is done by the job.
    await files
      .remove(file)
      .then(() => unitOfWork.run((unit) => jobs.cancel(unit, FILE, file)))
      .catch(() => undefined)
  }
}

/** JSON text, in pieces; each list is read while it is written. */
async function* archive(parts: Parts, account: Account, now: number): AsyncGenerator<string> {
  const { database } = parts
  const user = account.id
  const rows = reading(parts, now + WRITING_MS)
  const profile = await database.latest.get(profileOf, { user })
  const head: Pick<DatingExport, 'format' | 'version' | 'exported_at' | 'account' | 'profile'> = {
    format: 'switchboard-dating-export',
    version: 1,
    exported_at: timestamp(now),
    account: { user_id: account.uuid, username: account.username, display_name: account.display_name },
    profile: profile === undefined ? null : showProfile(profile),
  }
  yield JSON.stringify(head).slice(0, -1)
  yield* list('likes_given', rows(likesGiven, { user }, 0), showPerson)
  yield* list('blocks_made', rows(blocksMade, { user }, 0), showPerson)
  yield* list('conversations', rows(conversationsOf, { user }, 0), async function* (conversation) {
    yield JSON.stringify(showConversation(conversation)).slice(0, -1)
    yield* list('messages', rows(messagesOf, { conversation: conversation.key }, 0), (row) =>
      showMessage(row, row.sender_id === user ? account.uuid : conversation.partner),
    )
    yield '}'
  })
  yield* list('photos', photosOf(rows, user), (row) => showPhoto(parts, row, row.owner_id === user))
  yield* list('reports_filed', rows(reportsFiled, { user }, 0), showReport)
  yield* list('counted', rows(usesOf, { user }, 0), showUse)
  yield* list('read_by_moderators', rows(readsOf, { user }, 0), (row) => showRead(row, user))
  yield `,"left_out":${JSON.stringify(leftOut)}}`
}

async function* photosOf(rows: Rows, user: number): AsyncGenerator<PhotoRow & { readonly message: string | null }> {
  yield* rows(ownPhotos, { user }, '')
  for await (const { key, partner_id, ended_at } of rows(conversationsOf, { user }, 0)) {
    if (ended_at === null) yield* rows(photosFrom, { conversation: key, sender: partner_id }, 0)
  }
}

type Rows = ReturnType<typeof reading>

/** Reads statements page by page, each from the last key of the page before. @param until wall clock, milliseconds */
function reading({ database, clock }: Pick<Parts, 'database' | 'clock'>, until: number) {
  return async function* <P extends { after: string | number; limit: number }, R extends { key: P['after'] }>(
    statement: Statement<P, R>,
    params: Omit<P, 'after' | 'limit'>,
    start: P['after'],
  ): AsyncGenerator<R> {
    for (let after = start; ;) {
      if (clock.now() > until) {
        throw new CommandError('unavailable', 'The archive took too long to write; try again later', { retryAfter: 60 })
      }
      const rows = await database.latest.all(statement, { ...params, after, limit: ROWS } as unknown as P)
      yield* rows
      if (rows.length < ROWS) return
      after = rows.at(-1)!.key
    }
  }
}

/** A further member of an object that has one already: `,"name":[…]`. @param show a row as it is, or as text */
async function* list<R>(
  name: keyof DatingExport | 'messages',
  rows: AsyncIterable<R>,
  show: (row: R) => object,
): AsyncGenerator<string> {
  let separator = `,"${name}":[`
  for await (const row of rows) {
    yield separator
    const shown = show(row)
    if (isText(shown)) yield* shown
    else yield JSON.stringify(shown)
    separator = ',\n'
  }
  yield separator === ',\n' ? ']' : `${separator}]`
}

const isText = (shown: object): shown is AsyncIterable<string> => Symbol.asyncIterator in shown

async function* inChunks(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let waiting: string[] = []
  let length = 0
  for await (const text of texts) {
    waiting.push(text)
    length += text.length
    if (length < CHUNK) continue
    yield Buffer.from(waiting.join(''))
    waiting = []
    length = 0
  }
  yield Buffer.from(waiting.join(''))
}

async function* showPhoto(
  { files }: Pick<Parts, 'files'>,
  row: PhotoRow & { readonly message: string | null },
  mine: boolean,
): AsyncGenerator<string> {
  const { uuid: id, kind, mime_type, size, width, height, message: message_id } = row
  const facts: Omit<ExportedPhoto, 'data'> = {
    id,
    mine,
    kind,
    message_id,
    mime_type,
    size,
    width,
    height,
    created_at: timestamp(row.created_at),
    opened_at: timestampOrNull(row.opened_at),
    fetched_at: timestampOrNull(row.fetched_at),
  }
  yield JSON.stringify(facts).slice(0, -1)
  const file = await files.open(id)
  if (!file) return yield ',"data":null}'
  yield ',"data":"'
  yield* base64(file.stream)
  yield '"}'
}

/** Three bytes are four characters: what is left of a chunk goes with the next. */
async function* base64(stream: Readable): AsyncGenerator<string> {
  let rest = Buffer.alloc(0)
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const bytes = Buffer.concat([rest, chunk])
    const whole = bytes.length - (bytes.length % 3)
    yield bytes.toString('base64', 0, whole)
    rest = bytes.subarray(whole)
  }
  yield rest.toString('base64')
}

type RowOf<S> = S extends Statement<never, infer R> ? R : never

const showProfile = (row: RowOf<typeof profileOf>): NonNullable<DatingExport['profile']> => ({
  bio: row.bio,
  avatar_photo_id: row.avatar,
  status: row.status,
  hidden: row.hidden === 1,
  suspended_at: timestampOrNull(row.suspended_at),
  created_at: timestamp(row.created_at),
  updated_at: timestamp(row.updated_at),
})

const showPerson = (row: RowOf<typeof likesGiven | typeof blocksMade>): DatingExport['likes_given'][number] => ({
  user_id: row.uuid,
  username: row.username,
  created_at: timestamp(row.created_at),
})

const showConversation = (
  row: RowOf<typeof conversationsOf>,
): Omit<DatingExport['conversations'][number], 'messages'> => ({
  id: row.uuid,
  partner: { user_id: row.partner, username: row.username },
  created_at: timestamp(row.created_at),
  active_at: timestamp(row.active_at),
  ended_at: timestampOrNull(row.ended_at),
  shares: row.shares === 1,
  read_message_id: row.read_message,
})

/** @param sender uuid of the person who has written it, if one has */
const showMessage = (row: MessageRow, sender: string): ExportedMessage => ({
  id: row.uuid,
  sender_id: row.sender_id === null ? SYSTEM_ID : sender,
  type: row.type,
  content: row.content,
  metadata: JSON.parse(row.metadata) as ExportedMessage['metadata'],
  encrypted: row.encrypted === 1,
  photo_id: row.photo,
  created_at: timestamp(row.created_at),
  delivered_at: timestampOrNull(row.delivered_at),
  viewed_at: timestampOrNull(row.viewed_at),
})

/** Reported messages by their ids: one that its sender has deleted since does not come back this way. */
const showReport = (row: RowOf<typeof reportsFiled>): DatingExport['reports_filed'][number] => ({
  id: row.uuid,
  user_id: row.reported,
  username: row.username,
  conversation_id: row.conversation,
  reason: row.reason,
  note: row.note,
  messages: (JSON.parse(row.evidence) as Evidence[]).map(({ message_id, disclosed }) => ({ message_id, disclosed })),
  status: row.status,
  created_at: timestamp(row.created_at),
  resolved_at: timestampOrNull(row.resolved_at),
})

const showUse = (row: RowOf<typeof usesOf>): DatingExport['counted'][number] => ({
  kind: row.kind,
  at: timestamp(row.at),
  client_id: row.client_id,
  message_id: row.message,
})

/** The day, not the moment, which could tell who it was. */
const showRead = (row: RowOf<typeof readsOf>, user: number): DatingExport['read_by_moderators'][number] => ({
  date: timestamp(row.at).slice(0, 10),
  what: row.reported_id === user ? 'a report about you' : 'a report of yours',
})
