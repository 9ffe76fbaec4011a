import assert from 'node:assert/strict'
import { join as pathOf } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import type { Client } from '../../testing/client.ts'
import { testWorld, type Answer, type User, type World } from '../../testing/world.ts'
import type { Parts } from './actions/parts.ts'
import { datingApiRoutes } from './routes.ts'
import { connect, drained, match, ok, say } from './testing.ts'

/**
 * The whole policy as one table: every REST door, and what each kind of person is answered. 404: hidden, which is
 * absent. 403: not theirs. 409: not as things are. 400: not as it was asked. 410: no more. `-`: there is no such case.
 *
 * par, oth: the two of the conversation that a row is about; people are liked, blocked and reported by par as oth, by
 * everybody else as par. str: has a profile and nobody. non: has none. blk, unm, sus: had or have a conversation with
 * par, who has blocked the one and unmatched the other, while the third is suspended; theirs is what they ask for.
 * mod: a moderator without a profile. ano: without a token, and with one that is none.
 */
const columns = ['par', 'oth', 'str', 'non', 'blk', 'unm', 'sus', 'mod', 'ano'] as const
type Column = (typeof columns)[number]
type Named = Exclude<Column, 'ano'>

interface Target {
  readonly id?: string
  readonly user_id?: string
  readonly body?: unknown
  readonly query?: string
}
type About = (at: Cast, who: Column) => Promise<Target> | Target

const ABSENT = '00000000-0000-4000-8000-000000000000'

class Cast {
  readonly world: World
  readonly users = {} as Record<Named, User>
  spare!: User
  /** Of par and oth; and what par has with the others. */
  readonly conversations = {} as Record<'own' | 'blk' | 'unm' | 'sus', string>
  readonly messages = {} as Record<'blk' | 'unm' | 'sus', string>
  /** In a message of par's. */
  photo = ''
  listening!: Client

  constructor(world: World) {
    this.world = world
  }

  async gather(): Promise<this> {
    const { users, world } = this
    // The first account of all is the administrator.
    for (const who of ['mod', ...columns.slice(0, 7)] as Named[]) users[who] = await world.user(who)
    this.spare = await world.user('spare')
    const { par, oth, blk, unm, sus, str } = users
    for (const user of [par, oth, str, blk, unm, sus]) await ok(user.put('/api/dating/profile', { bio: user.name }))
    this.conversations.own = await match(par, oth)
    for (const who of ['blk', 'unm', 'sus'] as const) {
      this.conversations[who] = await match(par, users[who])
      this.messages[who] = (await say(par, this.conversations[who], 'words')).id
    }
    await ok(par.post('/api/dating/blocks', { user_id: blk.uuid }))
    await ok(par.delete(`/api/dating/conversations/${this.conversations.unm}`))
    const report = await this.report()
    await ok(users.mod.post(`/api/dating/moderation/reports/${report}/resolve`, { action: 'suspend' }))
    this.photo = await this.upload(par)
    await say(par, this.conversations.own, `/api/dating/photos/${this.photo}/file`, { type: 'photo' })
    this.listening = await connect(world, par)
    return this
  }

  conversation(who: Column): string {
    return this.conversations[who as 'blk'] ?? this.conversations.own
  }

  /** The two have one, though it has been ended. */
  async rematch(): Promise<void> {
    const { par, oth } = this.users
    const path = `/api/dating/conversations/${this.conversations.own}`
    if ((await par.get(path)).status !== 200) this.conversations.own = await match(par, oth)
  }

  async message(who: Column): Promise<string> {
    return this.messages[who as 'blk'] ?? (await say(this.users.par, this.conversations.own, 'words')).id
  }

  async upload(by: User, query = ''): Promise<string> {
    const answer = await this.world.request('POST', `/api/dating/photos${query}`, await picture(), bearer(by.token))
    assert.equal(answer.status, 201, JSON.stringify(answer.body))
    return answer.body.id as string
  }

  /** Of `sus`, in the conversation that par has with them. */
  async report(): Promise<string> {
    const body = { user_id: this.users.sus.uuid, reason: 'spam', conversation_id: this.conversations.sus }
    return (await ok(this.users.par.post('/api/dating/reports', body))).id as string
  }

  other(who: Column): string {
    return this.users[who === 'par' ? 'oth' : 'par'].uuid
  }

  /** Every row of the module. */
  dump(): string {
    const db = new DatabaseSync(pathOf(this.world.folder, 'switchboard.db'), { readOnly: true })
    try {
      const names = db.prepare(`select name from sqlite_master where type = 'table' and name like 'dating_%'`).all()
      return JSON.stringify(names.map(({ name }) => db.prepare(`select * from ${name as string}`).all()))
    } finally {
      db.close()
    }
  }

  async call(route: string, { id, user_id, body, query = '' }: Target, who: Column): Promise<Answer[]> {
    const [method, pattern] = route.split(' ') as [string, string]
    const path = `/api/dating${pattern.replace(':id', id ?? ABSENT).replace(':user_id', user_id ?? ABSENT)}${query}`
    const tokens = who === 'ano' ? [undefined, 'none'] : [this.users[who].token]
    const sent = route === 'POST /photos' ? await picture() : method === 'GET' ? undefined : body
    return Promise.all(
      tokens.map((token) => this.world.request(method, path, sent, token === undefined ? {} : bearer(token))),
    )
  }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

async function picture(): Promise<FormData> {
  const bytes = await sharp({ create: { width: 4, height: 4, channels: 3, background: '#333' } })
    .png()
    .toBuffer()
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(bytes)]), 'x.png')
  return form
}

const text = { content: 'x', type: 'text' }
const dismiss = { action: 'dismiss' }

const none: About = () => ({})
const conversation =
  (body?: unknown): About =>
  async (at, who) => {
    await at.rematch()
    return { id: at.conversation(who), body }
  }
const absentOne =
  (body?: unknown): About =>
  () => ({ id: ABSENT, body })
const message: About = async (at, who) => {
  await at.rematch()
  return { id: await at.message(who) }
}
const person: About = (at, who) => ({ id: at.other(who), user_id: at.other(who), body: { user_id: at.other(who) } })
const spare: About = (at) => ({ user_id: at.spare.uuid, body: { user_id: at.spare.uuid } })
const nobody: About = () => ({ id: ABSENT, user_id: ABSENT, body: { user_id: ABSENT } })
const reported =
  (body?: unknown): About =>
  async (at) => ({ id: await at.report(), body })

/** Route → what it is asked for → an answer for each column. */
//                                   par oth str non blk unm sus mod ano
const table: readonly (readonly [string, string, string, About])[] = [
  ['GET /profile', 'their own', '     ok  ok  ok  404 ok  ok  403 404 401', none],
  ['GET /profiles', 'all', '          ok  ok  ok  403 ok  ok  403 403 401', none],
  ['GET /profiles/:id', 'a person', ' ok  ok  ok  403 404 ok  403 403 401', person],
  ['GET /profiles/:id', 'nobody', '   404 404 404 403 404 404 403 403 401', nobody],
  ['GET /blocks', 'their own', '      ok  ok  ok  ok  ok  ok  403 ok  401', none],
  ['GET /conversations', 'their own', 'ok  ok  ok  ok  ok  ok  403 ok  401', none],
  ['GET /conversations/:id', 'one', ' ok  ok  403 403 403 403 403 403 401', conversation()],
  ['GET /conversations/:id', 'none', '404 404 404 404 404 404 404 404 401', absentOne()],
  ['GET /conversations/:id/messages', 'one', 'ok ok 403 403 403 403 403 403 401', conversation()],
  ['POST /conversations/:id/messages', 'one', 'ok ok 403 403 403 403 403 403 401', conversation(text)],
  [
    'POST /conversations/:id/read',
    'a message',
    'ok ok 403 403 403 403 403 403 401',
    async (at, who) => {
      await at.rematch()
      return { id: at.conversation(who), body: { message_id: await at.message(who) } }
    },
  ],
  ['PUT /conversations/:id/sharing', 'one', 'ok ok 403 403 403 403 403 403 401', conversation({ shares: true })],
  ['DELETE /messages/:id', 'one', '   ok  ok  403 403 403 403 403 403 401', message],
  ['DELETE /messages/:id', 'none', '  404 404 404 404 404 404 404 404 401', absentOne()],
  [
    'POST /messages/:id/open',
    'an ephemeral photo of par',
    '403 ok 403 403 403 403 403 403 401',
    async (at, who) => {
      if (who in at.messages) return message(at, who)
      await at.rematch()
      const photo = await at.upload(at.users.par, '?ephemeral=true')
      const more = { type: 'photo_ephemeral' }
      return { id: (await say(at.users.par, at.conversations.own, `/api/dating/photos/${photo}/file`, more)).id }
    },
  ],
  ['POST /photos', 'one', '           ok  ok  ok  ok  ok  ok  403 ok  401', none],
  ['GET /photos/:id', 'in a message', 'ok ok  404 404 404 404 404 404 401', (at) => ({ id: at.photo })],
  ['DELETE /photos/:id', 'in a message', '404 404 404 404 404 404 404 404 401', (at) => ({ id: at.photo })],
  [
    'DELETE /photos/:id',
    'an upload of par',
    'ok 404 404 404 404 404 404 404 401',
    async (at) => ({
      id: await at.upload(at.users.par),
    }),
  ],
  ['GET /photos/:id/file', 'unsigned', '     403 403 403 403 403 403 403 403 403', (at) => ({ id: at.photo })],
  ['GET /photos/:id/thumbnail', 'unsigned', '403 403 403 403 403 403 403 403 403', (at) => ({ id: at.photo })],
  ['PUT /profile', 'their own', '     ok  ok  ok  -   ok  ok  403 -   401', () => ({ body: { bio: 'another' } })],
  ['POST /likes', 'a person', '       ok  ok  ok  403 ok  ok  403 403 401', person],
  ['POST /likes', 'nobody', '         404 404 404 403 404 404 403 403 401', nobody],
  ['DELETE /likes/:user_id', 'a person', '409 409 ok 403 ok ok 403 403 401', person],
  ['POST /blocks', 'anybody', '       ok  ok  ok  ok  ok  ok  403 ok  401', spare],
  ['POST /blocks', 'nobody', '        404 404 404 404 404 404 403 404 401', nobody],
  ['DELETE /blocks/:user_id', 'anybody', 'ok ok ok ok ok ok 403 ok 401', spare],
  [
    'POST /reports',
    'a person',
    '     ok  ok  ok  ok  ok  ok  403 ok  401',
    (at, who) => ({
      body: { user_id: at.other(who), reason: 'other' },
    }),
  ],
  [
    'POST /reports',
    'in a conversation',
    'ok ok 403 403 ok ok 403 403 401',
    (at, who) => ({
      body: { user_id: at.other(who), reason: 'other', conversation_id: at.conversation(who) },
    }),
  ],
  ['GET /moderation/reports', 'all', '403 403 403 403 403 403 403 ok 401', none],
  ['GET /moderation/reports/:id', 'one', '403 403 403 403 403 403 403 ok 401', reported()],
  ['GET /moderation/reports/:id', 'none', '403 403 403 403 403 403 403 404 401', absentOne()],
  ['POST /moderation/reports/:id/lock', 'one', '403 403 403 403 403 403 403 ok 401', reported()],
  ['POST /moderation/reports/:id/unlock', 'one', '403 403 403 403 403 403 403 ok 401', reported()],
  ['POST /moderation/reports/:id/resolve', 'one', '403 403 403 403 403 403 403 ok 401', reported(dismiss)],
  ['DELETE /moderation/suspensions/:user_id', 'anybody', '403 403 403 403 403 403 403 ok 401', spare],
  ['GET /gifts', 'all', '             ok  ok  ok  ok  ok  ok  ok  ok  401', none],
  ['GET /export', 'their own', '      ok  ok  ok  ok  ok  ok  ok  ok  401', none],
  // What ends what the rows above are about.
  ['DELETE /conversations/:id', 'one', 'ok ok 403 403 403 403 403 403 401', conversation()],
  ['DELETE /account', 'another name', '400 400 400 400 400 400 400 400 401', () => ({ body: { username: 'x' } })],
  ['DELETE /account', 'their own', '  ok  ok  ok  ok  ok  ok  ok  ok  401', (_, who) => ({ body: { username: who } })],
]

const routes = datingApiRoutes({ settings: {} } as Parts)
const statusOf = new Map(routes.map(({ method, path, status }) => [`${method} ${path}`, status]))

/** Those are told apart by their status alone: a 403 says FORBIDDEN, and so on. */
const codes: Readonly<Record<number, string>> = {
  400: 'VALIDATION_ERROR',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
}

let at: Cast
before(async () => {
  const config = {
    datingWritesPerMinute: 0,
    datingMessagesPerMinute: 0,
    datingMessagesPerHour: 0,
    datingReportsPerDay: 0,
    datingLikesPerDay: 0,
    datingFramesPerMinute: 0,
    datingUnsentPhotos: 1_000,
  }
  at = await new Cast(await testWorld({ config })).gather()
})
after(() => at?.world.close())

test('the table has a row for every door, and no row for a door that is not there', () => {
  assert.deepEqual([...new Set(table.map(([route]) => route))].toSorted(), [...statusOf.keys()].toSorted())
})

test('who is answered what', async (t) => {
  for (const [route, what, cells, about] of table) {
    await t.test(`${route}: ${what}`, async () => {
      const wanted = cells.trim().split(/\s+/)
      assert.equal(wanted.length, columns.length)
      const cellOf = (who: Column): string => wanted[columns.indexOf(who)]!
      const got = new Map<Column, string>(columns.map((who) => [who, '-']))
      const ask = async (who: Column, target: Target): Promise<void> => {
        const answers = await at.call(route, target, who)
        for (const { status, body } of answers) {
          if (status >= 400) assert.equal(body.error.code, codes[status], `${who}: ${JSON.stringify(body)}`)
        }
        const statuses = answers.map(({ status }) => (status === statusOf.get(route) ? 'ok' : String(status)))
        got.set(who, [...new Set(statuses)].join('/'))
      }
      // Those who are refused come first: no row may be another afterwards, and nobody may hear of it.
      for (const who of columns.filter((one) => !['ok', '-'].includes(cellOf(one)))) {
        const target = await about(at, who)
        await drained(at.listening)
        const rows = at.dump()
        await ask(who, target)
        assert.equal(got.get(who), cellOf(who), who)
        assert.equal(at.dump(), rows, `${who}: a refusal has changed something`)
        assert.deepEqual(await drained(at.listening), [], `${who}: a refusal was told of`)
      }
      for (const who of columns.filter((one) => cellOf(one) === 'ok')) await ask(who, await about(at, who))
      assert.deepEqual(
        [...got],
        columns.map((who) => [who, cellOf(who)]),
      )
    })
  }
})
