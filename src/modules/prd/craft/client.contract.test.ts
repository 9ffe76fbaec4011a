import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { CraftClient, CraftFault } from './client.ts'
import { probeCraft } from './probe.ts'
import { craftServer, json, PORTFOLIOS, type CraftServer } from '../../../testing/outside/craft.ts'

const TIME = '2026-01-02T03:04:05.000Z'

function access({ url }: CraftServer, apiToken: string) {
  return { settings: { url }, secrets: { apiToken }, fetch }
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => assert.fail('it was answered'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof CraftFault, String(error))
  return `${error.reason} ${error.status} ${error.retryAfterMs ?? ''}`.trim()
}

test('Craft.io: its published API, as its pages say', async (t) => {
  const craft = await craftServer()
  t.after(() => craft.close())
  const client = new CraftClient(access(craft, craft.apiKey))
  craft.initiatives.set('42', {
    id: '42',
    title: ' User Authentication\u2028Initiative',
    status: { id: '7', name: 'In Progress' },
    objectives: ['Improve security', null, 'Improve security', 'Reduce friction'].map((name) => ({ name })),
    updateTime: TIME,
  })

  await t.test('"Get initiative": status and objectives are objects with names, and may be null', async () => {
    assert.deepEqual(await client.initiative('42'), {
      id: '42',
      title: 'User Authentication Initiative',
      status: 'in_progress',
      objectives: ['Improve security', 'Reduce friction'],
      updatedAt: Date.parse(TIME),
    })
    craft.initiatives.set('43', { id: '43', title: '', status: null, objectives: null, updateTime: TIME })
    const bare = { id: '43', title: '43', status: 'none', objectives: [], updatedAt: Date.parse(TIME) }
    assert.deepEqual(await client.initiative('43'), bare)
    assert.equal(craft.requests.at(-1), 'GET /portfolio_item/43?fields=id,type,title,status,objectives,updateTime')
  })

  await t.test('"Get initiative": 400 for an invalid id, 403, 404; what cannot be an id is not asked for', async () => {
    assert.equal(await reasonOf(client.initiative('44')), 'not_found 404')
    assert.equal(await reasonOf(client.initiative('CRK-1')), 'not_found 400')
    const asked = craft.requests.length
    assert.equal(await reasonOf(client.initiative('../me/api-key?')), 'not_found 404')
    assert.equal(craft.requests.length, asked)
    craft.answers.push((_, response) => json(response, 403, { message: 'Access denied' }))
    assert.equal(await reasonOf(client.initiative('42')), 'forbidden 403')
  })

  await t.test('"Get my API key", "Get portfolios": the header x-api-key; 401 without a known key', async () => {
    assert.deepEqual(await client.portfolios(), PORTFOLIOS)
    const found = await probeCraft(access(craft, craft.apiKey))
    assert.equal(found, 'Signed in to Craft.io; the API key may read 2 portfolios')
    assert.equal(await reasonOf(probeCraft(access(craft, 'another'))), 'unauthorized 401')
  })

  await t.test('"Get initiatives": pages until totalPages, in each portfolio, without OKRs', async () => {
    craft.initiatives.clear()
    for (let id = 1; id <= 103; id += 1) {
      const type = id === 5 ? 'Objective' : id === 6 ? 'Key Result' : 'Initiative'
      craft.initiatives.set(`${id}`, { id: `${id}`, type, title: `Nº ${id}`, updateTime: TIME })
    }
    craft.initiatives.set('900', { id: '900', portfolioId: PORTFOLIOS[1], title: 'Other', updateTime: TIME })
    const from = craft.requests.length
    const ids = (await Array.fromAsync(client.initiatives(1_000))).map(({ id }) => id)
    const expected = Array.from({ length: 103 }, (_, at) => `${at + 1}`).filter((id) => id !== '5' && id !== '6')
    assert.deepEqual(ids, [...expected, '900'])
    const pages = craft.requests.slice(from + 2).map((path) => path.replace(/\?.*&page=/, ' ').replace(/&.*/, ''))
    const [first, second] = PORTFOLIOS.map((id) => `GET /portfolio/${id}/items`)
    assert.deepEqual(pages, [`${first} 1`, `${first} 2`, `${second} 1`])
    assert.equal((await Array.fromAsync(client.initiatives(7))).length, 7, 'no more than are wanted')
    craft.answers.push(
      (_, response) => json(response, 200, { accountId: '1' }),
      (_, response) => json(response, 200, [{ id: '1' }]),
      ...Array.from({ length: 3 }, () => (_: unknown, response: ServerResponse) => {
        json(response, 200, { items: [{ id: '7', title: 'x', updateTime: TIME }], metadata: { totalPages: 1e9 } })
      }),
    )
    assert.equal((await Array.fromAsync(client.initiatives(1_000))).length, 1, 'the same page again is the end')
    craft.answers.length = 0
  })

  await t.test('a server that fails, has had enough, or is no Craft.io is told apart and never quoted', async () => {
    const secret = 'internal: password is hunter2'
    craft.answers.push((_, response) => json(response, 500, { message: secret }))
    assert.equal(await reasonOf(client.portfolios()), 'unavailable 500')
    craft.answers.push((_, response) => json(response, 429, { message: secret }, { 'retry-after': '7' }))
    assert.equal(await reasonOf(client.portfolios()), 'rate_limited 429 7000')
    for (const body of [null, [], 'x', { accountId: 5 }, { accountId: '../..' }]) {
      craft.answers.push((_, response) => json(response, 200, body))
      assert.equal(await reasonOf(client.portfolios()), 'malformed 200')
    }
    craft.answers.push((_, response) => void response.end('<html>'))
    assert.equal(await reasonOf(client.portfolios()), 'malformed 200')
    const polluted = '{"id":"1","title":"x","updateTime":"2026-01-01T00:00:00Z","__proto__":{"polluted":1}}'
    craft.answers.push((_, response) => void response.end(polluted))
    assert.equal((await client.initiative('1')).title, 'x')
    assert.equal(({} as { polluted?: unknown }).polluted, undefined)
    craft.answers.push((_, response) => json(response, 200, { id: '1', title: 'x', updateTime: 'soon' }))
    assert.equal(await reasonOf(client.initiative('1')), 'malformed 200')
  })
})
