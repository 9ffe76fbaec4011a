import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, beforeEach, test } from 'node:test'
import { craftServer, json, type CraftServer } from '../../testing/outside/craft.ts'
import { checkError, checkLog } from '../../testing/hostile.ts'
import type { Answer, User } from '../../testing/world.ts'
import { sealSecrets } from './integrations/secrets.ts'
import { rowOf } from './ids.ts'
import { made, scene, userId, type Data, type Scene } from './testing.ts'

/** Settings of integrations, with Craft.io in the part of the other system. */

let s: Scene
let craft: CraftServer
let second: User
before(async () => {
  s = await scene({ config: { prdWritesPerMinute: 0 } })
  second = await s.world.user('second')
  await made(s.admin, `/api/organizations/${s.organizationId}/members`, { userId: userId(second), role: 'admin' })
  craft = await craftServer()
})
after(async () => {
  await craft?.close()
  await s?.close()
})
beforeEach(() => void (craft.answers.length = 0))

const KEY = 'quincejam-key'
const HOOK = 'quincejam-webhook'
const all = (organization = s.organizationId): string => `/api/organizations/${organization}/integrations`
const settings = (): Record<string, unknown> => ({ url: craft.url, apiToken: craft.apiKey, webhookSecret: HOOK })
const put = (kind: string, body: object, by = s.admin): Promise<Answer> => by.put(`${all()}/${kind}`, body)
const listed = async (by = s.admin): Promise<Data[]> => (await by.get(all())).body.items as Data[]
const probe = async (by = s.admin): Promise<Data> => (await by.post(`${all()}/craft/test`)).body

async function ok(answer: Promise<Answer>): Promise<Data> {
  const { status, body } = await answer
  assert.ok(status < 300, `${status} ${JSON.stringify(body)}`)
  return body
}

const wrong = async (kind: string, body: object): Promise<Record<string, string>> =>
  checkError(await put(kind, body), 400, 'VALIDATION_ERROR')

/** As somebody with the file of the database would. */
function alter(statement: string, ...values: (string | number)[]): void {
  const file = new DatabaseSync(join(s.world.folder, 'switchboard.db'))
  try {
    assert.equal(file.prepare(statement).run(...values).changes, 1)
  } finally {
    file.close()
  }
}

test('P-I1 an integration is set, shown without its secrets, changed and taken away again by admins', async () => {
  const shown = await ok(put('craft', { ...settings(), url: `${craft.url}/`, extra: 1 }))
  const { statusAt, updatedAt, ...rest } = shown
  assert.equal(statusAt, updatedAt)
  const expected = {
    kind: 'craft',
    settings: { url: craft.url },
    secrets: { apiToken: true, webhookSecret: true },
    status: 'unknown',
    statusMessage: null,
    updatedBy: { id: userId(s.admin), name: 'admin' },
  }
  assert.deepEqual(rest, expected)
  const list = await ok(s.admin.get(all()))
  assert.deepEqual(Object.keys(list), ['items', 'position'])
  assert.deepEqual(list.items, [shown])

  const changed = await ok(put('craft', { url: craft.url, autoLink: true }, second))
  assert.deepEqual(changed.settings, { url: craft.url, autoLink: true })
  assert.deepEqual([changed.secrets, changed.updatedBy.name], [expected.secrets, 'second'])
  assert.equal((await probe()).ok, true, 'the secrets are as they were')

  s.world.clock.advance(1_000)
  await ok(put('ai', { enabled: false }))
  assert.deepEqual((await listed()).map(({ kind, secrets }) => [kind, secrets]), [
    ['ai', { apiKey: false }],
    ['craft', { apiToken: true, webhookSecret: true }],
  ])
  for (const kind of ['craft', 'ai']) assert.equal((await s.admin.delete(`${all()}/${kind}`)).status, 204)
  assert.deepEqual(await listed(), [])
  checkError(await s.admin.delete(`${all()}/craft`), 404, 'NOT_FOUND')
  checkError(await s.admin.post(`${all()}/craft/test`), 404, 'NOT_FOUND')
})

test('only admins of the organization see them, set them and try them', async () => {
  await ok(put('craft', settings()))
  for (const by of [s.owner, s.editor, s.viewer, s.member]) {
    const path = `${all()}/craft`
    for (const answer of [by.get(all()), by.put(path, settings()), by.post(`${path}/test`), by.delete(path)]) {
      checkError(await answer, 403, 'FORBIDDEN')
    }
  }
  for (const path of [all(), all('org_999999')]) checkError(await s.outsider.get(path), 404, 'NOT_FOUND')
  checkError(await put('craft', settings(), s.outsider), 404, 'NOT_FOUND')
  assert.equal((await s.admin.put(`${all()}/gitlab`, {})).status, 404)
})

test('a test of the connection says what it found or what is wrong, and admins are told when it fails', async () => {
  await ok(put('craft', settings()))
  const tabs = [await s.tab(s.admin, '/notifications'), await s.tab(second, '/notifications')] as const
  const members = await s.tab(s.member, '/notifications')
  assert.deepEqual(await probe(), { ok: true, message: 'Signed in to Craft.io; the API key may read 2 portfolios' })
  assert.equal((await listed())[0].status, 'ok')

  craft.answers.push((_, response) => json(response, 500, { message: `no <b>${KEY}` }))
  const failed = await probe()
  assert.deepEqual(failed, { ok: false, message: 'Craft.io failed with status 500; try again later' })
  const [row] = await listed()
  assert.deepEqual([row.status, row.statusMessage], ['failing', failed.message])
  const { id, timestamp, ...told } = await tabs[1].expect('notification')
  assert.ok(id && timestamp)
  assert.deepEqual(told, {
    type: 'integration_failed',
    title: 'Integration Failed',
    message: `Craft.io of "Acme" does not work: ${failed.message}`,
    data: { organizationId: s.organizationId, kind: 'craft' },
  })
  await probe()
  craft.answers.push((_, response) => response.destroy())
  const unreachable = 'The other server cannot be reached'
  assert.deepEqual(await probe(), { ok: false, message: unreachable })
  assert.match((await tabs[1].expect('notification')).message, new RegExp(unreachable))
  await ok(put('craft', { ...settings(), apiToken: KEY }))
  assert.match((await probe()).message, /key/i)
  assert.equal((await tabs[1].expect('notification')).type, 'integration_failed')
  for (const tab of [...tabs, members]) {
    await tab.expectNothing()
    tab.close()
  }
})

test('P-I1 secrets stay as they are while the address does, and are given anew with another one', async () => {
  await ok(put('craft', settings()))
  const other = `${craft.url}/elsewhere`
  const anew = 'is required: the address has changed'
  assert.deepEqual(await wrong('craft', { url: other }), { apiToken: anew, webhookSecret: anew })
  assert.deepEqual(await wrong('craft', { url: other, apiToken: KEY }), { webhookSecret: anew })
  assert.equal((await listed())[0].settings.url, craft.url)
  await ok(put('craft', { ...settings(), url: other }))
  // What may be left out goes with its address.
  const model = { enabled: true, baseUrl: craft.url, model: 'm' }
  assert.equal((await ok(put('ai', { ...model, apiKey: KEY }))).secrets.apiKey, true)
  assert.equal((await ok(put('ai', { ...model, model: 'n' }))).secrets.apiKey, true)
  assert.equal((await ok(put('ai', { ...model, baseUrl: `${craft.url}/v2` }))).secrets.apiKey, false)
})

test('settings that cannot be right are refused, field by field', async () => {
  await s.admin.delete(`${all()}/craft`)
  const required = 'is required'
  assert.deepEqual(await wrong('craft', {}), { url: required })
  assert.deepEqual(await wrong('craft', { url: craft.url }), { apiToken: required, webhookSecret: required })
  assert.deepEqual(Object.keys(await wrong('jira', { url: craft.url, projectKey: 'proj' })), ['email', 'projectKey'])
  assert.deepEqual(await wrong('ai', { enabled: true }), { baseUrl: 'is required, as this server has no model' })
  const nameless = await wrong('ai', { enabled: true, baseUrl: craft.url })
  assert.deepEqual(nameless, { model: 'is required, as this server has none' })
  const option = await wrong('git', { url: craft.url, branch: '--upload-pack=x', token: KEY })
  assert.deepEqual(Object.keys(option), ['branch'])
  assert.deepEqual(Object.keys(await wrong('craft', { ...settings(), apiToken: `${KEY}\r\nX-Evil: 1` })), ['apiToken'])
  const weak = await wrong('craft', { ...settings(), webhookSecret: 'short' })
  assert.deepEqual(Object.keys(weak), ['webhookSecret'])
  const channels = [{ name: 'product', events: ['prd_burnt'] }]
  const mattermost = { url: craft.url, team: 'acme', token: KEY }
  assert.deepEqual(Object.keys(await wrong('mattermost', { ...mattermost, channels })), ['channels.0.events.0'])
})

test('P-I2 A13 no integration takes an address that must not be called', async () => {
  const { port } = new URL(craft.url)
  const seen = craft.requests.length
  const addresses = [
    ...['file:///etc/passwd', 'gopher://127.0.0.2/', `http://[::1]:${port}`, `http://localhost:${port}`],
    ...[`https://0x7f.2:${port}`, 'https://169.254.169.254', 'https://user:pw@api.craft.example'],
    ...['http://api.craft.example', 'https://a.example:22'],
    ...[`${craft.url}/?a=b`, `${craft.url}/#a`, 'https://a.example/\r\nHost: b', 'nonsense', 'https://10.0.0.1'],
  ]
  const bodies: readonly (readonly [kind: string, field: string, body: object])[] = [
    ['ai', 'baseUrl', { enabled: true, model: 'm' }],
    ['jira', 'url', { email: 'a@b.example', projectKey: 'PROJ', apiToken: KEY }],
    ['git', 'url', { token: KEY }],
    ['mattermost', 'url', { team: 'acme', channels: [], token: KEY }],
    ['craft', 'url', { apiToken: KEY, webhookSecret: HOOK }],
  ]
  for (const [kind, field, body] of bodies) {
    for (const address of addresses) {
      assert.deepEqual(Object.keys(await wrong(kind, { ...body, [field]: address })), [field], `${kind}: ${address}`)
    }
  }
  assert.equal(craft.requests.length, seen)
})

test('what was sealed with another secret, or for another organization, is to be entered again', async () => {
  await ok(put('craft', settings()))
  const id = rowOf('organization', s.organizationId)
  const again = 'The secrets of this integration cannot be opened with the secret of this server; enter them again'
  const other = new TextEncoder().encode('another secret, 32 bytes or more')
  const sealed = sealSecrets(other, { organization: id, kind: 'craft' }, { apiToken: KEY, webhookSecret: HOOK })
  alter(`update prd_integrations set secrets = ? where kind = 'craft' and organization_id = ?`, sealed, id)
  const row = (await listed()).find(({ kind }) => kind === 'craft')!
  assert.deepEqual([row.status, row.statusMessage], ['failing', again])
  assert.deepEqual(row.secrets, { apiToken: false, webhookSecret: false })
  assert.deepEqual(await probe(), { ok: false, message: again })
  assert.deepEqual(Object.keys(await wrong('craft', { url: craft.url })), ['apiToken', 'webhookSecret'])
  await ok(put('craft', settings()))
  assert.equal((await probe()).ok, true)

  const elsewhere = (await made(s.outsider, '/api/organizations', { name: 'Elsewhere' })).id as string
  const moved = `update prd_integrations set organization_id = ? where kind = 'craft' and organization_id = ?`
  const sent = craft.requests.length
  alter(moved, rowOf('organization', elsewhere), id)
  const { body } = await s.outsider.post(`${all(elsewhere)}/craft/test`)
  assert.deepEqual(body, { ok: false, message: again })
  assert.equal(craft.requests.length, sent)
})

test('an organization that is deleted leaves nothing of its integrations', async () => {
  const { id } = await made(s.admin, '/api/organizations', { name: 'Short-lived' })
  await ok(s.admin.put(`${all(id)}/craft`, settings()))
  assert.equal((await s.admin.delete(`/api/organizations/${id}`)).status, 204)
  const file = new DatabaseSync(join(s.world.folder, 'switchboard.db'), { readOnly: true })
  const count = file.prepare('select count(*) as n from prd_integrations where organization_id = ?')
  assert.deepEqual({ ...count.get(rowOf('organization', id)) }, { n: 0 })
  file.close()
})

test('no secret is in the log or in plain in the database', () => {
  const secrets = [KEY, HOOK, craft.apiKey]
  checkLog(s.world, [s.admin, second])
  for (const secret of secrets) assert.ok(!s.world.log.some((line) => line.includes(secret)))
  for (const name of readdirSync(s.world.folder).filter((file) => file.startsWith('switchboard.db'))) {
    const bytes = readFileSync(join(s.world.folder, name))
    for (const secret of secrets) assert.equal(bytes.indexOf(secret), -1, name)
  }
})
