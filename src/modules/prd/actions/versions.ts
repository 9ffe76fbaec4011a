import { perform, type Caller } from '../../../kernel/action.ts'
import type { Connection } from '../../../kernel/connection.ts'
import { CommandError, conflict, forbidden, invalid } from '../../../kernel/errors.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { emit, prdSubject } from '../events.ts'
import { fileOf, messageOf, type NewCommit } from '../history/commit.ts'
import { raised } from '../history/semver.ts'
import { toId } from '../ids.ts'
import { announce } from '../mattermost/announcing.ts'
import { checkEdits } from '../policy.ts'
import { joinedRoom } from '../rooms.ts'
import type { PrdAccess } from '../store/access.ts'
import {
  allHeads,
  countVersions,
  findAuthor,
  findHead,
  insertVersion,
  saveHead,
  saveVersionNumber,
} from '../store/versions.ts'
import { frameOf, timestamp, type Payload, type VersionType } from '../wire.ts'
import { reachPrd, type Parts } from './parts.ts'
import { Unprepared, withPrepared } from './preparing.ts'
import { schedulePush } from './pushing.ts'
import { recordPrdActivity } from './telling.ts'
import { checkText } from './texts.ts'

/** Sections 5.1 and 8.2: a version is a row and a commit in its organisation's repository. */

/** The edit that every document begins with. */
const FIRST_EDIT = 1

export interface NewVersion {
  readonly changelog: string
  readonly versionType: VersionType
}

/** A version as it is to be, of the text as it was at one moment. */
interface Draft {
  /** The version before it, and the commit. */
  readonly previous: string
  readonly head: string | null
  readonly version: string
  readonly content: string
  /** The operation `content` stands after. */
  readonly seq: number
  readonly commit: NewCommit
}

interface Prepared {
  readonly draft: Draft
  readonly hash: string
}

/**
 * `version-created`, then `git-commit`, to everybody who has joined; the first also to the connection that asks when it
 * has not. One after the other in each organisation, since each commit is the parent of the next.
 * @param connection nothing over REST
 * @throws not_found, forbidden, also on a connection that has joined to view; invalid; conflict past the limit;
 *   unavailable when the repository cannot be written: then nothing of it is there
 */
export async function createVersion(
  parts: Parts,
  caller: Caller,
  id: number,
  input: NewVersion,
  connection?: Connection,
): Promise<Payload<'version-created'>> {
  const changelog = readChangelog(parts, input.changelog)
  const { organization_id: organization } = await parts.database.read((reader) => reachPrd(reader, caller, id))
  return parts.turns.take(organization, () =>
    withPrepared(
      (prepared?: Prepared) => commitVersion(parts, caller, id, { ...input, changelog, prepared }, connection),
      (draft: Draft) => prepare(parts, organization, draft),
    ),
  )
}

/** @throws Unprepared when what it is to follow is not what it was prepared to follow */
async function commitVersion(
  parts: Parts,
  caller: Caller,
  id: number,
  { changelog, versionType, prepared }: NewVersion & { readonly prepared: Prepared | undefined },
  connection: Connection | undefined,
): Promise<Payload<'version-created'>> {
  let isWritten = false
  let organization = 0
  const created = await perform(parts.unitOfWork, caller, async (unit, about) => {
    const prd = await reachPrd(unit, caller, id)
    about(prdSubject(id))
    checkEdits(prd)
    checkMode(parts, id, connection)
    await checkCount(parts, unit, id)
    organization = prd.organization_id
    const { head } = (await unit.get(findHead, { organization }))!
    if (prepared?.draft.previous !== prd.version || prepared.draft.head !== head) {
      throw new Unprepared(await draftVersion(parts, unit, prd, { head, changelog, versionType }))
    }
    const payload = await write(unit, prd, changelog, prepared)
    unit.after(() => {
      isWritten = true
      if (connection && !parts.live.of(connection, id)) connection.send(frameOf('version-created', payload))
    })
    return payload
  })
  // Not where the same command had been done before: the branch has passed its commit long ago.
  if (isWritten) await publish(parts, organization, prepared!.hash)
  return created
}

/** What a PRD begins with can be compared with and restored like any version; there is no commit of it. */
export async function recordFirstVersion(unit: Unit, prd: PrdAccess, content: string): Promise<void> {
  await unit.get(insertVersion, {
    prd_id: prd.id,
    version: prd.version,
    changelog: '',
    commit_hash: null,
    content,
    seq: FIRST_EDIT,
    created_by: prd.created_by,
    created_at: prd.created_at,
  })
}

async function draftVersion(
  { documents }: Pick<Parts, 'documents'>,
  unit: Unit,
  { id, version: previous, actor_id }: PrdAccess,
  { head, changelog, versionType }: NewVersion & { readonly head: string | null },
): Promise<Draft> {
  const { text, seq } = await documents.open(unit, id)
  const author = (await unit.get(findAuthor, { account: actor_id }))!
  const content = text.toString()
  const version = raised(previous, versionType)
  const commit = {
    parent: head,
    file: { name: fileOf(id), content },
    message: messageFor(changelog, version),
    author: { name: author.display_name, email: author.email },
    at: unit.now,
  }
  return { previous, head, version, content, seq, commit }
}

async function write(
  unit: Unit,
  prd: PrdAccess,
  changelog: string,
  { draft: { version, content, seq, commit }, hash }: Prepared,
): Promise<Payload<'version-created'>> {
  const { id: row } = (await unit.get(insertVersion, {
    prd_id: prd.id,
    version,
    changelog,
    commit_hash: hash,
    content,
    seq,
    created_by: prd.actor_id,
    created_at: commit.at,
  }))!
  await unit.run(saveVersionNumber, { id: prd.id, version })
  await unit.run(saveHead, { organization: prd.organization_id, head: hash })
  await schedulePush(unit, prd.organization_id)
  const [prdId, createdAt] = [toId('prd', prd.id), timestamp(commit.at)]
  const createdBy = { id: toId('user', prd.actor_id), name: prd.actor_name }
  const payload = {
    prdId,
    version: { id: toId('version', row), version, changelog, commitHash: hash, createdBy, createdAt },
  }
  const audience = { to: [joinedRoom(prd.id)] }
  const extra = { subject: `${prdSubject(prd.id)}/version:${row}` }
  emit(unit, 'version-created', payload, audience, extra)
  const [message] = commit.message.split('\n', 1)
  emit(
    unit,
    'git-commit',
    {
      prdId,
      commit: { hash, message: message!, author: prd.actor_name, timestamp: createdAt, files: [commit.file.name] },
    },
    audience,
    extra,
  )
  await recordPrdActivity(unit, prd, 'version_created')
  await announce(unit, prd, { type: 'version_created', version: row })
  return payload
}

async function prepare({ repositories, hub }: Parts, organization: number, draft: Draft): Promise<Prepared> {
  try {
    return { draft, hash: await repositories.prepare(organization, draft.commit) }
  } catch (error) {
    hub.onError(error)
    throw new CommandError('unavailable', 'The history cannot be written; no version was made. Try again later.', {
      retryAfter: 30,
    })
  }
}

/** The version is made by its row; a branch that could not be moved is by the next version, or the next start. */
async function publish({ repositories, hub }: Parts, organization: number, hash: string): Promise<void> {
  await repositories.publish(organization, hash).catch(hub.onError)
}

/** To be called before anybody is let in: sets each repository to the last commit the database knows. */
export async function healRepositories({ database, repositories, hub }: Parts): Promise<void> {
  for (const { id, head } of await database.latest.all(allHeads, {})) {
    // One that is lost must not keep the others, and the texts, from their people.
    await repositories.heal(id, head).catch(hub.onError)
  }
}

/** Edits, versions and conflicts are for who has joined to edit, or has not joined. @throws forbidden */
function checkMode({ live }: Pick<Parts, 'live'>, id: number, connection: Connection | undefined): void {
  if (!connection || live.of(connection, id)?.mode !== 'view') return
  throw forbidden('You have joined this PRD to view it; join it with mode edit')
}

async function checkCount({ settings }: Pick<Parts, 'settings'>, unit: Unit, prd: number): Promise<void> {
  const { count } = (await unit.get(countVersions, { prd }))!
  if (Number(count) >= settings.versions) throw conflict(`A PRD has at most ${settings.versions} versions`)
}

/** The first line of the changelog is the subject, whatever follows it. */
function messageFor(changelog: string, version: string): string {
  const [subject, ...body] = messageOf(changelog, '').split('\n')
  return messageOf(`${subject}\n\n${body.join('\n')}\n\nVersion: ${version}`, '')
}

/** @throws invalid */
function readChangelog({ settings }: Pick<Parts, 'settings'>, text: string): string {
  const most = settings.changelogCharacters
  const changelog = text.trim()
  if (changelog === '') throw invalid({ changelog: 'must not be blank: it says what has changed' })
  checkText('changelog', changelog)
  if ([...changelog].length > most) throw invalid({ changelog: `must have at most ${most} characters` })
  return changelog
}
