import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createOutgoing } from '../../../adapters/outgoing.ts'
import { OutgoingError } from '../../../kernel/outgoing.ts'
import { FakeClock } from '../../../testing/clock.ts'
import { gitServer, runGit, type GitServer } from '../../../testing/outside/git.ts'
import { fileOf } from './commit.ts'
import { pktLine } from './pkt-line.ts'
import { findRemoteHead, RemoteFault, type Pushed, type Remote } from './remote.ts'
import { Repositories } from './repositories.ts'

const folder = mkdtempSync(join(tmpdir(), 'remote-'))
const clock = new FakeClock()
const outgoing = createOutgoing({ hosts: [], privateHosts: ['127.0.0.1'], ports: [80], clock })
const repositories = new Repositories({ folder })
let server: GitServer

before(async () => {
  server = await gitServer()
})
after(async () => {
  await server.close()
  await outgoing.close()
  rmSync(folder, { recursive: true, force: true })
})

const limits = { timeoutMs: 60_000, maxBytes: 10_000_000 }
const remoteOf = (repository: string, more: Partial<Remote> = {}): Remote => ({
  url: server.url(repository),
  branch: 'main',
  username: server.username,
  token: server.token,
  fetch: (...call) => outgoing.fetch(...call),
  limits,
  ...more,
})

const push = (organization: number, hash: string, remote: Remote, packBytes = 4_000_000): Promise<Pushed> =>
  repositories.push(organization, hash, remote, packBytes)

/** A version of a PRD, as an action makes one. */
async function version(organization: number, parent: string | null, prd: number, content: string): Promise<string> {
  const hash = await repositories.prepare(organization, {
    parent,
    file: { name: fileOf(prd), content },
    message: `Version of ${prd}`,
    author: { name: 'John Doe', email: 'john@example.com' },
    at: Date.UTC(2024, 0, 26, 10, 30),
  })
  await repositories.heal(organization, hash)
  return hash
}

/** Every file of a repository of ours, with its bytes. */
function contents(organization: number): Record<string, string> {
  const root = join(folder, `org_${organization}.git`)
  const paths = (readdirSync(root, { recursive: true }) as string[]).toSorted()
  return Object.fromEntries(
    paths
      .filter((path) => statSync(join(root, path)).isFile())
      .map((path) => [path, readFileSync(join(root, path), 'latin1')]),
  )
}

/** The push must be refused for this reason, in words that show neither the token nor anything of the server's. */
async function refused(reason: string, hash: string, remote: Remote): Promise<RemoteFault | OutgoingError> {
  const error = await push(1, hash, remote).then(
    () => assert.fail(`It was pushed, and should have been refused: ${reason}`),
    (failure: unknown) => failure,
  )
  assert.ok(error instanceof RemoteFault || error instanceof OutgoingError, String(error))
  assert.equal(error.reason, reason, error.message)
  assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /s3cret|127\.0\.0\.1|<script>|hostile/)
  return error
}

test('git-http-backend: a clone of what was pushed has every text and the whole history, fit for fsck', async () => {
  const first = await version(1, null, 1, '# One\n')
  const second = await version(1, first, 2, 'Another 😀\r\nwithout an end')
  const third = await version(1, second, 1, '# One, changed\n')
  const before = contents(1)
  assert.equal(await findRemoteHead(remoteOf('all')), undefined)
  assert.deepEqual(await push(1, third, remoteOf('all')), { head: third, commits: 3 })
  assert.equal(await findRemoteHead(remoteOf('all')), third)

  const clone = await server.clone('all')
  assert.equal(readFileSync(join(clone, 'prd_1.md'), 'utf8'), '# One, changed\n')
  assert.equal(readFileSync(join(clone, 'prd_2.md'), 'utf8'), 'Another 😀\r\nwithout an end')
  assert.equal(runGit(clone, 'rev-list', 'HEAD').trim(), [third, second, first].join('\n'))
  assert.equal(runGit(clone, 'show', `${first}:prd_1.md`), '# One\n')
  assert.equal(runGit(clone, 'log', '-1', '--format=%an <%ae> %s').trim(), 'John Doe <john@example.com> Version of 1')
  assert.doesNotMatch(server.git('all', 'fsck', '--full', '--strict', '--no-dangling'), /\S/)

  const asked = server.requests.length
  assert.deepEqual(await push(1, third, remoteOf('all')), { head: third, commits: 0 })
  assert.deepEqual(server.requests.slice(asked).map(({ method }) => method), ['GET'])
  // The text of the first version again: it is there, and does not travel.
  const fourth = await version(1, third, 1, '# One\n')
  assert.deepEqual(await push(1, fourth, remoteOf('all')), { head: fourth, commits: 1 })
  assert.deepEqual(await push(1, fourth, remoteOf('all', { branch: 'docs/prds' })), {
    head: fourth,
    commits: 4,
  })
  assert.equal(server.git('all', 'rev-parse', 'refs/heads/docs/prds').trim(), fourth)

  const { [`refs/heads/main`]: main, ...after } = contents(1)
  assert.equal(main?.trim(), fourth)
  for (const [path, bytes] of Object.entries(before)) if (path !== 'refs/heads/main') assert.equal(after[path], bytes)
  assert.ok(Object.keys(after).every((path) => path in before || path.startsWith('objects/')))
  assert.doesNotMatch(JSON.stringify(after), /s3cret/)
  const basic = `Basic ${Buffer.from(`git:${server.token}`).toString('base64')}`
  for (const { path, headers } of server.requests.filter(({ path }) => path.includes('receive-pack'))) {
    assert.doesNotMatch(path, /s3cret/)
    const { authorization, ...others } = headers
    assert.equal(authorization, basic)
    assert.doesNotMatch(JSON.stringify(others), /s3cret/)
  }
})

test('gitprotocol-pack: a history that is long goes in several pushes, each a step forward', async () => {
  let last: string | null = null
  for (let i = 0; i < 5; i += 1) last = await version(2, last, i % 2 + 1, `Text ${i}\n`.repeat(i + 1))
  const asked = server.requests.length
  assert.deepEqual(await push(2, last!, remoteOf('long'), 1), { head: last, commits: 5 })
  assert.deepEqual(server.requests.slice(asked).map(({ method }) => method), ['GET', ...Array<string>(5).fill('POST')])
  assert.equal(server.git('long', 'rev-list', '--count', 'main').trim(), '5')
  assert.doesNotMatch(server.git('long', 'fsck', '--full', '--strict', '--no-dangling'), /\S/)
  // As after somebody's gc, here and there.
  runGit(join(folder, 'org_2.git'), 'gc', '--quiet')
  server.git('long', 'gc', '--quiet')
  server.git('long', 'update-ref', 'refs/heads/main', 'main~3')
  assert.deepEqual(await push(2, last!, remoteOf('long')), { head: last, commits: 3 })
  assert.equal(server.git('long', 'rev-parse', 'main').trim(), last)
})

test("somebody else's commits on the branch are never overwritten", async () => {
  const first = await version(1, null, 7, 'Ours\n')
  const second = await version(1, first, 7, 'Ours, again\n')
  await push(1, first, remoteOf('theirs'))
  const clone = await server.clone('theirs')
  await server.commit(clone, 'README.md', 'Hello\n')
  const theirs = server.git('theirs', 'rev-parse', 'main').trim()
  const unrelated = remoteOf('unrelated')
  await server.commit(await server.clone('unrelated'), 'README.md', 'Hello\n')
  const asked = server.requests.length
  for (const remote of [remoteOf('theirs'), unrelated]) {
    const error = await refused('not_fast_forward', second, remote)
    assert.match(error.message, /nothing was overwritten/)
    assert.equal(error.isPassing, false)
  }
  // A commit that is known here and is not before the one that is pushed.
  await push(1, second, remoteOf('ahead'))
  await refused('not_fast_forward', first, remoteOf('ahead'))
  assert.ok(server.requests.slice(asked).filter(({ method }) => method === 'POST').length === 1)
  assert.equal(server.git('theirs', 'rev-parse', 'main').trim(), theirs)
  assert.equal(server.git('ahead', 'rev-parse', 'main').trim(), second)

  // Theirs comes between what the server said and our push.
  const race = remoteOf('race')
  await push(1, first, race)
  server.answer(() => false)
  server.answer(() => {
    server.git('race', 'fetch', '--quiet', join(clone, '.git'), 'HEAD:refs/heads/theirs')
    server.git('race', 'update-ref', 'refs/heads/main', 'theirs')
    return false
  })
  const error = await refused('changed', second, race)
  assert.equal(error.isPassing, true)
  assert.equal(server.git('race', 'rev-parse', 'main').trim(), theirs)
  await refused('not_fast_forward', second, race)
})

test('versions that are made while a push is under way are in the next', async () => {
  const first = await version(3, null, 1, 'One\n')
  let second = ''
  server.answer(() => false)
  server.answer(async () => {
    second = await version(3, first, 1, 'Two\n')
    return false
  })
  assert.deepEqual(await push(3, first, remoteOf('meanwhile')), { head: first, commits: 1 })
  const both = await Promise.allSettled([
    push(3, second, remoteOf('meanwhile')),
    push(3, second, remoteOf('meanwhile')),
  ])
  assert.ok(both.some(({ status }) => status === 'fulfilled'))
  assert.equal(server.git('meanwhile', 'rev-parse', 'main').trim(), second)
})

test('githooks, gitprotocol-http: whatever the server refuses has a reason and words of our own', async () => {
  const hash = await version(1, null, 8, 'One\n')
  const status = (code: number, headers: Record<string, string> = {}) => (_: unknown, response: ServerResponse) => {
    response.writeHead(code, headers).end('<script>hostile s3cret</script>')
    return true
  }
  assert.match((await refused('unauthorized', hash, remoteOf('no', { token: 'wrong-s3cret' }))).message, /token/)
  await refused('unauthorized', hash, remoteOf('no', { token: undefined }))
  await refused('unauthorized', hash, remoteOf('no', { username: 'somebody' }))
  await refused('not_found', hash, { ...remoteOf('no'), url: server.url('no').replace('/no.git', '/none.git') })
  server.hook('hooked', 'pre-receive', 'echo "hostile words" >&2; exit 1')
  assert.match((await refused('declined', hash, remoteOf('hooked'))).message, /protected|hook/)
  server.hook('updated', 'update', 'exit 1')
  await refused('declined', hash, remoteOf('updated'))
  assert.throws(() => server.git('hooked', 'rev-parse', '--verify', '--quiet', 'main'))

  const statuses: [number, string, boolean][] = [
    [401, 'unauthorized', false], [203, 'unauthorized', false], [403, 'forbidden', false], [404, 'not_found', false],
    [410, 'not_found', false], [413, 'too_large', false], [400, 'not_git', false], [204, 'not_git', false],
    [429, 'unavailable', true], [500, 'unavailable', true], [503, 'unavailable', true],
  ]
  for (const [code, reason, passes] of statuses) {
    for (const step of ['GET', 'POST']) {
      if (step === 'POST') server.answer(() => false)
      server.answer(status(code))
      assert.equal((await refused(reason, hash, remoteOf('no'))).isPassing, passes, `${step} ${code}`)
    }
  }
  for (const code of [301, 302, 303, 307, 308]) {
    server.answer(status(code, { location: `${server.url('other')}/info/refs?service=git-receive-pack` }))
    await refused('redirect', hash, remoteOf('no'))
  }
  server.answer((_, response) => {
    response.destroy()
    return true
  })
  assert.equal((await refused('unreachable', hash, remoteOf('no'))).isPassing, true)
  const urls = ['ftp://x/y', 'ext::sh -c x', '--upload-pack=x', 'http://u:p@x/y', 'https://x/y?z', 'https://x/y#z']
  for (const url of urls) {
    await refused('address', hash, remoteOf('no', { url }))
  }
  await assert.rejects(push(1, hash, remoteOf('no', { branch: '../../x' })), /The name of a branch must/)
  await assert.rejects(push(1, 'f'.repeat(40), remoteOf('no')), { code: 'NotFoundError' })
  await assert.rejects(push(1, '--all', remoteOf('no')), /40 hexadecimal/)
  assert.equal(await findRemoteHead(remoteOf('no')), undefined)
})

test('a server that keeps silent or says too much is left in time, and garbage is no answer', async () => {
  const hash = await version(1, null, 9, 'One\n')
  const remote = remoteOf('odd')
  for (const silent of ['before', 'within'] as const) {
    const arrived = Promise.withResolvers<void>()
    server.answer((_, response) => {
      if (silent === 'within') response.writeHead(200, { 'content-type': advertisement }).write('001f# service')
      arrived.resolve()
      return true
    })
    const outcome = refused('timeout', hash, remote)
    await arrived.promise
    clock.advance(limits.timeoutMs)
    assert.equal((await outcome).isPassing, true)
  }
  const small = { ...remote, limits: { ...limits, maxBytes: 100_000 } }
  const lie = (body: string | Buffer, type: string) => (_: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': type }).end(body)
    return true
  }
  server.answer(lie('0'.repeat(200_000), advertisement))
  await refused('too_large', hash, small)
  const head = `# service=git-receive-pack\n`
  const said = (line: string): Buffer => Buffer.concat([pktLine(head), Buffer.from('0000'), pktLine(line)])
  const zeros = '0'.repeat(40)
  const adverts: (string | Buffer)[] = [
    '', '<script>hostile</script>', '0000', '00', 'zzzz', '0'.repeat(90_000), '0004'.repeat(20_000), 'ffff',
    '000ehostile\n',
    said(`${zeros} refs/heads/main`), said('hostile\0report-status'), said(`${zeros} capabilities^{}\0side-band-64k`),
    said(`${zeros} capabilities^{}\0report-status object-format=sha256`),
    said(`../../../../etc/passwd/${'x'.repeat(17)} refs/heads/main\0report-status`), said('version 2\n'),
    said(`${'A'.repeat(40)} refs/heads/main\0report-status`), said(`${'a'.repeat(40)} refs/heads/main\0`),
  ]
  for (const body of adverts) {
    server.answer(lie(body, advertisement))
    await refused('not_git', hash, small)
  }
  server.answer(lie(said(`${zeros} capabilities^{}\0report-status`), 'text/html'))
  await refused('not_git', hash, small)
  const line = (text: string): string => pktLine(text).toString('latin1')
  const band = (text: string, channel = '\u0001'): string => line(channel + text)
  const [ok, ref] = [line('unpack ok\n'), 'refs/heads/main']
  const answers: [string, string][] = [
    ['', 'not_git'], ['hostile', 'not_git'], ['0000', 'not_git'], [ok, 'not_git'], [band(''), 'not_git'],
    [band(ok), 'not_git'], [band(line(`ok ${ref}`)), 'not_git'], [band('0005'), 'not_git'],
    [band(ok + line('ok refs/heads/other')), 'not_git'], [band('hostile', '\u0003'), 'not_git'],
    [band(ok + line('ok __proto__')), 'not_git'],
    [band(line('unpack hostile') + line(`ng ${ref} unpacker error`)), 'failed'],
    [band(ok + line(`ng ${ref} hostile words`)), 'failed'],
    [band(ok + line(`ng ${ref} protected branch hook declined`)), 'declined'],
    [band(ok + line(`ng ${ref} non-fast-forward`)), 'not_fast_forward'],
    [band(ok + line(`ng ${ref} cannot lock ref`)), 'changed'],
  ]
  for (const [body, reason] of answers) {
    server.answer(() => false)
    server.answer(lie(body, 'application/x-git-receive-pack-result'))
    await refused(reason, hash, small)
  }
  // One that knows no channels says it plainly.
  server.answer(lie(said(`${zeros} capabilities^{}\0report-status`), advertisement))
  server.answer(lie(ok + line(`ok ${ref}\n`), 'application/x-git-receive-pack-result'))
  assert.deepEqual(await push(1, hash, small), { head: hash, commits: 1 })
})

const advertisement = 'application/x-git-receive-pack-advertisement'
