import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { prdSettings } from '../../config-prd.ts'
import { readConfig } from '../../config.ts'
import { checkLog } from '../../testing/hostile.ts'
import { storedRows } from '../../testing/rows.ts'
import type { Answer } from '../../testing/world.ts'
import type { Parts } from './actions/parts.ts'
import {
  Cast, cellsOf, codes, columns, kinds, standing, type Cell, type Column, type Kind, type Letter, type Place,
} from './matrix/cast.ts'
import { eventRows, type EventRow } from './matrix/events.ts'
import { routeRows, type RouteRow, type Target } from './matrix/routes.ts'
import { prdApiRoutes } from './routes.ts'
import { checkEvent, Tab, userId, type Data, type Received } from './testing.ts'
import { timestamp } from './wire.ts'

/** The whole policy as two tables, of every event and of every door over REST, and what they do not tell strangers. */

let at: Cast
before(async () => {
  at = await Cast.gather()
})
after(() => at?.at.close())

const stored = (): Record<string, string> => storedRows(at.at.world, /^prd_|^event_log/)
const namesOf = (events: readonly Received[]): string[] => events.map(([name]) => name)
/** What is not there is the same for all: two of them are enough. */
const lettersOf = (kind: Kind): readonly (readonly [Column, Letter])[] =>
  [...standing(kind)].filter(([who]) => kind !== 'absent' || who === 'adm' || who === 'out')

const routes = prdApiRoutes({ settings: prdSettings(readConfig({})) } as Parts)
const statusOf = new Map(routes.map(({ method, path, status }) => [`${method} ${path}`, status]))

test('the tables have a row for every event and every door, and none for what is not there', async () => {
  // What is not known is told what is.
  const known = async (tab: Tab): Promise<string[]> =>
    /send one of (.+)$/.exec((await tab.refused('VALIDATION_ERROR', 'no-such-event')).message)![1]!.split(', ')
  const all = new Set([...(await known(at.tabs.mem)), ...(await known(at.strangers[0]!))])
  const elsewhere = ['ping', 'subscribe']
  assert.deepEqual([...all].toSorted(), [...new Set(eventRows.map(({ event }) => event)), ...elsewhere].toSorted())
  assert.deepEqual([...new Set(routeRows.map(({ route }) => route))].toSorted(), [...statusOf.keys()].toSorted())
})

/** What comes of one cell's command, by acknowledgement and error event alike. */
async function send(row: EventRow, place: Place, who: Column, isAllowed: boolean) {
  const argument = await row.about(at, place, who, isAllowed)
  if (isAllowed) await at.heard()
  const outcome: Data = await at.tabs[who].ask(row.event, argument)
  if (outcome.ok && row.event === 'presence-update') await at.at.world.advance(1_000)
  const events = await at.tabs[who].drained()
  for (const event of events) checkEvent(event)
  if (outcome.ok) return { cell: 'ok', events } as const
  const { code, message } = outcome as { code: string; message: string }
  assert.deepEqual(events, [['error', { code, message, timestamp: timestamp(at.at.world.clock.now()) }]])
  const cell = (Object.keys(codes) as (keyof typeof codes)[]).find((one) => codes[one][1] === code)
  assert.ok(cell, code)
  return { cell, message, events }
}

/** @returns what those were told who see nothing of it */
async function tryEvent(row: EventRow, kind: Kind): Promise<Set<string>> {
  const rights = standing(kind)
  const place = at.places[kind]
  const cells = new Map(lettersOf(kind).map(([who, letter]) => [who, cellsOf('MEVN', row.cells).get(letter)!]))
  const hidden = new Set<string>()
  const before = stored()
  for (const [who, cell] of cells) {
    if (cell === 'ok') continue
    const found = await send(row, place, who, false)
    assert.equal(found.cell, cell, `${kind}: ${who}`)
    if (rights.get(who) === 'N') hidden.add(found.message ?? '')
  }
  assert.deepEqual(await at.heard(), {}, 'a refusal was told of')
  assert.deepEqual(stored(), before, 'a refusal has changed something')
  for (const [who, cell] of cells) {
    if (cell !== 'ok') continue
    const isThere = rights.get(who) !== 'N'
    const found = await send(row, place, who, true)
    assert.equal(found.cell, 'ok', `${kind}: ${who}`)
    assert.deepEqual(namesOf(found.events), isThere ? row.own : [], `${kind}: ${who}`)
    const others = columns.filter((one) => one !== who && rights.get(one) !== 'N' && isThere)
    const told = others.map((one) => [one, [...row.told, ...(row.authors?.[one] ? [row.authors[one]] : [])]] as const)
    const heard = Object.fromEntries(told.filter(([, names]) => names.length > 0))
    assert.deepEqual(await at.heard([who]), heard, `${kind}: who has heard of ${who}`)
    await row.after?.(at, place, who)
  }
  await at.heard()
  return hidden
}

test('P-R1 who is answered what to each event, and who hears of it', async (t) => {
  for (const row of eventRows) {
    await t.test(`${row.event} ${row.what}`, async () => {
      const hidden = new Set<string>()
      for (const kind of row.kinds) for (const message of await tryEvent(row, kind)) hidden.add(message)
      // Hidden and absent things answer alike.
      assert.ok(hidden.size <= 1, [...hidden].join(' | '))
    })
  }
})

test('who subscribes to an organisation is a member of it', async () => {
  for (const [who, letter] of standing('member')) {
    const tab = await at.at.tab(at.users[who], '/notifications')
    const { organizationId } = at.at
    if (letter !== 'N') assert.deepEqual(await tab.done('subscribe', { organizationId }), { ok: true })
    else {
      const refusal = await tab.refused('FORBIDDEN', 'subscribe', { organizationId })
      assert.deepEqual(await tab.refused('FORBIDDEN', 'subscribe', { organizationId: 'org_999999' }), refusal)
    }
    tab.close()
  }
})

function ask(route: string, { query = '', body, ...params }: Target, who: Column | 'ano'): Promise<Answer> {
  const [method, pattern] = route.split(' ') as [string, string]
  const named = params as Readonly<Record<string, string>>
  const path = pattern.replaceAll(/:(\w+)/g, (_, name: string) => named[name] ?? 'prd_1')
  return at.request(who, method, `/api${path}${query}`, body)
}

function cellOf(route: string, { status, body }: Answer): Cell {
  if (status === statusOf.get(route)) return 'ok'
  const cell = (Object.keys(codes) as (keyof typeof codes)[]).find((one) => codes[one][0] === status)
  assert.ok(cell, `${route}: ${status} ${JSON.stringify(body)}`)
  assert.equal(body.error.code, codes[cell][1])
  return cell
}

async function tryRoute({ route, by, cells, about }: RouteRow, kind: Kind): Promise<Set<string>> {
  const place = at.places[kind]
  const row = (by === 'prd' ? lettersOf(kind) : [...standing('member')]).map(([who, letter]) => {
    return { who, letter, cell: cellsOf(by === 'prd' ? 'MEVN' : 'AMVN', cells).get(letter)! }
  })
  const hidden = new Set<string>()
  const targets = new Map<Column, Target>()
  for (const { who, cell } of row) {
    if (cell !== 'ok') targets.set(who, await about(at, place, who, false))
  }
  await at.heard()
  const before = stored()
  for (const { who, cell, letter } of row.filter((one) => one.cell !== 'ok')) {
    const answer = await ask(route, targets.get(who)!, who)
    assert.equal(cellOf(route, answer), cell, `${kind}: ${who}`)
    if (letter === 'N') hidden.add(JSON.stringify(answer.body))
  }
  assert.deepEqual(stored(), before, 'a refusal has changed something')
  assert.deepEqual(await at.heard(), {}, 'a refusal was told of')
  for (const { who } of row.filter(({ cell }) => cell === 'ok')) {
    const target = await about(at, place, who, true)
    const answer = await ask(route, target, who)
    assert.equal(cellOf(route, answer), 'ok', `${kind}: ${who}: ${JSON.stringify(answer.body)}`)
  }
  // Who sees nothing of a PRD hears nothing of it, whatever is done to it and by whom.
  const rights = standing(kind)
  const heard = Object.keys(await at.heard()) as Column[]
  if (by === 'prd') assert.deepEqual(heard.filter((who) => rights.get(who) === 'N'), [], 'they do not see it')
  if (route.startsWith('GET ')) assert.deepEqual(heard, [], 'a reading was told of')
  return hidden
}

test('P-R1 who is answered what at each door over REST, and what is hidden is as what is absent', async (t) => {
  for (const row of routeRows) {
    await t.test(`${row.route} ${row.what}`, async () => {
      const hidden = new Set<string>()
      for (const kind of row.kinds) for (const answer of await tryRoute(row, kind)) hidden.add(answer)
      assert.ok(hidden.size <= 1, [...hidden].join(' | '))
    })
  }
})

test('lists show just what doors to single things show', async () => {
  const ids = kinds.map((kind) => at.places[kind].prdId)
  for (const who of columns) {
    const seen: string[] = []
    for (const id of ids) if ((await at.users[who].get(`/api/prds/${id}`)).status === 200) seen.push(id)
    const { items } = (await at.users[who].get('/api/prds?limit=200')).body
    assert.deepEqual(items.map(({ id }: Data) => id as string).filter((id: string) => ids.includes(id)).toReversed(), seen, who)
    const { status, body } = await at.users[who].get(`/api/activity?organizationId=${at.at.organizationId}&limit=200`)
    if (status !== 200) continue
    for (const { object } of body.items) {
      if (ids.includes(object.id)) assert.ok(seen.includes(object.id), `${who} is told of ${object.id}`)
    }
  }
})

test('strangers have heard nothing of all this, and no door is open without a token or to who is deactivated', async () => {
  for (const tab of at.strangers) {
    // But of what they did themselves, on another tab.
    assert.deepEqual((await tab.drained()).filter(([name]) => name !== 'notifications-read'), [])
  }
  for (const who of ['out', 'rem'] as const) await at.tabs[who].expectNothing()
  const { mem } = at.users
  const off = await at.at.tab(mem)
  await off.join(at.places.view.prdId)
  await at.heard()
  await at.tabs.mem.done('leave-prd', { prdId: at.places.view.prdId })
  await at.heard()
  const gone = await at.users.adm.post(`/api/tracker/users/${mem.id}/status`, { status: 'inactive' })
  assert.equal(gone.status, 200)
  assert.equal((await off.find('error')).code, 'AUTHENTICATION_FAILED')
  await off.disconnected()
  // At once, without the grace of a lost connection.
  await at.tabs.own.expect('user-left', { prdId: at.places.view.prdId, userId: userId(mem) })
  const again = new Tab(`${at.at.world.url}/prds`, { auth: { token: mem.token } })
  assert.equal((await again.refusedConnection()).data.code, 'AUTHENTICATION_FAILED')
  again.close()
  for (const route of statusOf.keys()) {
    for (const who of ['ano', 'mem'] as const) assert.equal((await ask(route, {}, who)).status, 401, route)
  }
  checkLog(at.at.world, Object.values(at.users))
})
