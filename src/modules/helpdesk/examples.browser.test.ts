import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { browserMissing, startBrowser } from '../../testing/browser.ts'
import { EXAMPLES_URL, usageExamples } from './clients/examples.ts'
import { joinAll, scene, type Data } from './testing.ts'

/** A page without a bundler: `io` is what the script of the server has put there. */
const pageOf = (server: string): string => `<!doctype html>
<meta charset="utf-8">
<title>Chat</title>
<script src="${server}/socket.io/socket.io.js"></script>
<script>
const shown = { messages: [], presences: [], logged: [] }
const displayMessage = (message) => shown.messages.push(message)
const updateUserPresence = (...presence) => shown.presences.push(presence)
const { log } = console
console.log = (...words) => shown.logged.push(words)
</script>
<script>
${usageExamples().replace(EXAMPLES_URL, server)}
</script>`

test('the usage examples work in a browser, in a page of another origin', { skip: browserMissing }, async () => {
  await using at = await scene()
  const { tabs, customer, agent, world } = at
  await joinAll(at, 1, ['agent'])
  tabs.customer.close()
  await tabs.customer.disconnected()
  const server = world.url.replace('127.0.0.1', 'localhost')
  const site = createServer((request, response) => {
    response.setHeader('content-type', 'text/html').end(request.url === '/chat' ? pageOf(server) : '<!doctype html>')
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  const origin = `http://localhost:${(site.address() as AddressInfo).port}`
  try {
    await using browser = await startBrowser()
    const page = await browser.open(`${origin}/`)
    await page.evaluate(`localStorage.setItem('jwt', ${JSON.stringify(customer.token)})`)
    await page.goto(`${origin}/chat`)
    assert.equal((await tabs.agent.find('user_joined')).userId, customer.id)
    await page.evaluate(`sendMessage(1, 'from a browser')`)
    const { userId, message } = await tabs.agent.find('chat:new_message')
    assert.deepEqual([userId, message], [customer.id, 'from a browser'])
    await page.evaluate(`updateStatus('busy')`)
    const { status, statusMessage, customStatus } = await tabs.agent.find('presence_updated')
    assert.deepEqual([status, statusMessage, customStatus], ['busy', null, 'Working on tickets'])
    await tabs.agent.done('update_presence', { status: 'away' })
    await tabs.agent.done('chat:send_message', { channelId: 1, message: 'to a browser' })
    await page.waitForFunction('shown.messages.length > 1')
    const shown = await page.evaluate<Data>('shown')
    assert.deepEqual(shown.logged, [['Connected as:', 'customer']])
    assert.deepEqual(shown.messages.map((each: Data) => each.message), ['from a browser', 'to a browser'])
    assert.deepEqual(shown.presences.slice(-2), [
      [customer.id, 'busy'],
      [agent.id, 'away'],
    ])
    assert.deepEqual(browser.errors, [])
  } finally {
    site.closeAllConnections()
    site.close()
  }
})
