/** Servers that lie about who is there. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Candidate, Crowd } from '../candidate.ts'
import { stormOf } from '../scenarios/presence-storms.ts'
import { storm, type StormOrder, type StormResult } from './storm.ts'
import { Views } from './views.ts'

const PEOPLE = 12
const online = (id: string): string => `{"online":"${id}"}`
const offline = (id: string): string => `{"offline":"${id}"}`

type Tell = (viewer: WebSocket, frame: string, who: number, coming: boolean) => void
const honest: Tell = (viewer, frame) => viewer.send(frame)

/** `graceMs` undefined: every going is told at once. */
const measure = async (tell: Tell, order: Partial<StormOrder> = {}, graceMs?: number): Promise<StormResult> => {
  const ids = Array.from({ length: PEOPLE }, () => randomUUID() as string)
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const here = new Map<string, NodeJS.Timeout | undefined>()
  const viewers = new Set<WebSocket>()
  const all = (frame: string, who: number, coming: boolean): void => {
    for (const viewer of viewers) tell(viewer, frame, who, coming)
  }
  server.on('connection', (socket, request) => {
    const id = request.url!.slice(1)
    const who = ids.indexOf(id)
    const known = here.has(id)
    clearTimeout(here.get(id))
    here.set(id, undefined)
    socket.send(`{"list":["${[...here.keys()].join('","')}"]}`)
    viewers.add(socket)
    if (!known) all(online(id), who, true)
    socket.on('close', () => {
      viewers.delete(socket)
      const gone = (): void => {
        here.delete(id)
        all(offline(id), who, false)
      }
      if (graceMs === undefined) gone()
      else here.set(id, setTimeout(gone, graceMs))
    })
  })
  const target: Crowd = {
    port: (server.address() as { port: number }).port,
    members: ids.map((id) => `/${id}`),
    join: [{ expect: '{"list"' }],
    prefix: '',
    publish: { kind: 'frame', path: '/', before: '', after: '' },
    ids,
    sightings: [
      { before: '{"online":"', after: '"', online: true },
      { before: '{"offline":"', after: '"', online: false },
      { before: '{"list":["', after: '"', between: ',"', online: true },
    ],
  }
  try {
    return await storm({ pid: process.pid, target, gapMs: 100, limitMs: 300, ...order })
  } finally {
    for (const timer of here.values()) clearTimeout(timer)
    for (const client of server.clients) client.terminate()
    server.close()
  }
}

test('an honest server is valid, and what everybody was told is counted', async () => {
  const result = await measure(honest)
  assert.deepEqual(result.invalid, [])
  assert.deepEqual([result.departures, result.arrivals], [PEOPLE - 1, PEOPLE - 1])
  assert.equal(result.wholeMs.length, PEOPLE - 1)
  assert.ok(result.wholeMs.every((ms) => ms > 0))
  // Each gets a list of those before and an event of each one after; what is told twice is counted twice.
  assert.ok(result.back.told >= PEOPLE * (PEOPLE - 1) && result.back.frames < result.back.told)
})

test('somebody who is not told of one other is found', async () => {
  let lied = false
  const { invalid } = await measure((viewer, frame, who, coming) => {
    if (coming && who === PEOPLE - 1 && !lied) lied = true
    else viewer.send(frame)
  })
  assert.match(invalid.join('; '), /before the storm: 11 of 12 see everybody; they see 11 to 12 people/)
})

test('somebody who is told afterwards that another has gone is found', async () => {
  let cut = false
  const { invalid } = await measure((viewer, frame, who, coming) => {
    viewer.send(frame)
    cut ||= !coming
    if (cut && coming && who === 3) setTimeout(() => viewer.send(frame.replace('online', 'offline')), 100).unref()
  })
  assert.match(invalid.join('; '), /after the silence: \d+ of 12 see everybody; they see 11 to 12 people/)
})

test('somebody who does not exist is found', async () => {
  const { invalid } = await measure((viewer, frame, who, coming) => {
    viewer.send(frame)
    if (who === 2 && coming) viewer.send(online(randomUUID()))
  })
  assert.match(invalid.join('; '), /named who does not exist/)
})

test('a change that is announced within the grace is found, and one that is not announced past it', async () => {
  const candidate = { name: 'x', keepsGrace: true } as Candidate
  const gathering = { people: PEOPLE, graceMs: 1000 }
  // Server and load generator are one process here: which of them was busy says nothing.
  const faults = (away: 'within' | 'past', result: StormResult): string[] =>
    stormOf(candidate, away, 1, gathering, result).invalid.filter((reason) => !reason.startsWith('driver-bound'))
  const silent = await measure(honest, {}, 5000)
  assert.deepEqual(faults('within', silent), [])
  assert.match(faults('past', silent).join(), /0 departures and 0 arrivals, not 11/)
  const loud = await measure(honest)
  assert.match(faults('within', loud).join(), /11 departures and 11 arrivals, not 0/)
  assert.deepEqual(faults('past', loud), [])
})

test('people are told apart by numbers of any length, alone and in a list with other things in it', () => {
  const views = new Views({
    ids: ['9', '10', '110'],
    sightings: [
      { before: '{"id":', after: ',"on":1', online: true },
      { before: '{"id":', after: ',"on":0', online: false },
      { before: '[{"id":', after: ',"on":1,"n":', skip: 1, between: '},{"id":', online: true },
    ],
  } as Partial<Crowd> as Crowd)
  const read = (viewer: number, text: string): void => views.read(viewer, Buffer.from(text), 0, text.length)
  read(0, '[{"id":9,"on":1,"n":1},{"id":110,"on":1,"n":3},{"id":10,"on":1,"n":0}]')
  assert.deepEqual([views.complete, views.told, views.frames, views.strangers], [1, 3, 1, 0])
  read(0, '{"id":10,"on":0}')
  read(1, '{"id":110,"on":1}')
  assert.deepEqual([views.complete, views.range, views.departures], [0, [0, 2], 1])
  for (const other of ['{"id":', '{"id":9', '{"id":9,"on":2}', '[{"id":9}]', '']) read(0, other)
  assert.deepEqual([views.told, views.strangers], [5, 0])
  read(0, '{"id":11,"on":1}')
  assert.equal(views.strangers, 1)
})
