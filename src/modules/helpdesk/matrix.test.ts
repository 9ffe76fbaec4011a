import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { checkLog } from '../../testing/hostile.ts'
import { storedRows } from '../../testing/rows.ts'
import type { Answer } from '../../testing/world.ts'
import type { Parts } from './actions/parts.ts'
import { ABSENT, api, Cast, cellsOf, codes, columns, kinds, type Cell, type Column, type Named } from './matrix/cast.ts'
import { errorEvents, eventRows, type EventRow } from './matrix/events.ts'
import { routeRows, type Target } from './matrix/routes.ts'
import { helpdeskApiRoutes } from './routes.ts'
import { checkEvent, type Data, type Received } from './testing.ts'

/** The whole policy as two tables, of every event and of every door over REST: H-P1 to H-P6 of PROTOCOL.md. */

let at: Cast
before(async () => {
  at = await Cast.gather()
})
after(() => at?.close())

const people = columns.filter((who): who is Named => who !== 'ano')
// Calls that cannot be are kept, too.
const stored = (): Record<string, string> => storedRows(at.world, /^helpdesk_(?!calls)|^event_log/)
const namesOf = (events: readonly Received[]): string[] => events.map(([name]) => name)

test('H-P2 H-P3 whoever is less than before is at once out of what they do not see any more', async () => {
  await at.heard()
  await at.lower()
  const lost: Partial<Record<Named, number>> = { cus: 3, mem: 1, grt: 3, noa: 3, mut: 1, agt: 1, rem: 3, dem: 2 }
  const { off } = at.tabs
  assert.match(await off.find('auth:error'), /\(UNAUTHENTICATED\)$/)
  await off.disconnected()
  const heard = await at.heard()
  const mine = (who: Named): number => heard[who]?.filter((name) => name === 'user_left').length ?? 0
  // Of the others' going they hear only where they still are.
  for (const [who, count] of Object.entries(lost) as [Named, number][]) {
    assert.ok(mine(who) >= count, `${who}: ${mine(who)}`)
  }
  assert.deepEqual((heard['far'] ?? []).filter((name) => !name.startsWith('presence')), [])
  const seeing = {
    pub: ['mem', 'mut', 'agt', 'agd', 'adm', 'dem'],
    int: ['agt', 'agd', 'adm'],
    prv: ['mem', 'mut', 'agd', 'adm'],
  }
  for (const kind of kinds) {
    const body = { channelId: at.channels[kind], message: 'who is still here?' }
    await at.tabs.chief.done('chat:send_message', body)
    const got = await at.heard(['chief', 'peer'])
    assert.deepEqual(got, Object.fromEntries(seeing[kind].map((who) => [who, ['chat:new_message']])), kind)
  }
  for (const who of people) {
    if (who === 'off') continue
    for (const kind of kinds) await at.tabs[who].done('leave_channel', at.channels[kind])
  }
  // A tab of somebody deactivated, from the beginning.
  at.tabs.off.socket.connect()
  at.tabs.off.emit('authenticate', at.users.off.token)
  assert.match(await at.tabs.off.find('auth:error'), /\(UNAUTHENTICATED\)$/)
  await at.heard()
})

/** What a row's command is answered, by acknowledgement and error event alike. */
function answerTo({ event }: EventRow, outcome: Data, events: Received[]): Cell {
  const told = event === 'call:invite' ? events.filter(([name]) => name !== 'call:rejected') : events
  if (outcome.ok === true || (Array.isArray(outcome) && outcome.length > 0)) return 'ok'
  const [name, text] = told[0] as [string, string]
  assert.deepEqual(namesOf(told), [errorEvents[event] ?? 'chat:error'])
  assert.equal(name, errorEvents[event] ?? 'chat:error')
  const cell = (Object.keys(codes) as (keyof typeof codes)[]).find((one) => text.endsWith(` (${codes[one][1]})`))
  assert.ok(cell, text)
  const isList = event === 'presence:get_online_users'
  assert.deepEqual(outcome, isList ? [] : { ok: false, code: codes[cell][1], error: text })
  return cell
}

async function send(row: EventRow, who: Column): Promise<{ cell: Cell; events: Received[] }> {
  const argument = await row.about(at, who)
  const tab = at.tabs[who]
  if (who === 'ano' || who === 'off') tab.events.length = 0
  else await tab.drained()
  const outcome = await tab.ask(row.event, ...(argument === undefined ? [] : [argument]))
  const events = tab.events.splice(0)
  for (const event of events) checkEvent(event)
  return { cell: answerTo(row, outcome, events), events }
}

test('the tables have a row for every event and every door, and none for what is not there', async () => {
  // What is not known is told what is.
  const { error } = await at.tabs.cus.ask('no_such_event')
  at.tabs.cus.events.length = 0
  const known = /send one of (.+) \(INVALID\)$/.exec(error)![1]!.split(', ')
  assert.deepEqual([...new Set(eventRows.map(({ event }) => event))].toSorted(), ['authenticate', ...known].toSorted())
  assert.equal(known.length, 16)
  assert.deepEqual([...new Set(routeRows.map(({ route }) => route))].toSorted(), [...statusOf.keys()].toSorted())
})

test('H-P1 to H-P4: who is answered what to each event, and who hears of it', async (t) => {
  for (const row of eventRows) {
    await t.test(`${row.event}: ${row.what}`, async () => {
      const cells = cellsOf(row.cells)
      const { event } = row
      const refused = cells.filter(([, cell]) => cell !== 'ok')
      await at.heard()
      const before = stored()
      for (const [who, cell] of refused) {
        assert.equal((await send(row, who)).cell, cell, who)
      }
      assert.deepEqual(await at.heard(), {}, 'a refusal was told of')
      // Of an attempt to type the joining before is what is stored.
      if (event !== 'chat:typing') assert.deepEqual(stored(), before, 'a refusal has changed something')
      for (const [who] of cells.filter(([, cell]) => cell === 'ok')) {
        const { cell, events } = await send(row, who)
        assert.equal(cell, 'ok', `${who}: ${JSON.stringify(events)}`)
        events.push(...(await at.tabs[who].drained()))
        assert.deepEqual(namesOf(events), row.own ?? [], who)
        const expected = Object.keys(at.tabs)
          .filter((one) => one !== who && one !== 'ano' && one !== 'off')
          .map((one) => [one, [...row.told(one as Column, who)]] as const)
          .filter(([, names]) => names.length > 0)
        assert.deepEqual(await at.heard([who]), Object.fromEntries(expected), `${who}: who has heard of it`)
        await row.after?.(at, who)
        await at.heard()
      }
    })
  }
  // The last rows were about a call that rings.
  await at.tabs.chief.done('call:end', { targetUserId: at.users.far.id })
})

const statusOf = new Map(
  helpdeskApiRoutes({ settings: {} } as Parts).map(({ method, path, status }) => [`${method} ${path}`, status]),
)

async function ask(route: string, target: Target, who: Column): Promise<Answer> {
  const { id = ABSENT, userId = ABSENT, query = '', body } = target
  const [method, pattern] = route.split(' ') as [string, string]
  if (route === 'POST /files') {
    return at.upload(who === 'ano' ? 'none' : at.users[who].token, Number(query.split('=')[1]))
  }
  const path = `${api}${pattern.replace(':id', String(id)).replace(':userId', String(userId))}${query}`
  return at.request(who, method, path, body ?? (method === 'GET' || method === 'DELETE' ? undefined : {}))
}

function cellOf(route: string, { status, body }: Answer): string {
  if (status === statusOf.get(route)) return 'ok'
  const cell = (Object.keys(codes) as (keyof typeof codes)[]).find((one) => codes[one][0] === status)
  assert.ok(cell, JSON.stringify(body))
  assert.equal(body.error.code, codes[cell][1])
  return cell
}

test('H-P1 to H-P6: who is answered what at each door over REST, and who hears of it', async (t) => {
  await at.heard()
  for (const { route, what, cells, about } of routeRows) {
    await t.test(`${route}: ${what}`, async () => {
      const row = cellsOf(cells)
      const targets = new Map<Column, Target>()
      for (const [who] of row) targets.set(who, await about(at, who))
      await at.heard()
      const before = stored()
      const answers = async (these: typeof row): Promise<void> => {
        const got = await Promise.all(these.map(([who]) => ask(route, targets.get(who)!, who)))
        const found = these.map(([who], n) => [who, cellOf(route, got[n]!)])
        assert.deepEqual(found, these.map(([who, cell]) => [who, cell]))
      }
      await answers(row.filter(([, cell]) => cell !== 'ok'))
      assert.deepEqual(stored(), before, 'a refusal has changed something')
      assert.deepEqual(await at.heard(), {}, 'a refusal was told of')
      const allowed = row.filter(([, cell]) => cell === 'ok')
      if (route.startsWith('GET ')) {
        await answers(allowed)
        assert.deepEqual(await at.heard(), {}, 'a reading was told of')
        return
      }
      for (const one of allowed) {
        await answers([one])
        // None of the others has joined anything that it could be about.
        const [by] = one
        for (const [other, names] of Object.entries(await at.heard())) {
          if (other === 'chief' || other === 'peer' || other === by) continue
          for (const name of names) assert.match(name, /^presence|^system_broadcast_received$/, `${other}, by ${by}`)
        }
      }
    })
  }
})

test('H-P3 H-P6 lists show just what doors to single things show; hidden is byte for byte as absent', async () => {
  const { users, channels, messages, tickets } = at
  const listed = async (who: Named, path: string): Promise<number[]> => {
    const { status, body } = await at.request(who, 'GET', `${api}${path}`)
    return status === 200 ? body.items.map(({ id, channelId }: Data) => id ?? channelId) : []
  }
  for (const who of people) {
    const sees = async (path: string, ids: readonly number[]): Promise<number[]> => {
      const seen: number[] = []
      const absent = await at.request(who, 'GET', `${api}/${path}/${ABSENT}`)
      for (const id of ids) {
        const answer = await at.request(who, 'GET', `${api}/${path}/${id}`)
        if (answer.status === 200) seen.push(id)
        else assert.deepEqual([answer.status, answer.body], [absent.status, absent.body], `${who}: ${path} ${id}`)
      }
      return seen.toSorted((a, b) => b - a)
    }
    const channelIds = [...kinds.map((kind) => channels[kind]), channels.elsewhere]
    const mine = (ids: number[], all: readonly number[]): number[] =>
      [...new Set(ids)].filter((id) => all.includes(id)).toSorted((a, b) => b - a)
    const channelsListed = mine(await listed(who, '/channels?limit=200'), channelIds)
    const seen = await sees('channels', channelIds)
    assert.deepEqual(channelsListed, seen, who)
    const messageIds = Object.values(messages.chief)
    const found = await listed(who, '/messages/search?q=needle&limit=200')
    assert.deepEqual(mine(found, messageIds), await sees('messages', messageIds), who)
    const ticketIds = Object.values(tickets)
    assert.deepEqual(mine(await listed(who, '/tickets?limit=200'), ticketIds), await sees('tickets', ticketIds), who)
    const unread = mine(await listed(who, '/unread?limit=200'), channelIds)
    assert.ok(unread.every((id) => seen.includes(id)), `${who}: ${unread.join()}`)
  }
  checkLog(at.world, Object.values(users))
})
