import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Answer, User } from '../../testing/world.ts'
import {
  Collaborator,
  Member,
  Organization,
  PageOf,
  Prd,
  PrdWithContent,
  Template,
  TemplateWithContent,
} from './routes/shapes.ts'
import { run } from './testing-groups.ts'
import { insert, made, replace, scene, userId, type Data } from './testing.ts'

const shapes = { Collaborator, Member, Organization, Prd, PrdWithContent, Template, TemplateWithContent }
const checks = Object.fromEntries(
  Object.entries(shapes).flatMap(([name, shape]: [string, TSchema]) => [
    [name, Compile(shape)],
    [`${name}s`, Compile(PageOf(shape))],
  ]),
)

/** The answer is this, as the documents describe it. */
async function is(shape: string, answering: Promise<Answer>, status = 200): Promise<Data> {
  const { status: got, body } = await answering
  assert.equal(got, status, JSON.stringify(body).slice(0, 500))
  assert.ok(checks[shape]!.Check(body), JSON.stringify(body).slice(0, 500))
  return body
}

async function refused(answering: Promise<Answer>, status: number, code: string, said?: RegExp): Promise<void> {
  const { status: got, body } = await answering
  assert.deepEqual([got, body?.error?.code], [status, code], JSON.stringify(body).slice(0, 500))
  if (said) assert.match(JSON.stringify(body), said)
}

const ids = ({ items }: Data): string[] => items.map(({ id, userId: account }: Data) => id ?? account)

test('organizations, their members and templates, PRDs and with whom they are shared', async () => {
  await using at = await scene({
    config: { prdOrganizations: 2, prdMembers: 6, prdPrds: 4, prdTemplates: 2, prdDocumentCharacters: 3_000 },
  })
  const { admin, owner, editor, viewer, member, outsider, organizationId, prdId } = at
  const org = `/api/organizations/${organizationId}`

  // Organisations.
  const shown = await is('Organization', owner.get(org))
  const { createdAt } = shown
  assert.deepEqual(shown, { id: organizationId, name: 'Acme', role: 'member', memberCount: 5, createdAt })
  const second = await is('Organization', outsider.post('/api/organizations', { name: ' Rivals  Inc ' }), 201)
  assert.deepEqual([second.name, second.role, second.memberCount], ['Rivals Inc', 'admin', 1])
  await made(outsider, '/api/organizations', { name: 'Rivals II' })
  await refused(outsider.post('/api/organizations', { name: 'Rivals III' }), 409, 'CONFLICT')
  const list = await is('Organizations', outsider.get('/api/organizations?limit=1'))
  assert.equal(list.items[0].name, 'Rivals II')
  const older = await is('Organizations', outsider.get(`/api/organizations?before=${list.nextBefore}`))
  assert.deepEqual(ids(older), [second.id])
  assert.deepEqual(ids(await is('Organizations', owner.get('/api/organizations'))), [organizationId])
  await made(outsider, `/api/organizations/${list.items[0].id}/templates`, { name: 'x', content: 'x' })
  assert.equal((await outsider.delete(`/api/organizations/${list.items[0].id}`)).status, 204)
  assert.deepEqual(ids(await is('Organizations', outsider.get('/api/organizations'))), [second.id])
  await refused(outsider.delete(`/api/organizations/${list.items[0].id}`), 404, 'NOT_FOUND')
  await refused(admin.delete(org), 409, 'CONFLICT', /1 PRDs/)
  await refused(owner.get('/api/organizations?before=prd_1'), 400, 'VALIDATION_ERROR', /org_1/)
  assert.equal((await is('Organization', admin.patch(org, { name: 'Acme Ltd' }))).name, 'Acme Ltd')
  for (const name of ['', '  ', 'two\nlines', 'x'.repeat(101)]) {
    await refused(admin.patch(org, { name }), 400, 'VALIDATION_ERROR', /name/)
  }

  // Members.
  const members = `${org}/members`
  const one = await is('Member', admin.post(members, { username: 'OUTSIDER', role: 'viewer' }), 201)
  assert.deepEqual(one, {
    userId: userId(outsider),
    username: 'outsider',
    name: 'outsider',
    role: 'viewer',
    addedBy: userId(admin),
    addedAt: one.addedAt,
  })
  await refused(admin.post(members, { userId: userId(outsider) }), 409, 'CONFLICT', /PATCH/)
  const both = { userId: userId(owner), username: 'owner' }
  for (const named of [{}, both, { username: 'nobody' }, { userId: 'user_99' }]) {
    await refused(admin.post(members, named), 400, 'VALIDATION_ERROR', /userId|username/)
  }
  const late = await at.world.user('late')
  await refused(admin.post(members, { userId: userId(late) }), 409, 'CONFLICT', /at most 6/)
  const page = await is('Members', outsider.get(`${members}?limit=2`))
  assert.deepEqual(ids(page), [userId(outsider), userId(member)])
  assert.deepEqual(ids(await is('Members', outsider.get(`${members}?before=${page.nextBefore}`))).length, 4)
  assert.equal((await is('Member', admin.patch(`${members}/${userId(outsider)}`, { role: 'member' }))).role, 'member')
  await refused(admin.patch(`${members}/${userId(admin)}`, { role: 'viewer' }), 409, 'CONFLICT', /needs an admin/)
  await refused(admin.delete(`${members}/${userId(admin)}`), 409, 'CONFLICT', /needs an admin/)
  await is('Member', admin.patch(`${members}/${userId(owner)}`, { role: 'admin' }))
  await is('Member', admin.patch(`${members}/${userId(owner)}`, { role: 'member' }))
  assert.equal((await outsider.delete(`${members}/${userId(outsider)}`)).status, 204)
  await refused(outsider.get(org), 404, 'NOT_FOUND')
  await refused(admin.delete(`${members}/${userId(outsider)}`), 404, 'NOT_FOUND')

  // PRDs.
  const whole = await is('PrdWithContent', viewer.get(`/api/prds/${prdId}`))
  assert.deepEqual(whole, {
    id: prdId,
    organizationId,
    title: 'User Authentication',
    status: 'draft',
    access: 'view',
    version: '1.0.0',
    owner: { id: userId(owner), name: 'owner' },
    createdBy: { id: userId(owner), name: 'owner' },
    right: 'view',
    createdAt: whole.createdAt,
    updatedAt: whole.createdAt,
    content: 'Hello',
    stateVector: [1],
  })
  const key = { 'Idempotency-Key': 'once' }
  const secret = { organizationId, title: '  Été  😀', content: 'a😀b', access: 'none' }
  const hidden = await is('Prd', owner.post('/api/prds', secret, key), 201)
  assert.deepEqual(await is('Prd', owner.post('/api/prds', secret, key), 201), hidden)
  assert.deepEqual([hidden.title, hidden.right, hidden.access], ['Été  😀', 'manage', 'none'])
  const bad: Record<string, [object, number, string, RegExp]> = {
    blank: [{ title: ' ' }, 400, 'VALIDATION_ERROR', /title/],
    lines: [{ title: 'a\u2028b' }, 400, 'VALIDATION_ERROR', /one line/],
    long: [{ title: 'x'.repeat(201) }, 400, 'VALIDATION_ERROR', /title/],
    half: [{ content: '\ud83d' }, 400, 'VALIDATION_ERROR', /surrogate/],
    nul: [{ content: '\0' }, 400, 'VALIDATION_ERROR', /NUL/],
    large: [{ content: 'x'.repeat(3_001) }, 413, 'TOO_LARGE', /3000/],
    both: [{ content: '', templateId: 'standard' }, 400, 'VALIDATION_ERROR', /not both/],
    template: [{ templateId: 'template_7' }, 400, 'VALIDATION_ERROR', /templateId/],
    access: [{ access: 'all' }, 400, 'VALIDATION_ERROR', /access/],
    organization: [{ organizationId: second.id as string }, 404, 'NOT_FOUND', /organization/],
    id: [{ organizationId: '1' }, 400, 'VALIDATION_ERROR', /org_1/],
  }
  for (const [input, status, code, said] of Object.values(bad)) {
    await refused(owner.post('/api/prds', { organizationId, title: 'x', ...input }), status, code, said)
  }
  assert.deepEqual(ids(await is('Prds', owner.get('/api/prds'))), [hidden.id, prdId])
  assert.deepEqual(ids(await is('Prds', member.get('/api/prds'))), [prdId])
  assert.deepEqual(ids(await is('Prds', owner.get('/api/prds?q=aUth%20user'))), [prdId])
  assert.deepEqual(ids(await is('Prds', owner.get(`/api/prds?organizationId=${second.id}`))), [])
  const first = await is('Prds', owner.get('/api/prds?limit=1&status=draft'))
  assert.deepEqual(ids(await is('Prds', owner.get(`/api/prds?limit=1&before=${first.nextBefore}`))), [prdId])

  const renamed = await is('Prd', admin.patch(`/api/prds/${prdId}`, { title: 'Sign-in', access: 'edit' }))
  assert.deepEqual([renamed.title, renamed.access, renamed.right], ['Sign-in', 'edit', 'manage'])
  await refused(owner.patch(`/api/prds/${prdId}`, {}), 400, 'VALIDATION_ERROR', /at least one/)
  assert.equal((await is('PrdWithContent', member.get(`/api/prds/${prdId}`))).right, 'edit')
  const file = await member.get(`/api/prds/${prdId}/content`)
  assert.deepEqual([file.status, file.body], [200, 'Hello'])
  assert.match(file.headers.get('content-disposition')!, /Sign-in\.md/)
  assert.match(file.headers.get('content-type')!, /^text\/markdown; charset=utf-8/)

  // The text, by the second door: each edit from the text its author had read.
  const edit = (by: User, id: string, body: object): Promise<Answer> => by.post(`/api/prds/${id}/operations`, body)
  const stateVector = [1]
  const told = (await edit(member, prdId, { operation: insert(5, ' world'), stateVector })).body
  assert.deepEqual(told, { operations: [{ type: 'insert', position: 5, content: ' world' }], stateVector: [2] })
  const unaware = await edit(editor, prdId, { operation: replace(0, 5, 'Bye'), stateVector })
  assert.deepEqual(unaware.body.stateVector, [3])
  assert.equal((await is('PrdWithContent', owner.get(`/api/prds/${prdId}`))).content, 'Bye world')
  await refused(edit(viewer, prdId, { operation: insert(0, 'x') }), 403, 'FORBIDDEN', /view/)
  await refused(edit(owner, prdId, { operation: insert(0, '\ud83d') }), 400, 'INVALID_OPERATION')
  await refused(edit(owner, prdId, { operation: insert(0, 'x'.repeat(3_000)) }), 413, 'TOO_LARGE')
  const nonsense = { operation: insert(0, 'x'), stateVector: [-1] }
  await refused(edit(owner, prdId, nonsense), 400, 'VALIDATION_ERROR', /stateVector/)

  // Sharing by name.
  const shares = `/api/prds/${hidden.id}/collaborators`
  const shared = await is('Collaborator', owner.put(`${shares}/${userId(viewer)}`, { role: 'viewer' }))
  assert.deepEqual([shared.userId, shared.role, shared.addedBy], [userId(viewer), 'viewer', userId(owner)])
  await is('Collaborator', admin.put(`${shares}/${userId(editor)}`, { role: 'editor' }))
  const again = await is('Collaborator', admin.put(`${shares}/${userId(viewer)}`, { role: 'editor' }))
  assert.deepEqual([again.role, again.addedBy], ['editor', userId(owner)])
  assert.equal((await edit(viewer, hidden.id, { operation: insert(2, 'x') })).body.operations[0].position, 3)
  const stranger = owner.put(`${shares}/${userId(outsider)}`, { role: 'viewer' })
  await refused(stranger, 400, 'VALIDATION_ERROR', /member of the/)
  await refused(admin.put(`${shares}/${userId(owner)}`, { role: 'viewer' }), 409, 'CONFLICT', /owns/)
  const people = await is('Collaborators', viewer.get(`${shares}?limit=1`))
  assert.deepEqual(ids(people), [userId(viewer)])
  const others = await is('Collaborators', viewer.get(`${shares}?before=${people.nextBefore}`))
  assert.deepEqual(ids(others), [userId(editor)])
  await is('Member', admin.patch(`${members}/${userId(viewer)}`, { role: 'viewer' }))
  await refused(owner.put(`${shares}/${userId(viewer)}`, { role: 'editor' }), 409, 'CONFLICT', /Viewers/)
  assert.equal((await is('PrdWithContent', viewer.get(`/api/prds/${hidden.id}`))).right, 'view')
  await refused(viewer.post('/api/prds', { organizationId, title: 'x' }), 403, 'FORBIDDEN')

  // Handing over: who owned it edits it.
  for (const ownerId of [userId(viewer), userId(outsider), 'user_99']) {
    await refused(owner.patch(`/api/prds/${hidden.id}`, { ownerId }), 400, 'VALIDATION_ERROR', /ownerId/)
  }
  const handed = await is('Prd', owner.patch(`/api/prds/${hidden.id}`, { ownerId: userId(editor) }))
  assert.deepEqual([handed.owner.name, handed.right], ['editor', 'edit'])
  assert.deepEqual(ids(await is('Collaborators', editor.get(shares))), [userId(viewer), userId(owner)])
  await refused(owner.delete(`/api/prds/${hidden.id}`), 403, 'FORBIDDEN')
  assert.equal((await owner.delete(`${shares}/${userId(owner)}`)).status, 204)
  await refused(owner.get(`/api/prds/${hidden.id}`), 404, 'NOT_FOUND')
  // What was shared by name is not any more for who comes back.
  assert.equal((await viewer.delete(`${members}/${userId(viewer)}`)).status, 204)
  await made(admin, members, { userId: userId(viewer), role: 'member' })
  await refused(viewer.get(`/api/prds/${hidden.id}`), 404, 'NOT_FOUND')

  // Templates.
  const templates = `${org}/templates`
  const content = '# {{title}} of {{author}}, {{date}} {{x}}'
  const own = await is('Template', admin.post(templates, { name: 'Ours', content }), 201)
  const empty = await made(admin, templates, { name: 'Empty', content: '' })
  await refused(admin.post(templates, { name: 'x', content: '' }), 409, 'CONFLICT')
  await refused(member.post(templates, { name: 'x', content: '' }), 403, 'FORBIDDEN')
  const all = ids(await is('Templates', member.get(templates)))
  assert.deepEqual(all, [empty.id, own.id, 'standard', 'one-pager', 'feature-brief', 'technical-spec'])
  const paged: string[] = []
  for (let next: string | null = ''; next !== null; ) {
    const some: Data = await is('Templates', member.get(`${templates}?limit=1${next && `&before=${next}`}`))
    paged.push(...ids(some))
    next = some.nextBefore
  }
  assert.deepEqual(paged, all)
  for (const id of all) await is('TemplateWithContent', member.get(`${templates}/${id}`))
  const from = async (templateId: string): Promise<string> => {
    const { id } = await made(member, '/api/prds', { organizationId, title: '$& {{date}}', templateId })
    return (await member.get(`/api/prds/${id}`)).body.content as string
  }
  assert.match(await from(own.id), /^# \$& \{\{date\}\} of member, \d{4}-\d\d-\d\d \{\{x\}\}$/)
  assert.match(await from('one-pager'), /^# \$& \{\{date\}\}\n\n\*member, /)
  await refused(member.post('/api/prds', { organizationId, title: 'x' }), 409, 'CONFLICT', /at most 4/)
  await refused(admin.delete(`${templates}/standard`), 403, 'FORBIDDEN')
  assert.equal((await admin.delete(`${templates}/${own.id}`)).status, 204)
  for (const act of [admin.get(`${templates}/${own.id}`), admin.delete(`${templates}/${own.id}`)]) {
    await refused(act, 404, 'NOT_FOUND')
  }

  await at.world.advance(5_000)
  assert.deepEqual(await run(at.world, `select id from prd_templates where name = 'x'`), [])
  assert.deepEqual(await run(at.world, `select kind from jobs where kind like 'prd.%'`), [])

  // What is told of all this.
  const types = async (path: string): Promise<string[]> =>
    (await owner.get(path)).body.items.map(({ type }: Data) => type as string)
  const activities = await types(`/api/activity?organizationId=${organizationId}`)
  for (const type of ['prd_created', 'prd_renamed', 'member_added', 'member_removed']) {
    assert.ok(activities.includes(type), `${type}: ${String(activities)}`)
  }
  const notified = (await editor.get('/api/notifications')).body.items.map(({ type }: Data) => type as string)
  assert.deepEqual(notified, ['prd_shared', 'prd_shared', 'organization_added'])
})
