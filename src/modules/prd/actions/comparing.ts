import type { Caller } from '../../../kernel/action.ts'
import { notFound } from '../../../kernel/errors.ts'
import { fileOf } from '../history/commit.ts'
import { findVersion, type Version } from '../lists/versions.ts'
import { reachPrd, type Parts } from './parts.ts'
import { readPrd } from './prds.ts'

/** Names the text as it is now, among versions. */
export const CURRENT = 'current'

type Nameless = { readonly [K in keyof Omit<Version, 'version' | 'changelog'>]: null }

/** A version with its text, or the text as it is now, which nobody has given a number. */
export type VersionText = (Version | (Nameless & Pick<Version, 'version' | 'changelog'>)) & { readonly content: string }

/** @param ref number or id of a version, or `current` @throws not_found */
export async function readVersion(parts: Parts, caller: Caller, id: number, ref: string): Promise<VersionText> {
  if (ref === CURRENT) {
    const { content } = (await readPrd(parts, caller, id)).prd
    const nameless = { id: null, commitHash: null, createdBy: null, createdAt: null }
    return { ...nameless, version: CURRENT, changelog: '', content }
  }
  const found = await parts.database.read(async (reader) => {
    await reachPrd(reader, caller, id)
    return findVersion(reader, id, ref)
  })
  if (!found) throw notFound('This version')
  return found
}

export interface Difference {
  /** Numbers of the versions, or `current`. */
  readonly from: string
  readonly to: string
  /** Unified, with 3 lines of context, as `git apply` takes it; empty where both are equal. */
  readonly diff: string
  /** Lines. */
  readonly added: number
  readonly removed: number
}

/** Between two of a PRD's texts; each is read for itself, and what was made a version never changes. @throws not_found */
export async function compareVersions(
  parts: Parts,
  caller: Caller,
  id: number,
  refs: { readonly from: string; readonly to: string },
): Promise<Difference> {
  const [from, to] = [await readVersion(parts, caller, id, refs.from), await readVersion(parts, caller, id, refs.to)]
  const diff = await parts.differ.difference({
    name: fileOf(id),
    from: { label: from.version, text: from.content },
    to: { label: to.version, text: to.content },
  })
  // Behind the two lines that name the files.
  const marks = diff.split('\n').slice(2).map((line) => line[0])
  return { from: from.version, to: to.version, diff, added: count(marks, '+'), removed: count(marks, '-') }
}

const count = (marks: readonly (string | undefined)[], mark: string): number =>
  marks.filter((each) => each === mark).length
