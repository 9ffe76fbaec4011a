import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { afterKill, type World } from '../../testing/world.ts'
import { insert, made, remove, scene, userId, type Data, type Someone, type Tab } from './testing.ts'

const hasGit = spawnSync('git', ['--version']).status === 0

const repositoryOf = ({ folder }: World): string => join(folder, 'git', 'org_1.git')
const gitIn = (world: World, ...args: readonly string[]): string =>
  execFileSync('git', ['--git-dir', repositoryOf(world), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
  })
const logOf = (world: World): string[] => gitIn(world, 'log', '--format=%s', 'main').trim().split('\n')

const type = (tab: Tab, prdId: string, position: number, content: string): Promise<Data> =>
  tab.done('content-update', { prdId, operation: insert(position, content), stateVector: [] })

test('P-V2 a version is a row, a commit, and news for everybody who has joined', async (t) => {
  await using at = await scene({ config: { prdChangelogCharacters: 60, prdVersions: 9 } })
  const { prdId, world } = at
  const [owner, editor, viewer] = [await at.tab(at.owner), await at.tab(at.editor), await at.tab(at.viewer, '/')]
  const elsewhere = [await at.tab(at.owner), await at.tab(at.member), await at.tab(at.outsider, '/')]
  const subscriber = await at.tab(at.member, '/notifications')
  await subscriber.done('subscribe', { organizationId: at.organizationId })
  await owner.join(prdId)
  await editor.join(prdId)
  await viewer.join(prdId, 'view')
  await type(owner, prdId, 5, ' world 😀')
  const other = await at.prd('# Another\n')
  for (const tab of [owner, editor, viewer]) await tab.drained()
  await subscriber.drained()
  const hashes: string[] = []

  /** What those who have joined get of a version, checked against what its maker was answered. */
  const told = async ({ version }: Data, maker: Someone, message = version.changelog): Promise<void> => {
    for (const tab of [owner, editor, viewer]) {
      await tab.expect('version-created', { prdId, version })
      const { commit } = await tab.expect('git-commit', { prdId })
      const { createdAt: timestamp, commitHash: hash } = version
      assert.deepEqual(commit, { hash, message, author: maker, timestamp, files: [`${prdId}.md`] })
    }
    hashes.push(version.commitHash)
  }

  await t.test('with exactly the keys of the document, and nothing for anybody else', async () => {
    const changelog = 'Added OAuth2\nand "limits" 😀'
    const { ok, ...made } = await owner.done('create-version', { prdId, changelog, versionType: 'minor' })
    assert.equal(ok, true)
    const { id, commitHash, ...version } = made.version
    const createdBy = { id: userId(at.owner), name: 'owner' }
    assert.deepEqual(version, { version: '1.1.0', changelog, createdBy, createdAt: version.createdAt })
    assert.match(id, /^ver_\d+$/)
    await told(made, 'owner', 'Added OAuth2')
    for (const tab of [owner, editor, viewer, ...elsewhere]) await tab.expectNothing()
    const { activity } = await subscriber.expect('activity-update')
    assert.equal(activity.type, 'version_created')
    assert.equal(activity.object.id, prdId)
    await subscriber.expectNothing()
    const later = await at.tab(at.editor)
    assert.equal((await later.join(prdId, 'view')).initialState.version, '1.1.0')
    later.close()
    if (!hasGit) return
    const shown = gitIn(world, 'log', '-1', '--format=%H|%an|%ae|%cn|%at|%B', 'main').trim()
    const seconds = Date.parse(version.createdAt) / 1_000
    const body = 'Added OAuth2\n\nand "limits" 😀\n\nVersion: 1.1.0'
    assert.equal(shown, `${commitHash}|owner|owner@example.com|owner|${seconds}|${body}`)
    assert.equal(gitIn(world, 'show', `main:${prdId}.md`), 'Hello world 😀')
  })

  await t.test('also for who has not joined and makes it, on that connection', async () => {
    await owner.drained()
    const [tab] = elsewhere
    const outcome = await tab!.done('create-version', { prdId, changelog: 'From afar', versionType: 'patch' })
    await tab!.expect('version-created', { prdId, version: outcome.version })
    assert.equal(outcome.version.version, '1.1.1')
    await told(outcome, 'owner')
    for (const each of elsewhere) await each.expectNothing()
  })

  await t.test('P-V1 one after the other, however many are made at the same time', async () => {
    const versionType = 'minor'
    const [a, b, c, d] = await Promise.all([
      owner.done('create-version', { prdId, changelog: 'One', versionType }),
      editor.done('create-version', { prdId, changelog: 'Two', versionType }),
      made(at.owner, `/api/prds/${other}/versions`, { changelog: 'Three', versionType: 'major' }),
      made(at.editor, `/api/prds/${prdId}/versions`, { changelog: 'Four', versionType }),
    ])
    const numbers = [a.version.version, b.version.version, d.version]
    assert.deepEqual(new Set(numbers), new Set(['1.2.0', '1.3.0', '1.4.0']))
    assert.equal(c.version, '2.0.0')
    for (const tab of [owner, editor, viewer]) {
      const events = await tab.drained()
      const versions = events.filter(([name]) => name === 'version-created').map(([, data]) => (data as Data).version)
      assert.deepEqual(versions.map((version) => version.version), ['1.2.0', '1.3.0', '1.4.0'])
      assert.equal(events.length, 6)
    }
    if (!hasGit) return
    assert.equal(logOf(world).length, 6)
    assert.equal(gitIn(world, 'show', `main:${other}.md`), '# Another\n')
    assert.equal(gitIn(world, 'show', `main:${prdId}.md`), 'Hello world 😀')
  })

  await t.test('once, however often the same command comes', async () => {
    const again = async (): Promise<Data> => {
      const body = { changelog: 'Once', versionType: 'patch' }
      return (await at.editor.post(`/api/prds/${prdId}/versions`, body, { 'idempotency-key': 'once' })).body
    }
    const [first, ...rest] = await Promise.all([again(), again()])
    assert.equal(first.version, '1.4.1')
    assert.deepEqual([...rest, await again()], [first, first])
    await told({ version: first }, 'editor')
    for (const tab of [owner, editor, viewer]) await tab.expectNothing()
    if (hasGit) assert.equal(logOf(world)[0], 'Once')
  })

  await t.test('and only of who may, with a changelog, within the limit', async () => {
    const input = { prdId, changelog: 'No', versionType: 'minor' }
    await viewer.refused('FORBIDDEN', 'create-version', input)
    const viewing = await at.tab(at.editor)
    await viewing.join(prdId, 'view')
    await viewing.refused('FORBIDDEN', 'create-version', input)
    viewing.close()
    const [, member, outsider] = elsewhere
    await member!.refused('FORBIDDEN', 'create-version', input)
    await outsider!.refused('NOT_FOUND', 'create-version', input)
    await owner.refused('NOT_FOUND', 'create-version', { ...input, prdId: 'prd_99' })
    for (const changelog of ['', ' \n', 'a\0b', '\uD83D', '😀'.repeat(61), 7, null]) {
      await owner.refused('VALIDATION_ERROR', 'create-version', { ...input, changelog })
    }
    await owner.refused('VALIDATION_ERROR', 'create-version', { ...input, versionType: 'huge' })
    const path = `/api/prds/${prdId}/versions`
    assert.equal((await at.viewer.post(path, input)).status, 403)
    assert.equal((await at.outsider.post(path, input)).status, 404)
    assert.equal((await at.owner.post(path, { ...input, changelog: ' ' })).status, 400)
    assert.equal((await at.owner.get(`/api/prds/${prdId}`)).body.version, '1.4.1')
    await owner.done('create-version', { ...input, changelog: '\u0001', versionType: 'patch' })
    await editor.done('create-version', { ...input, changelog: '😀'.repeat(60) })
    await owner.drained()
    await owner.refused('CONFLICT', 'create-version', input)
  })

  await t.test('not where its commit cannot be written', async () => {
    const repository = repositoryOf(world)
    renameSync(repository, `${repository}.away`)
    writeFileSync(repository, '')
    const input = { prdId: other, changelog: 'Lost', versionType: 'minor' }
    await owner.drained()
    const { message } = await owner.refused('UNAVAILABLE', 'create-version', input)
    assert.match(message, /no version was made/)
    await owner.expectNothing()
    assert.equal((await at.owner.get(`/api/prds/${other}`)).body.version, '2.0.0')
    assert.doesNotMatch(world.log.join('\n'), /Another|Lost/)
    rmSync(repository)
    renameSync(`${repository}.away`, repository)
    const { version } = await owner.done('create-version', { ...input, changelog: 'Kept' })
    assert.equal(version.version, '2.1.0')
    if (!hasGit) return
    assert.equal(logOf(world)[0], 'Kept')
    assert.equal(logOf(world).length, 10)
    assert.doesNotMatch(gitIn(world, 'fsck', '--full', '--strict', '--no-dangling'), /\S/)
  })

  await t.test('and what a kill left behind is set right at the next start', { skip: !hasGit }, async () => {
    const head = gitIn(world, 'rev-parse', 'main').trim()
    // As if it had been killed after the row was written and before the branch was moved.
    gitIn(world, 'update-ref', 'refs/heads/main', hashes[0]!)
    await using next = await afterKill(world)
    assert.equal(gitIn(next, 'rev-parse', 'main').trim(), head)
    assert.equal(gitIn(next, 'show', `main:${prdId}.md`), 'Hello world 😀')
    // Here it goes on without a start.
    await made(at.owner, `/api/prds/${other}/versions`, { changelog: 'Onwards', versionType: 'patch' })
    assert.deepEqual(logOf(world).slice(0, 2), ['Onwards', 'Kept'])
  })
})

test('P-V3 versions are listed, read, compared and restored', async () => {
  await using at = await scene()
  const { world } = at
  const before = '# Title\n\nOne line\n\n-- two 😀\n\nThe end\n'
  const prdId = await at.prd(before)
  const path = `/api/prds/${prdId}`
  const [owner, editor] = [await at.tab(at.owner), await at.tab(at.editor)]
  await owner.join(prdId)
  await editor.join(prdId)
  await editor.done('content-update', { prdId, operation: remove(19, 10), stateVector: [] })
  await type(editor, prdId, 0, '> Note\n')
  const after = '> Note\n# Title\n\nOne line\n\n\nThe end\n'
  const second = await made(at.editor, `${path}/versions`, { changelog: 'Less', versionType: 'major' })
  await type(editor, prdId, after.length, 'Now\n')
  const now = `${after}Now\n`

  const { body: list } = await at.viewer.get(`${path}/versions`)
  assert.deepEqual(list.items[0], second)
  const [, first] = list.items
  assert.equal(list.items.length, 2)
  assert.deepEqual(first, {
    id: first.id,
    version: '1.0.0',
    changelog: '',
    commitHash: null,
    createdBy: { id: userId(at.owner), name: 'owner' },
    createdAt: first.createdAt,
  })
  const page = await at.viewer.get(`${path}/versions?limit=1`)
  assert.equal(page.body.nextBefore, second.id)
  assert.deepEqual((await at.viewer.get(`${path}/versions?before=${second.id}`)).body.items, [first])

  for (const ref of [second.id, '2.0.0']) {
    assert.deepEqual((await at.viewer.get(`${path}/versions/${ref}`)).body, { ...second, content: after })
  }
  assert.equal((await at.viewer.get(`${path}/versions/1.0.0`)).body.content, before)
  const { body: current } = await at.viewer.get(`${path}/versions/current`)
  assert.deepEqual([current.version, current.id, current.content], ['current', null, now])
  const elsewhere = (await at.owner.get(`/api/prds/${at.prdId}/versions`)).body.items[0].id
  for (const ref of ['9.9.9', '02.0.0', elsewhere, 'ver_x', 'Current', '%00']) {
    for (const answer of [await at.owner.get(`${path}/versions/${ref}`), await at.owner.get(`${path}/diff?from=${ref}`)]) {
      assert.equal(answer.status, 404, ref)
    }
    assert.equal((await at.owner.post(`${path}/versions/${ref}/restore`)).status, 404, ref)
  }

  const { body: difference } = await at.viewer.get(`${path}/diff?from=1.0.0&to=${second.id}`)
  const { diff, ...rest } = difference
  assert.deepEqual(rest, { from: '1.0.0', to: '2.0.0', added: 1, removed: 1 })
  assert.match(diff, /^--- a\/prd_2\.md\t1\.0\.0\n\+\+\+ b\/prd_2\.md\t2\.0\.0\n@@ /)
  assert.match(diff, /\n--- two 😀\n/)
  const same = (await at.viewer.get(`${path}/diff?from=current`)).body
  assert.deepEqual(same, { from: 'current', to: 'current', diff: '', added: 0, removed: 0 })
  assert.equal((await at.viewer.get(`${path}/diff?from=2.0.0`)).body.added, 1)
  assert.equal((await at.viewer.get(`${path}/diff`)).status, 400)

  // Somebody's place in the text that both have in common.
  const title = now.indexOf('line')
  await editor.done('presence-update', { prdId, status: 'editing', cursorPosition: title, selection: null })
  const cursor = async (): Promise<number> => {
    const { body } = await at.owner.get(`${path}/presence`)
    return (body.items ?? body).find(({ userId: id }: Data) => id === userId(at.editor)).cursorPosition
  }
  assert.equal(await cursor(), title)
  for (const tab of [owner, editor]) await tab.drained()
  assert.equal((await at.viewer.post(`${path}/versions/1.0.0/restore`)).status, 403)
  assert.equal((await at.member.post(`${path}/versions/1.0.0/restore`)).status, 403)
  assert.equal((await at.outsider.post(`${path}/versions/1.0.0/restore`)).status, 404)
  const restored = await made(at.owner, `${path}/versions/1.0.0/restore`, {})
  assert.deepEqual([restored.version, restored.changed], ['1.0.0', true])
  for (const tab of [owner, editor]) {
    let text = now
    let stateVector: unknown
    for (const [name, data] of (await tab.drained()) as Data[]) {
      if (name === 'presence-update') continue
      assert.equal(name, 'content-update')
      assert.equal(data.userId, userId(at.owner))
      const { position, length = 0, content = '' } = data.operation
      text = text.slice(0, position) + content + text.slice(position + length)
      stateVector = data.stateVector
    }
    assert.equal(text, before)
    assert.deepEqual(stateVector, restored.stateVector)
  }
  const { body: whole } = await at.owner.get(path)
  assert.deepEqual([whole.content, whole.version, whole.stateVector], [before, '2.0.0', restored.stateVector])
  assert.equal(await cursor(), before.indexOf('line'))

  const again = await made(at.owner, `${path}/versions/${first.id}/restore`, {})
  assert.deepEqual(again, { ...restored, changed: false })
  for (const tab of [owner, editor]) await tab.expectNothing()
  const { body: activity } = await at.owner.get(`/api/activity?organizationId=${at.organizationId}`)
  assert.equal(activity.items.filter((each: Data) => each.type === 'version_restored').length, 1)
  assert.equal((await at.owner.get(`${path}/versions`)).body.items.length, 2)

  const long = 'one line of many\n'.repeat(2_000)
  const longId = await at.prd(long)
  await editor.join(longId)
  await type(editor, longId, 8_000, 'and another 😀\n')
  await type(editor, longId, 20_000, 'and another 😀\n')
  // What is typed at the same time comes before it, and goes, or after it, and stays.
  const [, reverted] = await Promise.all([
    type(editor, longId, 0, '!'),
    made(at.owner, `/api/prds/${longId}/versions/1.0.0/restore`, {}),
  ])
  assert.equal(reverted.changed, true)
  const { content } = (await at.owner.get(`/api/prds/${longId}`)).body
  assert.ok(content === long || content === `!${long}`, content.slice(0, 40))
  assert.equal((await at.owner.get(`/api/prds/${longId}/diff?from=1.0.0`)).body.removed, content === long ? 0 : 1)
  if (hasGit) assert.equal(gitIn(world, 'show', `main:${prdId}.md`), after)
})
