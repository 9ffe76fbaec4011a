import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { seeded } from '../../../testing/random.ts'
import { fileOf, type NewCommit } from './commit.ts'
import { Repositories } from './repositories.ts'

const AT = Date.UTC(2024, 0, 26, 10, 30)
const folder = mkdtempSync(join(tmpdir(), 'history-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const repositories = new Repositories({ folder })
const skip = spawnSync('git', ['--version']).status === 0 ? false : 'git is not installed'

const gitOf = (organization: number, ...args: readonly string[]): string =>
  execFileSync('git', ['--git-dir', join(folder, `org_${organization}.git`), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
  })
const clean = (organization: number): void =>
  assert.doesNotMatch(gitOf(organization, 'fsck', '--full', '--strict', '--no-dangling'), /\S/)

const commit = (parent: string | null, content: string, more: Partial<NewCommit> = {}): NewCommit => ({
  parent,
  file: { name: fileOf(12), content },
  message: 'Added OAuth2 technical requirements',
  author: { name: 'John Doe', email: 'john@example.com' },
  at: AT,
  ...more,
})

test('a commit is invisible until it is published, and then git shows it', { skip }, async () => {
  const first = await repositories.prepare(1, commit(null, '# One\n'))
  assert.equal(await repositories.prepare(1, commit(null, '# One\n')), first)
  assert.throws(() => gitOf(1, 'rev-parse', '--verify', 'refs/heads/main'))
  assert.equal(await repositories.read(1, first, fileOf(12)), '# One\n')
  await repositories.publish(1, first)
  const other = { name: fileOf(7), content: 'Another 😀\r\nwithout an end' }
  const second = await repositories.prepare(1, commit(first, '', { file: other, at: AT + 61_999 }))
  await repositories.publish(1, second)
  const third = await repositories.prepare(1, commit(second, '# Two\n', { at: AT + 90_000 }))
  await repositories.publish(1, third)

  assert.equal(gitOf(1, 'rev-parse', 'HEAD').trim(), third)
  assert.equal(gitOf(1, 'log', '--format=%H %an <%ae> %aI %s', '-1', second).trim(), `${second} John Doe ` +
    '<john@example.com> 2024-01-26T10:31:01+00:00 Added OAuth2 technical requirements')
  assert.equal(gitOf(1, 'rev-list', '--count', 'main').trim(), '3')
  assert.equal(gitOf(1, 'ls-tree', '--name-only', 'main'), 'prd_12.md\nprd_7.md\n')
  assert.equal(gitOf(1, 'show', `${second}:prd_12.md`), '# One\n')
  assert.equal(gitOf(1, 'show', 'main:prd_7.md'), other.content)
  assert.equal(await repositories.read(1, third, fileOf(7)), other.content)
  assert.equal(await repositories.read(1, third, fileOf(12)), '# Two\n')
  assert.equal(await repositories.read(1, first, fileOf(7)), undefined)
  assert.equal(await repositories.read(1, 'f'.repeat(40), fileOf(7)), undefined)
  assert.equal(await repositories.read(404, first, fileOf(7)), undefined)
  clean(1)

  gitOf(1, 'gc', '--quiet', '--prune=now')
  const fourth = await repositories.prepare(1, commit(third, '# Three\n'))
  await repositories.publish(1, fourth)
  assert.equal(await repositories.read(1, fourth, fileOf(7)), other.content)
  assert.equal(gitOf(1, 'rev-list', '--count', 'main').trim(), '4')
  clean(1)
})

test('main moves only forward, and is healed to what the database knows', { skip }, async () => {
  const hashes: string[] = []
  for (let i = 0; i < 6; i += 1) hashes.push(await repositories.prepare(2, commit(hashes.at(-1) ?? null, `${i}\n`)))
  const [first, second, , fourth, , last] = hashes as [string, string, string, string, string, string]
  const main = (): string => gitOf(2, 'rev-parse', 'main').trim()
  assert.equal(await repositories.heal(2, null), false)
  await repositories.publish(2, second)
  await repositories.publish(2, last)
  await repositories.publish(2, fourth)
  await repositories.publish(2, first)
  assert.equal(main(), last)
  const aside = await repositories.prepare(2, commit(second, 'aside\n'))
  await assert.rejects(repositories.publish(2, aside), /heal the repository/)
  assert.equal(main(), last)

  assert.equal(await repositories.heal(2, last), false)
  assert.equal(await repositories.heal(2, aside), true)
  assert.equal(main(), aside)
  for (const damaged of ['', 'garbage\n', `${'0'.repeat(40)}\n`]) {
    writeFileSync(join(folder, 'org_2.git/refs/heads/main'), damaged)
    assert.equal(await repositories.heal(2, fourth), true, JSON.stringify(damaged))
    assert.equal(main(), fourth)
  }
  assert.equal(await repositories.heal(2, null), true)
  assert.equal(await repositories.heal(2, null), false)
  assert.throws(main)
  await assert.rejects(repositories.heal(2, 'e'.repeat(40)), /restore it from the backup/)
  await assert.rejects(repositories.publish(2, 'e'.repeat(40)), /restore it from the backup/)
  await assert.rejects(repositories.prepare(2, commit('e'.repeat(40), '')), /restore it from the backup/)
  clean(2)
})

test('what people write never breaks a commit or leaves the folder', { skip }, async () => {
  const hostile = [
    '', '\n\n', ' ', '\0', 'a\0b', '-oProxyCommand=x', '--upload-pack=x', '../../x', 'a <b> c', '> 0 +0000\ntree x\n\n',
    'x\r\ngpgsig -----BEGIN PGP SIGNATURE-----\r\n', '\u{1B}[31m', '\uD83D', '😀'.repeat(2_500), 'long '.repeat(2_000),
    '\n'.repeat(5_000) + 'x' + '\n'.repeat(5_000), 'Ünïcødé\u2028line', '# not a comment', 'ext::sh -c x',
  ]
  let last: string | null = null
  for (const text of hostile) {
    last = await repositories.prepare(3, commit(last, text, { message: text, author: { name: text, email: text } }))
    await repositories.publish(3, last)
    assert.equal(await repositories.read(3, last, fileOf(12)), text.toWellFormed())
  }
  assert.equal(gitOf(3, 'rev-list', '--count', 'main').trim(), String(hostile.length))
  const lines = gitOf(3, 'log', '--reverse', '--format=%an%x09%ae%x09%at%x09%s').trimEnd().split('\n')
  assert.equal(lines.length, hostile.length)
  for (const line of lines) {
    const [name, email, at, subject] = line.split('\t')
    assert.ok(name && email && subject)
    assert.equal(at, String(AT / 1000))
  }
  assert.match(lines[0]!, /^unknown\tunknown@users\.invalid\t\d+\tUpdate prd_12\.md$/)
  assert.match(lines[5]!, /^-oProxyCommand=x\t-oProxyCommand=x\t\d+\t-oProxyCommand=x$/)
  assert.ok(gitOf(3, 'log', '-1', '--format=%B', 'main~4').includes('long '.repeat(1_999)))
  clean(3)

  for (const name of ['../x.md', '.git/config', 'prd_1.md/../x', 'prd_01.md', 'prd_-1.md', 'PRD_1.md', 'prd_1.md\n']) {
    await assert.rejects(repositories.prepare(3, commit(null, '', { file: { name, content: '' } })), /named by the id/)
  }
  for (const id of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
    await assert.rejects(repositories.prepare(id, commit(null, '')), /named by its id/)
  }
  await assert.rejects(repositories.read(3, '../../HEAD', fileOf(12)), /40 hexadecimal/)
  await assert.rejects(repositories.publish(3, 'HEAD'), /40 hexadecimal/)
  await assert.rejects(repositories.prepare(3, commit(null, '', { at: Number.NaN })), /milliseconds/)
  assert.deepEqual(readdirSync(folder).toSorted(), ['org_1.git', 'org_2.git', 'org_3.git'])
})

test('commits prepared at the same moment are all whole, and one that fails holds up nobody', { skip }, async () => {
  const results = await Promise.allSettled([
    repositories.prepare(4, commit('d'.repeat(40), '')),
    ...Array.from({ length: 8 }, (_, i) => repositories.prepare(4, commit(null, `${i}`, { message: `${i}` }))),
  ])
  assert.deepEqual(results.map(({ status }) => status), ['rejected', ...Array.from({ length: 8 }, () => 'fulfilled')])
  const hashes = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  assert.equal(new Set(hashes).size, 8)
  for (const hash of hashes) assert.match((await repositories.read(4, hash, fileOf(12))) ?? '', /^[0-7]$/)
  clean(4)

  writeFileSync(join(folder, 'org_6.git'), 'in the way')
  await assert.rejects(repositories.prepare(6, commit(null, '')))
  rmSync(join(folder, 'org_6.git'))
  await repositories.publish(6, await repositories.prepare(6, commit(null, '')))
  clean(6)
})

test('a process killed while it commits leaves every commit it told of, and nothing broken', { skip }, async (t) => {
  const random = seeded()
  t.diagnostic(`seed ${random.seed}`)
  const script = `
    import { Repositories } from ${JSON.stringify(new URL('repositories.ts', import.meta.url).href)}
    const repositories = new Repositories({ folder: ${JSON.stringify(folder)} })
    for (let parent = null, i = 0; ; i += 1) {
      const content = String(i).repeat(5000)
      const file = { name: 'prd_1.md', content }
      const author = { name: 'n', email: 'e' }
      parent = await repositories.prepare(5, { parent, file, message: 'm', author, at: ${AT} })
      process.stdout.write(parent + '\\n')
      if (i % 2) await repositories.publish(5, parent)
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const told: string[] = []
  const until = 10 + random.int(10)
  for await (const line of createInterface(child.stdout)) {
    told.push(line)
    if (told.length === until) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  assert.equal(child.signalCode, 'SIGKILL')
  const last = told.at(-1)!
  await repositories.heal(5, last)
  assert.equal(gitOf(5, 'rev-parse', 'main').trim(), last)
  assert.equal(gitOf(5, 'rev-list', '--count', 'main').trim(), String(told.length))
  clean(5)
  writeFileSync(join(folder, 'org_5.git/objects/tmp_obj_half'), 'half an obj')
  const next = await repositories.prepare(5, commit(last, 'on it goes'))
  await repositories.publish(5, next)
  assert.deepEqual(readdirSync(join(folder, 'org_5.git/objects')).filter((name) => name.length > 4), [])
})

test('a repository that is removed was never there, and may be begun again', { skip }, async () => {
  const hash = await repositories.prepare(77, commit(null, '# One\n'))
  await repositories.publish(77, hash)
  await repositories.remove(77)
  assert.equal(await repositories.read(77, hash, fileOf(12)), undefined)
  assert.ok(!readdirSync(folder).includes('org_77.git'))
  await repositories.remove(77)
  assert.equal(await repositories.prepare(77, commit(null, '# One\n')), hash)
})
