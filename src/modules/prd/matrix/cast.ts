import assert from 'node:assert/strict'
import { forever } from '../../../testing/outside/model.ts'
import type { Answer, User } from '../../../testing/world.ts'
import { aiScene, type AiScene } from '../testing-ai.ts'
import { made, replace, userId, type Data, type Tab } from '../testing.ts'

/**
 * Who asks. adm: admin of the organisation. own: owner of the PRDs. edt, vwr: editor and viewer of them by name. mem: a
 * member of the organisation. gst: a viewer of it. out: in another organisation, with a PRD of their own. rem: taken out
 * of the organisation a moment ago, an editor of all the PRDs until then, who had joined them.
 */
export const columns = ['adm', 'own', 'edt', 'vwr', 'mem', 'gst', 'out', 'rem'] as const
export type Column = (typeof columns)[number]

/** M: manage, E: edit, V: view, N: none; of an organisation A: admin, M: member, V: viewer, N: none. P-R1. */
export type Letter = 'A' | 'M' | 'E' | 'V' | 'N'

//         adm own edt vwr mem gst out rem
const rights = {
  view: '   M   M   E   V   V   V   N   N',
  edit: '   M   M   E   V   E   V   N   N',
  none: '   M   M   E   V   N   N   N   N',
  absent: ' N   N   N   N   N   N   N   N',
  member: ' A   M   M   M   M   V   N   N',
} as const
export type Kind = 'view' | 'edit' | 'none' | 'absent'
export const kinds = ['view', 'edit', 'none'] as const

export const standing = (of: keyof typeof rights): ReadonlyMap<Column, Letter> => {
  const letters = rights[of].trim().split(/\s+/) as Letter[]
  return new Map(columns.map((who, n) => [who, letters[n]!]))
}

/** What a cell says that is not ok: status and code. */
export const codes = {
  F: [403, 'FORBIDDEN'],
  N: [404, 'NOT_FOUND'],
  J: [409, 'NOT_JOINED'],
  U: [401, 'AUTHENTICATION_FAILED'],
} as const
export type Cell = keyof typeof codes | 'ok'

/** One cell for each letter. */
export function cellsOf(letters: string, cells: string): ReadonlyMap<string, Cell> {
  const all = cells.trim().split(/\s+/) as Cell[]
  assert.equal(all.length, letters.length, cells)
  return new Map(all.map((cell, n) => [letters[n]!, cell]))
}

/** A PRD and what is on it, by the owner and the admin. */
export interface Place {
  readonly prdId: string
  readonly commentId: string
  readonly replyId: string
  readonly conflictId: string
  readonly approvalId: string
  /** Waits, for ever. */
  readonly jobId: string
}

export const ABSENT: Place = {
  prdId: 'prd_999999',
  commentId: 'comment_999999',
  replyId: 'reply_999999',
  conflictId: 'conflict_999999',
  approvalId: 'approval_999999',
  jobId: 'job_999999',
}
export const ABSENT_ORGANIZATION = 'org_999999'

const unlimited = { prdCommandsPerMinute: 0, prdWritesPerMinute: 0, prdPresenceRestMs: 1 }
/** One answer is waited for all the time, so that others wait for their turn and nothing comes in between. */
const patient = {
  prdAiConcurrency: 1,
  prdAiPromptsPerHour: 0,
  prdAiQueued: 1_000,
  prdAiFirstChunkMs: 1e9,
  prdAiJobMs: 1e9,
}

/** Everybody, with a tab that has joined whatever it may, in the mode `edit`. */
export class Cast {
  readonly at: AiScene & AsyncDisposable
  readonly users: Readonly<Record<Column, User>>
  readonly tabs = {} as Record<Column, Tab>
  readonly places = {} as Record<Kind, Place>
  /** On `/notifications`: who hears nothing, whatever happens. */
  readonly strangers: Tab[] = []
  /** In no organisation, and in this one now and then. */
  readonly spare: User

  private constructor(at: AiScene & AsyncDisposable, users: Record<Column, User>, spare: User) {
    this.at = at
    this.users = users
    this.spare = spare
  }

  static async gather(): Promise<Cast> {
    const at = await aiScene({ config: { ...unlimited, ...patient } })
    at.model.otherwise = { headersAfter: forever() }
    const { world, admin: adm, owner: own, editor: edt, viewer: vwr, member: mem, outsider: out } = at
    const [gst, rem, spare] = [await world.user('guest'), await world.user('removed'), await world.user('spare')]
    const cast = new Cast(at, { adm, own, edt, vwr, mem, gst, out, rem }, spare)
    for (const [user, role] of [[gst, 'viewer'], [rem, 'member']] as const) {
      await made(adm, cast.members, { userId: userId(user), role })
    }
    for (const who of columns) cast.tabs[who] = await at.tab(cast.users[who])
    const elsewhere = (await made(out, '/api/organizations', { name: 'Elsewhere' })).id as string
    for (const [user, organizationId] of [[out, elsewhere], [rem, at.organizationId]] as const) {
      const tab = await at.tab(user, '/notifications')
      await tab.done('subscribe', { organizationId })
      cast.strangers.push(tab)
    }
    cast.places.absent = ABSENT
    for (const kind of kinds) cast.places[kind] = await cast.furnish(kind)
    await cast.heard()
    assert.equal((await adm.delete(`${cast.members}/${userId(rem)}`)).status, 204)
    assert.deepEqual(await cast.tabs.rem.drained(), kinds.map((kind) => {
      return ['left-prd', { prdId: cast.places[kind].prdId, reason: 'forbidden' }]
    }))
    await cast.heard()
    for (const tab of cast.strangers) await tab.drained()
    return cast
  }

  get members(): string {
    return `/api/organizations/${this.at.organizationId}/members`
  }

  private async furnish(access: 'view' | 'edit' | 'none'): Promise<Place> {
    const { own, rem, adm } = this.users
    const prdId = await this.at.prd('Hello')
    assert.equal((await own.patch(`/api/prds/${prdId}`, { access })).status, 200)
    assert.equal((await own.put(`/api/prds/${prdId}/collaborators/${userId(rem)}`, { role: 'editor' })).status, 200)
    const rights = standing(access)
    for (const who of columns) {
      if (who === 'rem' || rights.get(who) !== 'N') await this.tabs[who].join(prdId, 'edit')
    }
    const commentId = await this.comment(prdId)
    const replyId = await this.reply(commentId)
    const conflictId = await this.conflict(prdId, 'Hell'.length)
    const { items } = await made(own, `/api/prds/${prdId}/approvals`, { approverIds: [userId(adm)] })
    const jobId = await this.job(prdId)
    await this.at.asked(1)
    return { prdId, commentId, replyId, conflictId, approvalId: items[0].id, jobId }
  }

  async job(prdId: string, who: Column = 'adm'): Promise<string> {
    const { status, body } = await this.users[who].post(`/api/prds/${prdId}/ai/jobs`, { prompt: 'x' })
    assert.equal(status, 202)
    return body.jobId as string
  }

  async comment(prdId: string): Promise<string> {
    return (await this.tabs.adm.done('add-comment', { prdId, position: 0, content: 'x' })).commentId
  }

  async reply(commentId: string): Promise<string> {
    return (await this.tabs.adm.done('reply-comment', { commentId, content: 'x' })).reply.id
  }

  /** Between the owner and the admin. @param at where another one is not yet */
  async conflict(prdId: string, at = 0): Promise<string> {
    const { adm, own } = this.tabs
    for (const tab of [adm, own]) await tab.drained()
    const { stateVector } = (await own.join(prdId)).initialState
    await adm.join(prdId)
    const edit = (tab: Tab, content: string): Promise<Data> =>
      tab.done('content-update', { prdId, operation: replace(at, 1, content), stateVector })
    await edit(adm, 'mine')
    await edit(own, 'yours')
    return (await own.find('conflict-detected')).conflicts[0].conflictId
  }

  /** What everybody but these has got by now. */
  async heard(but: readonly Column[] = []): Promise<Record<string, string[]>> {
    const asked = columns.filter((who) => !but.includes(who))
    const got = await Promise.all(
      asked.map(async (who) => {
        const names = (await this.tabs[who].drained()).map(([name]) => name)
        // Told when the other server lets itself be heard, whatever is done meanwhile.
        return [who, names.filter((name) => name !== 'mattermost-connection-status')] as const
      }),
    )
    return Object.fromEntries(got.filter(([, names]) => names.length > 0))
  }

  request(who: Column | 'ano', method: string, path: string, body?: unknown): Promise<Answer> {
    const token = who === 'ano' ? 'none' : this.users[who].token
    const sent = body === undefined && method !== 'GET' && method !== 'DELETE' ? {} : body
    return this.at.world.request(method, path, sent, { authorization: `Bearer ${token}` })
  }
}
