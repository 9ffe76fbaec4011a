import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp, type Server as HttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { after, before, test } from 'node:test'
import type { Answer } from '../../testing/world.ts'
import { integrationKinds, type IntegrationKind } from './integrations/kinds.ts'
import { made, scene, userId, type Scene } from './testing.ts'

/**
 * An admin of an organisation tries to make the server call itself and its neighbours, by every setting that is an
 * address. The canary listens on both loopback addresses and must never be connected to. Its port is one that may be
 * called, so that nothing but the address keeps the server from it. 127.0.0.2 stands in for an address of the internet:
 * `friend.example`, whose owner is hostile.
 */
const FRIEND = '127.0.0.2'
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'friend.example': [FRIEND],
  'private.example': ['127.0.0.1'],
  'six.example': ['::1'],
  'mapped.example': ['::ffff:127.0.0.1'],
  'mixed.example': [FRIEND, '127.0.0.1'],
  'metadata.example': ['169.254.169.254'],
}
/** The public address while it is looked at, and the server itself from then on. */
const REBINDING = 'rebinding.example'

let port = 0
let connections = 0
let rebound = 0
/** Paths that were asked of `friend.example`. */
const asked: string[] = []
let says: 'redirects' | 'lies' = 'redirects'
const canaries: Server[] = []
let friend: HttpServer
let at: Scene & AsyncDisposable
let prdId = ''

before(async () => {
  for (const host of ['127.0.0.1', '::1']) {
    const canary = createServer((socket) => {
      connections += 1
      socket.on('error', () => undefined).destroy()
    })
    canary.listen(port, host)
    await once(canary, 'listening')
    ;({ port } = canary.address() as AddressInfo)
    canaries.push(canary)
  }
  friend = createHttp((request, response) => {
    asked.push(request.url ?? '')
    request.resume()
    const { headers, body, status } = temptation()
    response.writeHead(status, headers).end(body)
  })
  friend.on('upgrade', (request, socket) => {
    asked.push(request.url ?? '')
    socket.on('error', () => undefined)
    socket.end(`HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:${port}/\r\nConnection: close\r\n\r\n`)
  })
  friend.listen(port, FRIEND)
  await once(friend, 'listening')
  at = await scene({
    config: {
      outgoingPrivate: [`${FRIEND}/32`],
      outgoingPorts: [String(port)],
      // What fails is tried on each time.
      outgoingFailures: 1_000_000,
      prdWritesPerMinute: 0,
      prdAiPromptsPerHour: 0,
    },
    resolve: async (name) => {
      if (name !== REBINDING) return NAMES[name] ?? []
      rebound += 1
      return rebound % 2 === 1 ? [FRIEND] : ['127.0.0.1']
    },
  })
  prdId = await at.prd(
    '# Login\n\n## User Stories\n\n- As a user, I want to log in, so that I can work.\n' +
      '\n## Requirements\n\n- It shall be fast.\n',
  )
})
after(async () => {
  await at.close()
  friend.closeAllConnections()
  for (const server of [friend, ...canaries]) server.close()
})

/** Everything by which an answer may lead elsewhere. */
function temptation(): { readonly status: number; readonly headers: Record<string, string>; readonly body: string } {
  const [self, host] = [`http://127.0.0.1:${port}/`, `127.0.0.1:${port}`]
  const status = [301, 302, 303, 307, 308][asked.length % 5]!
  if (says === 'redirects') return { status, headers: { location: self }, body: '' }
  const fields = [
    'self', 'next', 'nextPage', 'nextPageToken', 'next_page', 'url', 'href', 'location', 'baseUrl', 'websocket_url',
  ]
  const one = Object.fromEntries(fields.map((field) => [field, self]))
  const lists = { items: [one], values: [one], issues: [one], data: [one] }
  const links = { links: one, _links: one, meta: one, pagination: one }
  const entry = { id: '1', key: 'PROJ-1', name: 'x', title: 'x', host, isLast: false, total: 9 }
  const body = JSON.stringify({ ...one, ...lists, ...links, ...entry })
  const headers = { 'content-type': 'application/json', 'link': `<${self}>; rel="next"`, 'refresh': `0; url=${self}` }
  return { status: 200, headers, body }
}

const settingsOf = (address: string): Readonly<Record<IntegrationKind, object>> => ({
  ai: { enabled: true, baseUrl: address, model: 'm', apiKey: 'k' },
  jira: { url: address, email: 'a@example.com', projectKey: 'PROJ', apiToken: 't' },
  git: { url: address, token: 't' },
  mattermost: {
    url: address,
    team: 't',
    channels: [{ name: 'x', events: ['prd_approved', 'prd_rejected', 'version_created', 'comment_mention'] }],
    token: 't',
  },
  craft: { url: address, autoLink: true, apiToken: 't', webhookSecret: 'w'.repeat(32) },
})

const set = (kind: IntegrationKind, address: string): Promise<Answer> =>
  at.admin.put(`/api/organizations/${at.organizationId}/integrations/${kind}`, settingsOf(address)[kind])

/** The connection test of each kind. */
async function testAll(): Promise<void> {
  for (const kind of integrationKinds) {
    const { status, body } = await at.admin.post(`/api/organizations/${at.organizationId}/integrations/${kind}/test`)
    assert.equal(status, 200, kind)
    assert.ok(!body.ok || says === 'lies', `${kind}: ${body.message}`)
    assert.doesNotMatch(body.message, /127\.0|::1|ECONN/, kind)
  }
}

/** Whatever else calls other systems. */
async function useAll(): Promise<void> {
  const prd = `/api/prds/${prdId}`
  await made(at.owner, `${prd}/versions`, { changelog: 'x', versionType: 'patch' })
  await at.admin.post(`/api/organizations/${at.organizationId}/integrations/git/push`)
  await made(at.owner, `${prd}/comments`, { content: '@editor look', position: 0 })
  const approval = await made(at.owner, `${prd}/approvals`, { approverIds: [userId(at.editor)] })
  const decided = await at.editor.post(`${prd}/approvals/${approval.items[0].id}/approve`)
  assert.equal(decided.status, 200, JSON.stringify(decided.body))
  for (const syncType of ['export', 'import', 'bidirectional']) {
    // 409: the one before is going to be tried again.
    assert.ok([202, 409].includes((await at.owner.post(`${prd}/integrations/jira/sync`, { syncType })).status))
    await at.world.advance(1)
  }
  for (const path of ['initiatives', 'match', 'alignment']) {
    const { status } = await at.owner.post(`${prd}/integrations/craft/${path}`, { initiativeId: '12345' })
    assert.ok(status >= 400 || says === 'lies', path)
  }
  const asking = await at.owner.post(`${prd}/ai/jobs`, { prompt: 'x' })
  assert.equal(asking.status, 202, JSON.stringify(asking.body))
  await at.world.advance(1_000)
  await at.world.advance(5_000)
  for (;;) {
    const { status } = (await at.owner.get(`${prd}/ai/jobs/${asking.body.jobId}`)).body
    if (status !== 'queued' && status !== 'running') break
    await at.world.advance(1_000)
  }
}

test('P-I2 an address of the server itself is no setting, however it is written', async () => {
  const hosts = [
    '127.0.0.1', '127.1', '0x7f000001', '0x7f.1', '017700000001', '2130706433', '127.0.0.1.', '[::1]',
    '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:0:0:1]', 'localhost', 'LOCALHOST', 'localhost.',
    'x.localhost', '127。0。0。1', '①②⑦.0.0.1', 'user@127.0.0.1', 'friend.example@127.0.0.1', '0.0.0.0', '0',
    '[::]', '10.0.0.1', '169.254.169.254', '192.168.1.1', '[fe80::1]', '[fd00::1]', '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]', '100.64.0.1', '224.0.0.1',
  ]
  const addresses = hosts.map((host, i) => `${i % 2 === 0 ? 'https' : 'http'}://${host}:${port}`)
  const others = [
    `ws://127.0.0.1:${port}`, `ftp://friend.example:${port}`, 'file:///etc/passwd', 'data:,x',
    `gopher://127.0.0.1:${port}/_x`, `//127.0.0.1:${port}`, 'x', 'https://',
    `https://friend.example:${port}/\r\nHost: x`, 'javascript:alert(1)', `ext::sh -c 'nc 127.0.0.1 ${port}'`,
  ]
  const all = [...addresses, ...others]
  for (const [n, kind] of integrationKinds.entries()) {
    // One guard is asked by all of them: the first kind meets every address, and each other some.
    for (const address of n === 0 ? all : all.filter((_, i) => i % 4 === n - 1)) {
      const { status, body } = await set(kind, address)
      assert.equal(status, 400, `${kind} ${address}: ${JSON.stringify(body)}`)
    }
  }
  const { items } = (await at.admin.get(`/api/organizations/${at.organizationId}/integrations`)).body
  assert.deepEqual([items, connections], [[], 0])
})

test('P-I2 a name that leads to the server itself, or to both, is not called', async () => {
  for (const name of ['private.example', 'six.example', 'mapped.example', 'metadata.example', 'mixed.example']) {
    for (const kind of integrationKinds) assert.equal((await set(kind, `https://${name}:${port}`)).status, 200, name)
    await testAll()
  }
  await useAll()
  assert.deepEqual([asked, connections], [[], 0])
})

test('P-I2 a name that leads elsewhere from one look to the next is called where it was looked at', async () => {
  for (const kind of integrationKinds) assert.equal((await set(kind, `http://${REBINDING}:${port}`)).status, 200)
  await testAll()
  await useAll()
  assert.ok(rebound > 5, String(rebound))
  assert.ok(asked.length > 0)
  assert.equal(connections, 0)
})

test('P-I2 a server that redirects, or names other addresses in its answers, leads nowhere', async () => {
  for (says of ['redirects', 'lies'] as const) {
    asked.length = 0
    for (const kind of integrationKinds) assert.equal((await set(kind, `http://friend.example:${port}`)).status, 200)
    await testAll()
    await useAll()
    for (const path of ['/chat/completions', '/rest/api/3/search', '/info/refs', '/api/v4/teams', '/me/api-key']) {
      assert.ok(asked.some((one) => one.startsWith(path)), `${path} was not asked for`)
    }
    assert.equal(connections, 0)
  }
  const log = at.world.log.join('\n')
  assert.doesNotMatch(log, /webhookSecret|apiToken|w{32}/)
})
