/** An initiative of Craft.io as this server keeps it. */
export interface Initiative {
  /** Craft.io's own, without our prefix. */
  readonly id: string
  readonly title: string
  /** Its name in small letters with `_` between the words: `in_progress`; `none` where it has no status. */
  readonly status: string
  /** Names of its objectives, each once, in Craft.io's order. */
  readonly objectives: readonly string[]
  /** When Craft.io last changed it, wall-clock milliseconds. */
  readonly updatedAt: number
}

/** What changed between two states, only that: section 8.4, with `title`, and `removed` among the objectives, added. */
export interface InitiativeChanges {
  readonly title?: { readonly from: string; readonly to: string }
  readonly status?: { readonly from: string; readonly to: string }
  readonly objectives?: { readonly added?: readonly string[]; readonly removed?: readonly string[] }
}

type State = Pick<Initiative, 'title' | 'status' | 'objectives'>

/** @returns undefined when nothing that is shown has changed; another order of the objectives is no change */
export function changesOf(before: State, after: State): InitiativeChanges | undefined {
  const added = without(after.objectives, before.objectives)
  const removed = without(before.objectives, after.objectives)
  const changes: InitiativeChanges = {
    ...(before.title !== after.title && { title: { from: before.title, to: after.title } }),
    ...(before.status !== after.status && { status: { from: before.status, to: after.status } }),
    ...((added.length > 0 || removed.length > 0) && {
      objectives: { ...(added.length > 0 && { added }), ...(removed.length > 0 && { removed }) },
    }),
  }
  return Object.keys(changes).length > 0 ? changes : undefined
}

function without(all: readonly string[], some: readonly string[]): readonly string[] {
  const gone = new Set(some)
  return all.filter((one) => !gone.has(one))
}
