import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gitServer, runGit, type GitServer } from '../../../testing/outside/git.ts'
import type { Answer, User } from '../../../testing/world.ts'
import { made, scene, type Data, type Scene } from '../testing.ts'

let server: GitServer
let at: Scene & AsyncDisposable
before(async () => {
  server = await gitServer()
  at = await scene({ config: { prdWritesPerMinute: 0 } })
})
after(async () => {
  await at.close()
  await server.close()
})

const path = (rest = ''): string => `/api/organizations/${at.organizationId}/integrations/git${rest}`
const put = (more: object = {}, repository = 'acme'): Promise<Answer> =>
  at.admin.put(path(), { url: server.url(repository), token: server.token, branch: 'prds', ...more })
const version = (prdId: string, changelog: string): Promise<Data> =>
  made(at.owner, `/api/prds/${prdId}/versions`, { changelog, versionType: 'minor' })
/** Of the integration, as its admins see it. */
const health = async (): Promise<Data> => {
  const { items } = (await at.admin.get(`/api/organizations/${at.organizationId}/integrations`)).body
  const [{ status, statusMessage }] = items.filter(({ kind }: Data) => kind === 'git')
  return { status, statusMessage }
}
const failures = async (user: User): Promise<Data[]> => {
  const { body } = await user.get('/api/notifications')
  return body.items.filter(({ type }: Data) => type === 'integration_failed')
}
const head = (repository = 'acme'): string => server.git(repository, 'rev-parse', 'prds').trim()
const pushes = (): number => server.requests.filter(({ method }) => method === 'POST').length

test('P-H1 every version of every PRD goes to the Git server of its organization', async () => {
  assert.equal((await put()).status, 200)
  const tested = await at.admin.post(path('/test'))
  assert.deepEqual(tested.body, {
    ok: true,
    message: 'The repository takes pushes to the branch prds: the first one makes it',
  })
  const other = await at.prd('# Another 😀\n')
  const versions = [await version(at.prdId, 'First'), await version(other, 'Second'), await version(at.prdId, 'Third')]
  await at.world.advance(0)
  assert.equal(head(), versions.at(-1).commitHash)
  assert.deepEqual(await health(), { status: 'ok', statusMessage: null })

  const clone = await server.clone('acme')
  runGit(clone, 'checkout', '--quiet', 'prds')
  assert.equal(readFileSync(join(clone, `${at.prdId}.md`), 'utf8'), 'Hello')
  assert.equal(readFileSync(join(clone, `${other}.md`), 'utf8'), '# Another 😀\n')
  const log = runGit(clone, 'log', '--format=%H %an %s').trim().split('\n')
  assert.deepEqual(log, versions.toReversed().map(({ commitHash: hash, changelog }) => {
    return `${hash} owner ${changelog}`
  }))
  assert.doesNotMatch(server.git('acme', 'fsck', '--full', '--strict', '--no-dangling'), /\S/)
  assert.match((await at.admin.post(path('/test'))).body.message, new RegExp(`it is at ${head().slice(0, 12)}$`))
})

test('an organization that does not want each version pushed does it by hand', async () => {
  const before = head()
  assert.equal((await put({ pushOnVersion: false })).status, 200)
  await version(at.prdId, 'By hand')
  await at.world.advance(60_000)
  assert.equal(head(), before)
  for (const [user, status] of [[at.member, 403], [at.owner, 403], [at.outsider, 404]] as const) {
    assert.equal((await user.post(path('/push'))).status, status)
  }
  const elsewhere = (await made(at.outsider, '/api/organizations', { name: 'Elsewhere' })).id
  assert.equal((await at.outsider.post(`/api/organizations/${elsewhere}/integrations/git/push`)).status, 404)
  const answer = await at.admin.post(path('/push'))
  assert.deepEqual([answer.status, answer.body], [202, { status: 'queued' }])
  await at.world.advance(0)
  assert.equal(runGit(join(at.world.folder, 'git', 'org_1.git'), 'rev-parse', 'main').trim(), head())
  const done = pushes()
  assert.equal((await at.admin.post(path('/push'))).status, 202)
  await at.world.advance(0)
  assert.equal(pushes(), done)
})

test('a Git server that is away for a while gets everything later; its admins are told once', async () => {
  const away = (): void => {
    server.answer((_, response) => {
      response.writeHead(503).end('hostile words')
      return true
    })
  }
  assert.equal((await put()).status, 200)
  const { commitHash } = await version(at.prdId, 'While it is away')
  for (const ms of [0, 1_000, 5_000]) {
    away()
    await at.world.advance(ms)
    assert.equal((await health()).status, 'unknown')
  }
  away()
  await at.world.advance(30_000)
  assert.deepEqual(await health(), { status: 'failing', statusMessage: 'The Git server answered with status 503' })
  away()
  await at.world.advance(120_000)
  const [told, ...more] = await failures(at.admin)
  assert.deepEqual(more, [])
  assert.match(told.message, /Git.*does not work: The Git server answered with status 503/)
  assert.deepEqual(await failures(at.owner), [])
  await at.world.advance(600_000)
  assert.equal(head(), commitHash)
  assert.deepEqual(await health(), { status: 'ok', statusMessage: null })
})

test("P-H1 somebody else's commits stay; it is said, and not tried again until there is something new", async () => {
  const clone = await server.clone('shared')
  await server.commit(clone, 'README.md', 'Hello\n')
  const theirs = server.git('shared', 'rev-parse', 'main').trim()
  assert.equal((await put({ branch: 'main' }, 'shared')).status, 200)
  await version(at.prdId, 'Not over theirs')
  await at.world.advance(0)
  assert.equal(server.git('shared', 'rev-parse', 'main').trim(), theirs)
  const { status, statusMessage } = await health()
  assert.equal(status, 'failing')
  assert.match(statusMessage, /commits that were not made here; nothing was overwritten/)
  assert.equal((await failures(at.admin)).length, 2)
  const asked = server.requests.length
  await at.world.advance(60_000)
  assert.equal(server.requests.length, asked)
})

test('P-H2 what is no branch and no address of a repository is refused, and the token shows nowhere', async () => {
  const branches = [
    '../../x', '-oProxyCommand=x', '--upload-pack=x', 'ext::sh -c x', 'refs/heads/x', 'x.lock', 'a b', 'x\0',
  ]
  for (const branch of branches) {
    const answer = await put({ branch })
    assert.equal(answer.status, 400, branch)
    assert.match(JSON.stringify(answer.body), /branch/)
  }
  const urls = [
    'ext::sh -c x', '--upload-pack=x', 'ssh://git@127.0.0.1/x', 'file:///etc', `${server.url('acme')}?x`, '/x',
  ]
  for (const url of urls) assert.equal((await put({ url })).status, 400, url)
  assert.equal((await put({ username: 'a:b' })).status, 400)
  assert.equal((await put({ token: 'wrong-t0ken' })).status, 200)
  await version(at.prdId, 'Not let in')
  await at.world.advance(0)
  assert.deepEqual(await health(), {
    status: 'failing',
    statusMessage: 'The Git server does not accept this user name and token',
  })
  const { items } = (await at.admin.get('/api/notifications')).body
  const shown = JSON.stringify([items, await health()]) + at.world.log.join('\n')
  assert.doesNotMatch(shown, /wrong-t0ken|s3cret|hostile words/)
})
