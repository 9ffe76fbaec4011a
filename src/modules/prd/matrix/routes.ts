import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { integrationKinds, type IntegrationKind } from '../integrations/kinds.ts'
import { craftServer, type CraftServer } from '../../../testing/outside/craft.ts'
import { rowOf, toId } from '../ids.ts'
import { run } from '../testing-groups.ts'
import { insert, made, userId } from '../testing.ts'
import { ABSENT_ORGANIZATION, type Cast, type Column, type Kind, type Place } from './cast.ts'

/** Every door over REST, and who may go through it. */
export interface RouteRow {
  /** Method and path of the module's own list. */
  readonly route: string
  readonly what: string
  /** `prd`: for who manages, edits, views it, sees nothing of it. `member`: for admin, member, viewer, stranger. */
  readonly by: 'prd' | 'member'
  readonly cells: string
  readonly kinds: readonly Kind[]
  /** What is used up is made first where it may be. */
  readonly about: (at: Cast, place: Place, who: Column, isAllowed: boolean) => Promise<Target> | Target
}

/** By the names of the path's parameters, and what else there is. */
export interface Target {
  readonly id?: string
  readonly userId?: string
  readonly templateId?: string
  readonly approvalId?: string
  readonly replyId?: string
  readonly conflictId?: string
  readonly suggestionId?: string
  readonly initiativeId?: string
  readonly jobId?: string
  readonly organizationId?: string
  readonly version?: string
  readonly query?: string
  readonly body?: unknown
}

const HIDDEN: readonly Kind[] = ['none', 'absent']
const ALL: readonly Kind[] = ['view', 'edit', 'none', 'absent']

const prd = (
  route: string,
  cells: string,
  about: RouteRow['about'] = (_, { prdId: id }) => ({ id }),
  more: Partial<Pick<RouteRow, 'what' | 'kinds'>> = {},
): RouteRow => ({ route, what: '', by: 'prd', cells, kinds: HIDDEN, about, ...more })

/** In an organisation, and the same in one that is not there. */
const organization = (route: string, cells: string, about: RouteRow['about'], what = ''): readonly RouteRow[] => [
  { route, what, by: 'member', cells, kinds: ['view'], about },
  { route, what: `${what} of none`, by: 'member', cells: 'N N N N', kinds: ['view'], about: async (...args) => {
    const target = await about(...args)
    const body = target.body as { organizationId?: string } | undefined
    const of = body?.organizationId === undefined ? body : { ...body, organizationId: ABSENT_ORGANIZATION }
    return { ...target, id: ABSENT_ORGANIZATION, query: target.query && `?organizationId=${ABSENT_ORGANIZATION}`, body: of }
  } },
]
/** Of oneself, whoever one is. */
const own = (route: string, about: RouteRow['about'] = () => ({})): RouteRow => ({
  route,
  what: 'their own',
  by: 'member',
  cells: 'ok ok ok ok',
  kinds: ['view'],
  about,
})

const idOf = (at: Cast): string => at.at.organizationId
const inIt = (at: Cast): Target => ({ id: idOf(at) })

/** Somebody else, who is a member, or just not. */
async function spare(at: Cast, who: Column, isAllowed: boolean, isIn = true): Promise<Target> {
  if (!isAllowed) return { id: idOf(at), userId: userId(at.users[who === 'vwr' ? 'edt' : 'vwr']) }
  if (isIn) await at.users.adm.post(at.members, { userId: userId(at.spare) })
  else await at.users.adm.delete(`${at.members}/${userId(at.spare)}`)
  return { id: idOf(at), userId: userId(at.spare) }
}

async function template(at: Cast, _: Place, __: Column, isAllowed: boolean): Promise<Target> {
  if (!isAllowed) return { id: idOf(at), templateId: 'standard' }
  const path = `/api/organizations/${idOf(at)}/templates`
  return { id: idOf(at), templateId: (await made(at.users.adm, path, { name: 'x', content: '' })).id }
}

/** Another one like the hidden PRD, to be used up. */
async function fresh(at: Cast, { prdId }: Place, isAllowed: boolean): Promise<string> {
  if (!isAllowed) return prdId
  const id = await at.at.prd('x')
  assert.equal((await at.users.own.patch(`/api/prds/${id}`, { access: 'none' })).status, 200)
  return id
}

const comment = async (at: Cast, { prdId, commentId }: Place, isAllowed: boolean): Promise<Target> => ({
  id: isAllowed ? await at.comment(prdId) : commentId,
})

/** Of somebody else than who asks for it. */
async function approvalOf(at: Cast, place: Place, isAllowed: boolean, who: Column): Promise<Target> {
  if (!isAllowed) return { id: place.prdId, approvalId: place.approvalId }
  const id = await fresh(at, place, true)
  const by = who === 'own' ? at.users.adm : at.users.own
  const { items } = await made(by, `/api/prds/${id}/approvals`, { approverIds: [userId(at.users[who])] })
  return { id, approvalId: items[0].id }
}

//              M  E  V  N
const SEES = '  ok ok ok N'
const EDITS = ' ok ok F  N'
const MANAGES = 'ok F  F  N'
//              A  M  V  N
const MEMBERS = 'ok ok ok N'
const ADMINS = ' ok F  F  N'

/** Nobody answers there. */
const url = 'http://127.0.0.1:1'
const nowhere: Readonly<Record<IntegrationKind, object>> = {
  ai: { enabled: true, baseUrl: url, model: 'x' },
  jira: { url, email: 'x@example.com', projectKey: 'PROJ', apiToken: 'x' },
  git: { url, token: 'x' },
  mattermost: { url, team: 'x', channels: [], token: 'x' },
  craft: { url, apiToken: 'x', webhookSecret: `whsec_${Buffer.alloc(32).toString('base64')}` },
}

let craft: Promise<CraftServer> | undefined

/** An initiative that can be linked, and is. */
async function initiative(at: Cast, { prdId: id }: Place, isAllowed: boolean, isLinked: boolean): Promise<Target> {
  const target = { id, initiativeId: 'init_1', body: { initiativeId: 'init_1' } }
  if (!isAllowed) return target
  const { url: there, apiKey, initiatives } = await (craft ??= craftServer())
  initiatives.set('1', { id: '1', title: 'x', updateTime: '2026-01-01T00:00:00Z' })
  const { adm } = at.users
  const integration = { ...nowhere.craft, url: there, apiToken: apiKey }
  assert.equal((await adm.put(`/api/organizations/${idOf(at)}/integrations/craft`, integration)).status, 200)
  if (isLinked) await made(adm, `/api/prds/${id}/integrations/craft/initiatives`, target.body)
  return target
}

/** It may be synchronised with a Jira where nobody answers, and is not yet. */
async function unsynchronised(at: Cast, { prdId: id }: Place, isAllowed: boolean): Promise<Target> {
  const target = { id, body: { syncType: 'export' } }
  if (!isAllowed) return target
  const answer = await at.users.adm.put(`/api/organizations/${idOf(at)}/integrations/jira`, nowhere.jira)
  assert.equal(answer.status, 200)
  await run(at.at.world, `update prd_jira_syncs set status = 'completed'`)
  return target
}

/** One that was told a moment ago, and is dismissed by whoever may. */
async function suggestion(at: Cast, { prdId: id }: Place, isAllowed: boolean): Promise<Target> {
  if (!isAllowed) return { id, suggestionId: 'suggestion_1' }
  const columns = 'prd_id, rule, subject, section, title, description, confidence, status, created_at'
  const values = `${rowOf('prd', id)}, 'missing-section', '${randomUUID()}', 'goals', 'x', 'x', 0.5, 'open', 0`
  const [row] = await run(at.at.world, `insert into prd_suggestions (${columns}) values (${values}) returning id`)
  return { id, suggestionId: toId('suggestion', row.id) }
}

const shared = (at: Cast): string => userId(at.users.vwr)
const version = (_: Cast, { prdId: id }: Place): Target => ({ id, version: '1.0.0' })
const thread = (_: Cast, { commentId: id }: Place): Target => ({ id })

export const routeRows: readonly RouteRow[] = [
  own('GET /organizations'),
  own('POST /organizations', () => ({ body: { name: 'x' } })),
  ...organization('GET /organizations/:id', MEMBERS, inIt),
  ...organization('PATCH /organizations/:id', ADMINS, (at) => ({ ...inIt(at), body: { name: 'x' } })),
  ...organization('DELETE /organizations/:id', ADMINS, async (at, _, __, isAllowed) => {
    return isAllowed ? { id: (await made(at.users.adm, '/api/organizations', { name: 'x' })).id } : inIt(at)
  }),
  ...organization('GET /organizations/:id/members', MEMBERS, inIt),
  ...organization('POST /organizations/:id/members', ADMINS, async (at, _, who, isAllowed) => ({
    ...(await spare(at, who, isAllowed, false)),
    body: { userId: userId(at.spare) },
  })),
  ...organization('PATCH /organizations/:id/members/:userId', ADMINS, async (at, _, who, isAllowed) => ({
    ...(await spare(at, who, isAllowed)),
    body: { role: 'viewer' },
  })),
  ...organization('DELETE /organizations/:id/members/:userId', ADMINS, (at, _, who, isAllowed) =>
    spare(at, who, isAllowed),
  ),
  ...organization('GET /organizations/:id/templates', MEMBERS, inIt),
  ...organization('POST /organizations/:id/templates', ADMINS, (at) => ({
    ...inIt(at),
    body: { name: 'x', content: '' },
  })),
  ...organization('GET /organizations/:id/templates/:templateId', MEMBERS, template),
  ...organization('DELETE /organizations/:id/templates/:templateId', ADMINS, template),
  ...organization('POST /organizations/:id/integrations/git/push', ADMINS, async (at, _, __, isAllowed) => {
    if (!isAllowed) return inIt(at)
    const { id } = await made(at.users.adm, '/api/organizations', { name: 'x' })
    const git = { url: 'https://git.example.com/x.git', token: 'x' }
    assert.equal((await at.users.adm.put(`/api/organizations/${id}/integrations/git`, git)).status, 200)
    return { id }
  }),
  ...organization('GET /organizations/:id/integrations', ADMINS, inIt),
  ...organization('GET /organizations/:id/integrations/mattermost/status', MEMBERS, inIt),
  ...integrationKinds.flatMap((kind) => {
    const path = `/organizations/:id/integrations/${kind}`
    const put = async (at: Cast, _: Place, __: Column, isAllowed: boolean): Promise<Target> => {
      const answer = isAllowed && (await at.users.adm.put(`/api${path.replace(':id', idOf(at))}`, nowhere[kind]))
      if (answer) assert.equal(answer.status, 200)
      return inIt(at)
    }
    return [
      ...organization(`PUT ${path}`, ADMINS, (at) => ({ ...inIt(at), body: nowhere[kind] })),
      ...organization(`POST ${path}/test`, ADMINS, put),
      ...organization(`DELETE ${path}`, ADMINS, put),
    ]
  }),
  ...organization('GET /activity', MEMBERS, (at) => ({ query: `?organizationId=${idOf(at)}` })),

  own('GET /prds'),
  ...organization('POST /prds', 'ok ok F N', (at) => ({
    body: { organizationId: idOf(at), title: 'x', access: 'none' },
  })),
  prd('GET /prds/:id', SEES, undefined, { kinds: ALL }),
  prd('GET /prds/:id/content', SEES),
  prd('POST /prds/:id/operations', EDITS, (_, { prdId: id }) => ({ id, body: { operation: insert(0, '.') } })),
  prd('PATCH /prds/:id', MANAGES, (_, { prdId: id }) => ({ id, body: { title: 'x' } })),
  prd('DELETE /prds/:id', MANAGES, async (at, place, _, isAllowed) => ({ id: await fresh(at, place, isAllowed) })),
  prd('GET /prds/:id/collaborators', SEES),
  prd('PUT /prds/:id/collaborators/:userId', MANAGES, (at, { prdId: id }) => ({
    id,
    userId: shared(at),
    body: { role: 'viewer' },
  })),
  prd('DELETE /prds/:id/collaborators/:userId', 'ok F ok N', async (at, place, _, isAllowed) => ({
    id: await fresh(at, place, isAllowed),
    userId: shared(at),
  })),
  prd('GET /prds/:id/presence', SEES),

  own('GET /approvals'),
  prd('GET /prds/:id/approvals', SEES),
  prd('POST /prds/:id/approvals', EDITS, async (at, place, _, isAllowed) => ({
    id: await fresh(at, place, isAllowed),
    body: { approverIds: [userId(at.users.vwr)] },
  })),
  ...(['approve', 'reject'] as const).flatMap((verb) => [
    prd(
      `POST /prds/:id/approvals/:approvalId/${verb}`,
      'ok ok ok N',
      (at, place, who, isAllowed) => approvalOf(at, place, isAllowed, who),
      { what: 'their own' },
    ),
    prd(
      `POST /prds/:id/approvals/:approvalId/${verb}`,
      'F F F N',
      (at, place, who) => approvalOf(at, place, place === at.places.none, who === 'vwr' ? 'edt' : 'vwr'),
      { what: 'of another' },
    ),
  ]),
  prd('DELETE /prds/:id/approvals/:approvalId', MANAGES, (at, place, who, isAllowed) =>
    approvalOf(at, place, isAllowed, who === 'vwr' ? 'edt' : 'vwr'),
  ),

  prd('GET /prds/:id/comments', SEES),
  prd('POST /prds/:id/comments', SEES, (_, { prdId: id }) => ({ id, body: { position: 0, content: 'x' } })),
  prd('GET /comments/:id', SEES, thread),
  prd('DELETE /comments/:id', MANAGES, (at, place, _, isAllowed) => comment(at, place, isAllowed), {
    what: 'of another',
  }),
  prd('POST /comments/:id/resolve', SEES, (at, place, _, isAllowed) => comment(at, place, isAllowed)),
  prd('POST /comments/:id/reopen', SEES, (at, place, _, isAllowed) => comment(at, place, isAllowed)),
  prd('GET /comments/:id/replies', SEES, thread),
  prd('POST /comments/:id/replies', SEES, (at, place) => ({ ...thread(at, place), body: { content: 'x' } })),
  prd(
    'DELETE /comments/:id/replies/:replyId',
    MANAGES,
    async (at, { commentId: id, replyId }, _, isAllowed) => ({ id, replyId: isAllowed ? await at.reply(id) : replyId }),
    { what: 'of another' },
  ),

  prd('GET /prds/:id/conflicts', SEES),
  prd(
    'POST /prds/:id/conflicts/:conflictId/resolve',
    MANAGES,
    async (at, { prdId: id, conflictId }, _, isAllowed) => ({
      id,
      conflictId: isAllowed ? await at.conflict(id) : conflictId,
      body: { resolution: 'merge', mergedContent: '!' },
    }),
    { what: 'of others' },
  ),

  prd('GET /prds/:id/suggestions', SEES),
  prd('POST /prds/:id/suggestions/:suggestionId/dismiss', EDITS, (at, place, _, isAllowed) =>
    suggestion(at, place, isAllowed),
  ),

  prd('GET /prds/:id/integrations/jira', SEES),
  prd('POST /prds/:id/integrations/jira/sync', EDITS, (at, place, _, isAllowed) =>
    unsynchronised(at, place, isAllowed),
  ),
  prd('GET /prds/:id/integrations/craft', SEES),
  ...['POST initiatives', 'POST match', 'POST alignment', 'POST initiatives/:initiativeId/accept',
    'DELETE initiatives/:initiativeId'].map((door) =>
    prd(door.replace(' ', ' /prds/:id/integrations/craft/'), EDITS, (at, place, _, isAllowed) =>
      initiative(at, place, isAllowed, !/(initiatives|match)$/.test(door)),
    ),
  ),
  {
    route: 'POST /integrations/craft/:organizationId/webhook',
    what: 'unsigned',
    by: 'member',
    cells: 'U U U U',
    kinds: ['view'],
    about: (at) => ({ organizationId: idOf(at), body: {} }),
  },

  prd('GET /prds/:id/ai/jobs', SEES),
  prd('POST /prds/:id/ai/jobs', EDITS, (_, { prdId: id }) => ({ id, body: { prompt: 'x' } })),
  prd('GET /prds/:id/ai/jobs/:jobId', MANAGES, (_, { prdId: id, jobId }) => ({ id, jobId }), { what: 'of another' }),
  prd(
    'DELETE /prds/:id/ai/jobs/:jobId',
    MANAGES,
    async (at, { prdId: id, jobId }, _, isAllowed) => ({ id, jobId: isAllowed ? await at.job(id, 'edt') : jobId }),
    { what: 'of another' },
  ),

  prd('GET /prds/:id/versions', SEES),
  prd('POST /prds/:id/versions', EDITS, (_, { prdId: id }) => ({ id, body: { changelog: 'x', versionType: 'patch' } })),
  prd('GET /prds/:id/versions/:version', SEES, version),
  prd('POST /prds/:id/versions/:version/restore', EDITS, version),
  prd('GET /prds/:id/diff', SEES, (_, { prdId: id }) => ({ id, query: '?from=1.0.0' })),

  own('GET /notifications'),
  {
    ...own('POST /notifications/:id/read', async (at) => {
      await at.users.adm.post(at.members, { userId: userId(at.spare) })
      const [{ id }] = (await at.spare.get('/api/notifications')).body.items
      return { id }
    }),
    what: 'of another',
    cells: 'N N N N',
  },
  own('POST /notifications/read-all'),
]
