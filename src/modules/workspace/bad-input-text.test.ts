import assert from 'node:assert/strict'
import { checkError, searchSyntax } from '../../testing/hostile.ts'
import type { Answer } from '../../testing/world.ts'
import { bodyOf, call, fill, propertiesOf, things, withBody } from './bad-input/rest.ts'
import { abuse, routes } from './bad-input/testing.ts'

/** Text that is no text, syntax, or very long: in both databases. */

for (const storage of ['sqlite', 'postgres'] as const) {
  abuse(`NUL in any text of any body, query and path reaches no database (${storage})`, async (at) => {
    const params = await things(at)
    const failed: string[] = []
    for (const route of routes().filter(({ upload: rule }) => !rule)) {
      const tell = ({ status }: Answer, what: string) => {
        if (status >= 500) failed.push(`${route.method} ${route.path} ${what}`)
      }
      for (const [name, shape] of propertiesOf(route.body)) {
        if ((shape as { type?: string }).type !== 'string') continue
        for (const text of ['\u0000', 'a\u0000b@example.com']) {
          tell(await call(at, route, fill(route, params), bodyOf(route, { [name]: text })), name)
        }
      }
      for (const [name] of propertiesOf(route.query)) {
        const required = name === 'q' ? '' : 'q=x&'
        tell(await call(at, route, `${fill(route, params)}?${required}${name}=a%00b`), name)
      }
      for (const [name] of propertiesOf(route.params)) {
        const path = fill(route, params, { [name]: 'a%00b' })
        tell(await call(at, route, path, withBody(route) ? bodyOf(route) : undefined), name)
      }
    }
    assert.deepEqual(failed, [])
  }, { storage })

  abuse(`A12 search and filters take any text for words (${storage})`, async ({ foreign: { user, workspaceId } }) => {
    const ws = `/api/workspaces/${workspaceId}`
    for (const text of searchSyntax) {
      const q = encodeURIComponent(text.toWellFormed())
      const found = await user.get(`${ws}/search?q=${q}`)
      if (text.includes('\u0000')) checkError(found, 400, 'VALIDATION_ERROR')
      else assert.deepEqual([found.status, found.body.items], [200, []], text)
      if (text.includes('\u0000') || text.length > 80) continue
      const { status } = await user.get(`${ws}/channels?q=${q}`)
      assert.equal(status, 200, text)
    }
    for (const pattern of ['%', '_', '%25', '!', '*', 'g%l', 'gen_ral', "' or ''='"]) {
      const { body } = await user.get(`${ws}/channels?q=${encodeURIComponent(pattern)}`)
      assert.deepEqual(body.items, [], pattern)
    }
  }, { storage })

  abuse(`NUL is refused or kept out, and every other text comes back as it was sent (${storage})`, async (at) => {
    const { owner, sharedId, workspaceId } = at
    const path = `/api/channels/${sharedId}/messages`
    const text = '👩‍👩‍👧‍👦 e\u0301 é Ünï שלום \u202etext 𝒳 <b>&amp;"\\\'\n\ttabs\r\n\u2028\u2029\u007f\u0001\ufeff\u200b'
    for (const send of [
      (content: string) => owner.post(path, { content }),
      (description: string) => owner.patch(`/api/channels/${sharedId}`, { description }),
    ]) {
      for (const bad of ['\u0000', 'a\u0000b', 'a\u0000']) checkError(await send(bad), 400, 'VALIDATION_ERROR')
      const { body } = await send(text)
      assert.equal(body.content ?? body.description, text)
      // Half a character is no text; what is stored and what is told are the same.
      const half = await send('half \ud83d')
      assert.ok([200, 201].includes(half.status))
      assert.equal(half.body.content ?? half.body.description, 'half \ufffd')
    }
    const { items } = (await owner.get(`${path}?limit=1`)).body
    assert.equal(items[0].content, 'half \ufffd')
    for (const name of ['\u0000', 'a\u0000', '\ud800', 'a\ud800']) {
      checkError(await owner.post(`/api/workspaces/${workspaceId}/channels`, { name }), 400, 'VALIDATION_ERROR')
      checkError(await owner.post('/api/workspaces', { name }), 400, 'VALIDATION_ERROR')
    }
  }, { storage })
}

abuse('S11 long text of any kind is refused in a moment', async (at) => {
  const started = performance.now()
  for (const text of ['a', ' ', 'a ', '\u0000', '\n', '😀', '\u0301', '\ufdfa', '@a ', '`', '\u200d', '@', '.']) {
    const long = text.repeat(Math.floor(40_000 / text.length))
    for (const [path, body] of [
      [`/api/channels/${at.sharedId}/messages`, { content: long }],
      [`/api/channels/${at.sharedId}/messages`, { content: 'x', client_id: long }],
      ['/api/workspaces', { name: long }],
      [`/api/workspaces/${at.workspaceId}/channels`, { name: long }],
      [`/api/workspaces/${at.workspaceId}/channels`, { name: 'x', description: long }],
      [`/api/workspaces/${at.workspaceId}/invites`, { email: long }],
      ['/api/invites/accept', { token: long }],
      [`/api/messages/${at.secretMessageId}/reactions`, { emoji: long }],
    ] as const) {
      checkError(await at.owner.post(path, body), 400, 'VALIDATION_ERROR')
    }
    // As long as it may be.
    const content = [...long].slice(0, 10_000).join('')
    const { status } = await at.owner.post(`/api/channels/${at.sharedId}/messages`, { content })
    assert.ok(status === 201 || status === 400, text)
  }
  // A pattern that looks at long text twice over takes minutes for these.
  assert.ok(performance.now() - started < 20_000)
})
