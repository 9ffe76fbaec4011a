import { invalid } from './errors.ts'

/** Where a list by time goes on. Both are in it: what it was the time of may have changed, or have gone, since. */
export interface Moment {
  readonly at: number
  readonly uuid: string
}

/** Before the first: no time is as late. */
const START: Moment = { at: Number.MAX_SAFE_INTEGER, uuid: '' }

/** The cursor of a list is none of its own. */
export const notOfThisList = () => invalid({ before: 'must be next_before of the page before; start again without it' })

export const momentCursor = ({ at, uuid }: Moment): string => `${at}-${uuid}`

/** @throws CommandError invalid */
export function readMoment(cursor: string | undefined): Moment {
  if (cursor === undefined) return START
  const [, at, uuid] = /^(\d{1,15})-([0-9a-f-]{36})$/.exec(cursor) ?? []
  if (at === undefined || uuid === undefined) throw notOfThisList()
  return { at: Number(at), uuid }
}
