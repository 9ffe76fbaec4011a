import { insert } from '../testing.ts'
import type { AddedName, EventName } from '../wire.ts'
import type { Cast, Column, Kind, Place } from './cast.ts'

/** Every client event, by whom it may be sent, and whom it reaches then. */
export interface EventRow {
  readonly event: string
  readonly what: string
  /** For who manages, edits, views, sees nothing of it. */
  readonly cells: string
  readonly kinds: readonly Kind[]
  /** The argument; what is used up by it is made first where it may be sent. */
  readonly about: (at: Cast, place: Place, who: Column, isAllowed: boolean) => Promise<object> | object
  /** What comes to the others who have joined, when it was not refused. */
  readonly told: readonly (EventName | AddedName)[]
  /** After that, to these of them. */
  readonly authors?: Readonly<Partial<Record<Column, EventName | AddedName>>>
  /** And to the tab that sent it. */
  readonly own: readonly (EventName | AddedName)[]
  readonly after?: (at: Cast, place: Place, who: Column) => Promise<unknown>
}

//              M  E  V  N
const SEES = '  ok ok ok N'
const EDITS = ' ok ok F  N'
const MANAGES = 'ok F  F  N'

/** On what only some see, and on what is not there. */
const HIDDEN: readonly Kind[] = ['none', 'absent']
const ALL: readonly Kind[] = ['view', 'edit', 'none', 'absent']

type More = Partial<Omit<EventRow, 'event' | 'cells' | 'about'>>
const row = (event: string, cells: string, about: EventRow['about'], more: More = {}): EventRow => ({
  event,
  what: '',
  cells,
  about,
  told: [],
  own: [],
  kinds: HIDDEN,
  ...more,
})
const both = (...names: readonly (EventName | AddedName)[]) => ({ told: names, own: names })

const commentFor = async (at: Cast, { prdId, commentId }: Place, isAllowed: boolean): Promise<string> =>
  isAllowed ? at.comment(prdId) : commentId

export const eventRows: readonly EventRow[] = [
  row('join-prd', SEES, (_, { prdId }) => ({ prdId, mode: 'edit' }), { own: ['joined-prd'], kinds: ALL }),
  row('leave-prd', 'ok ok ok ok', (_, { prdId }) => ({ prdId }), {
    told: ['user-left'],
    after: (at, { prdId }, who) => at.tabs[who].ask('join-prd', { prdId, mode: 'edit' }),
  }),
  row('content-update', 'ok ok F J', (_, { prdId }) => ({ prdId, operation: insert(0, '.'), stateVector: [] }), {
    told: ['content-update'],
    kinds: ALL,
  }),
  row('sync-request', SEES, (_, { prdId }) => ({ prdId, stateVector: [1] }), { own: ['sync-response'] }),
  row('presence-update', 'ok ok ok J', (_, { prdId }) => ({ prdId, cursorPosition: 1 }), {
    told: ['presence-update'],
    kinds: ALL,
  }),
  row('ai-prompt', 'ok ok F J', (_, { prdId }) => ({ prdId, prompt: 'x' }), { own: ['ai-job-created'], kinds: ALL }),
  row(
    'ai-cancel',
    MANAGES,
    async (at, { prdId, jobId }, _, isAllowed) => ({ prdId, jobId: isAllowed ? await at.job(prdId, 'edt') : jobId }),
    { what: 'of another', authors: { edt: 'ai-error' } },
  ),
  row(
    'ai-cancel',
    EDITS,
    async (at, { prdId, jobId }, who, isAllowed) => ({ prdId, jobId: isAllowed ? await at.job(prdId, who) : jobId }),
    { what: 'of their own', own: ['ai-error'] },
  ),
  row('create-version', EDITS, (_, { prdId }) => ({ prdId, changelog: 'x', versionType: 'patch' }), {
    ...both('version-created', 'git-commit'),
  }),
  row(
    'resolve-conflict',
    'ok F F J',
    async (at, { prdId, conflictId }, _, isAllowed) => ({
      prdId,
      conflictId: isAllowed ? await at.conflict(prdId) : conflictId,
      resolution: 'merge',
      mergedContent: '!',
    }),
    {
      told: ['content-update'],
      authors: { adm: 'conflict-resolved', own: 'conflict-resolved' },
      own: ['content-update', 'conflict-resolved'],
    },
  ),
  row('add-comment', SEES, (_, { prdId }) => ({ prdId, position: 0, content: 'x' }), both('comment-added')),
  row('reply-comment', SEES, (_, { commentId }) => ({ commentId, content: 'x' }), both('comment-replied')),
  row(
    'resolve-comment',
    SEES,
    async (at, place, _, isAllowed) => ({ commentId: await commentFor(at, place, isAllowed) }),
    both('comment-resolved'),
  ),
  row(
    'reopen-comment',
    SEES,
    async (at, place, _, isAllowed) => {
      const commentId = await commentFor(at, place, isAllowed)
      if (isAllowed) await at.tabs.adm.done('resolve-comment', { commentId })
      return { commentId }
    },
    both('comment-reopened'),
  ),
  row(
    'delete-comment',
    MANAGES,
    async (at, place, _, isAllowed) => ({ commentId: await commentFor(at, place, isAllowed) }),
    { ...both('comment-deleted'), what: 'of another' },
  ),
  row(
    'delete-comment',
    SEES,
    async (at, { prdId, commentId }, who, isAllowed) => {
      if (!isAllowed) return { commentId }
      return { commentId: (await at.tabs[who].done('add-comment', { prdId, position: 0, content: 'x' })).commentId }
    },
    { ...both('comment-deleted'), what: 'of their own' },
  ),
  row(
    'delete-reply',
    MANAGES,
    async (at, { commentId, replyId }, _, isAllowed) => ({
      commentId,
      replyId: isAllowed ? await at.reply(commentId) : replyId,
    }),
    { ...both('reply-deleted'), what: 'of another' },
  ),
]
