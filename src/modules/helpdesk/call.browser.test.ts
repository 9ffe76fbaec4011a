import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { browserMissing, startBrowser } from '../../testing/browser.ts'
import { FakeClock } from '../../testing/clock.ts'
import { coturnMissing, startCoturn } from '../../testing/coturn.ts'
import { testWorld, type User } from '../../testing/world.ts'

const SECRET = 'a secret of the tests'

/** The page of the telephone on an origin of its own, as the site of whoever uses us has one. */
async function servePage(server: string): Promise<{ readonly url: string } & AsyncDisposable> {
  const page = readFileSync(join(import.meta.dirname, 'call.page.html'), 'utf8').replaceAll('SERVER', server)
  const http = createServer((_, response) => response.setHeader('content-type', 'text/html').end(page))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const close = async (): Promise<void> => {
    http.closeAllConnections()
    http.close()
    await once(http, 'close')
  }
  return { url: `http://localhost:${(http.address() as AddressInfo).port}/`, [Symbol.asyncDispose]: close }
}

/** Milliseconds until something that does not come about fails the test. */
const PATIENCE_MS = 20_000

const until = (page: Page, condition: string): Promise<void> =>
  page.evaluate(`until(() => ${condition}, ${PATIENCE_MS})`)

interface Received {
  readonly frames: number
  readonly way: readonly string[]
}

/** Sound that is heard, and pictures where there are any, come in from now on. @returns all there was at the end */
async function receives(page: Page): Promise<Received> {
  const before = JSON.stringify(await page.evaluate('received()'))
  await until(page, `hears(${before})`)
  return page.evaluate<Received>('received()')
}

/** So many tracks came in with the last call, and all of them have ended. */
const ended = (tracks: number): string =>
  `phone.last.tracks.length === ${tracks} && phone.last.tracks.every((track) => track.readyState === 'ended')`

const callId = (page: Page): Promise<string> => page.evaluate<string>('phone.call.callId')

test('browsers call each other through the server and see and hear each other', { skip: browserMissing }, async (t) => {
  await using coturn = coturnMissing === false ? await startCoturn(SECRET) : undefined
  // The TURN server goes by the time of the machine.
  const clock = new FakeClock(Date.now())
  const config = coturn && { helpdeskTurnUrls: [coturn.url], helpdeskTurnSecret: SECRET }
  await using world = await testWorld({ clock, ...(config && { config }) })
  const [ana, ben] = [await world.user('ana'), await world.user('ben')]
  await using site = await servePage(world.url)
  await using browser = await startBrowser()
  const open = async (user: User): Promise<Page> => {
    const page = await browser.open(`${site.url}#token=${user.token}`)
    await until(page, 'phone.me !== undefined')
    return page
  }
  const [at, first, second] = await Promise.all([open(ana), open(ben), open(ben)])

  await t.test('a video call, answered in one of two tabs: the other stops ringing', async () => {
    await at.evaluate(`dial(${ben.id}, 'video')`)
    await Promise.all([first, second].map((tab) => until(tab, 'phone.ringing !== undefined')))
    await first.evaluate('answer()')
    await until(second, 'phone.ringing === undefined')
    const [seenByAna, seenByBen] = await Promise.all([receives(at), receives(first)])
    assert.ok(seenByAna.frames > 0 && seenByBen.frames > 0)
    // What is shown is what has come: the picture in the page goes on.
    await Promise.all([at, first].map((page) => until(page, `remote.videoWidth > 0 && remote.currentTime > 0`)))
    const id = await callId(at)
    assert.equal(await callId(first), id)
    assert.deepEqual(await second.evaluate('phone.ended'), [id])
    assert.ok(!(await second.evaluate<string[]>('phone.received')).includes('call:ice_candidate'))

    await at.evaluate('hangUp()')
    await until(first, `phone.ended.includes('${id}')`)
    await until(first, ended(2))
  })

  await t.test('an audio call, ended by who was called', async () => {
    await at.evaluate(`dial(${ben.id}, 'audio')`)
    await until(second, 'phone.ringing !== undefined')
    await second.evaluate('answer()')
    const [heardByAna] = await Promise.all([receives(at), receives(second)])
    assert.equal(heardByAna.frames, 0)
    const id = await callId(at)
    await second.evaluate('hangUp()')
    await until(at, `phone.ended.includes('${id}')`)
    await until(at, ended(1))
    await until(first, `phone.ringing === undefined`)
  })

  await t.test('a call that is rejected', async () => {
    await first.evaluate(`dial(${ana.id}, 'video')`)
    await until(at, 'phone.ringing !== undefined')
    const id = await at.evaluate<string>('phone.ringing.callId')
    await at.evaluate('reject()')
    await until(first, `phone.rejected.includes('${id}') && phone.call === undefined`)
  })

  await t.test('a call through a TURN server and no other way', { skip: coturnMissing }, async () => {
    await at.evaluate(`dial(${ben.id}, 'video', { iceTransportPolicy: 'relay' })`)
    await until(first, 'phone.ringing !== undefined')
    await first.evaluate(`answer({ iceTransportPolicy: 'relay' })`)
    for (const { way } of await Promise.all([receives(at), receives(first)])) assert.deepEqual(way, ['relay', 'relay'])
    await first.evaluate('hangUp()')
    await until(at, 'phone.call === undefined')
  })

  for (const page of [at, first, second]) assert.deepEqual(await page.evaluate('phone.errors'), [])
  assert.deepEqual(browser.errors, [])
})
