import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createOutgoing } from '../../../adapters/outgoing.ts'
import { FakeClock } from '../../../testing/clock.ts'
import {
  CUT,
  DONE,
  does,
  fails,
  forever,
  ModelDouble,
  type ModelAnswer,
  type ModelStep,
  PROVIDERS_WORDS,
  says,
} from '../../../testing/outside/model.ts'
import { ProviderFault, streamAnswer, type AnswerPart, type ModelFetch } from './provider.ts'

const model = new ModelDouble()
const GUARD = { hosts: ['*'], privateHosts: ['127.0.0.1'], ports: [] }
const outgoing = createOutgoing(GUARD)
const throughGuard: ModelFetch = (url, init) => outgoing.fetch(url, init, { timeoutMs: 60_000, maxBytes: 100_000 })

before(() => model.start())
after(async () => {
  assert.equal(model.open, 0)
  await outgoing.close()
  await model.stop()
})

interface Options {
  readonly fetch?: ModelFetch
  readonly signal?: AbortSignal
  readonly baseUrl?: string
}

const ask = ({ fetch = throughGuard, signal = new AbortController().signal, baseUrl = model.baseUrl }: Options = {}) =>
  streamAnswer({
    model: { baseUrl, apiKey: 'sk-of-tests', model: 'model-of-tests' },
    fetch,
    messages: { system: 'You write.', user: 'Write!' },
    maxOutputTokens: 77,
    signal,
  })

async function read(answer: ModelAnswer, options?: Options): Promise<{ text: string; end: AnswerPart | undefined }> {
  model.forget()
  model.next(answer)
  let text = ''
  let end: AnswerPart | undefined
  for await (const part of ask(options)) {
    assert.equal(end, undefined)
    if (part.type === 'text') text += part.text
    else end = part
  }
  return { text, end }
}

async function fault(answer: ModelAnswer, options?: Options): Promise<ProviderFault> {
  const caught: unknown = await read(answer, options).catch((error: unknown) => error)
  assert.ok(caught instanceof ProviderFault, String(caught))
  const inside = JSON.stringify([caught.message, caught.stack, caught.cause, Object.entries(caught)])
  assert.ok(!inside.includes(PROVIDERS_WORDS) && !inside.includes('sk-'), inside)
  return caught
}

test('the text arrives as written, with the tokens that the provider counted, for a request as it was asked', async () => {
  const steps: readonly ModelStep[] = ['Grüße, ', '😀 <script>alert(1)</script>\n', '\u2028end', { finish: 'stop' }]
  const usage = { usage: { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 } }
  const { text, end } = await read({ steps: [...steps, usage, DONE], bytesPerWrite: 1 })
  assert.equal(text, 'Grüße, 😀 <script>alert(1)</script>\n\u2028end')
  assert.deepEqual(end, { type: 'end', tokensUsed: 12 })
  const request = model.requests.at(-1)!
  assert.equal(request.headers.authorization, 'Bearer sk-of-tests')
  assert.deepEqual(request.body, {
    model: 'model-of-tests',
    max_tokens: 77,
    messages: [
      { role: 'system', content: 'You write.' },
      { role: 'user', content: 'Write!' },
    ],
    stream: true,
    stream_options: { include_usage: true },
  })
})

test('an answer that reached its bound, says nothing of tokens, or only says that it is done, is one', async () => {
  const end = { type: 'end', tokensUsed: undefined }
  assert.deepEqual(await read(does('a', { finish: 'length' }, DONE)), { text: 'a', end })
  assert.deepEqual((await read(does('b', DONE))).text, 'b')
  assert.deepEqual((await read(does('c', { finish: 'stop' }))).text, 'c')
  const thought = [{ delta: { reasoning_content: 'hm' } }, { delta: { reasoning: 'hmm' } }]
  assert.equal((await read(does(...thought, 'd', { finish: 'eos' }, { usage: { total_tokens: -1 } }, DONE))).text, 'd')
  const head = [{ raw: ': comment\r\n\r\n' }, { delta: { role: 'assistant', content: '' } }]
  assert.equal((await read(does(...head, 'e', DONE))).text, 'e')
})

test('an error says what to do, whether to try again and when, and nothing that the provider said', async () => {
  const seen = async (status: number, headers?: Record<string, string>): Promise<unknown[]> => {
    const { code, isPassing, retryAfterMs, status: told } = await fault(fails(status, headers))
    assert.equal(told, status)
    return [code, isPassing, retryAfterMs]
  }
  for (const status of [400, 401, 403, 404, 422]) {
    assert.deepEqual(await seen(status, { 'retry-after': '1' }), ['PROVIDER_ERROR', false, undefined])
  }
  for (const status of [408, 500, 502, 503, 529]) assert.deepEqual(await seen(status), ['PROVIDER_ERROR', true, undefined])
  const date = 'Sat, 01 Jan 2000 00:00:00 GMT'
  const waits: readonly [Record<string, string>, number | undefined][] = [
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': '7', 'retry-after-ms': '250' }, 250],
    [{ 'retry-after': 'Sat, 01 Jan 2000 00:00:20 GMT', date }, 20_000],
    [{ 'retry-after': 'Fri, 31 Dec 1999 00:00:20 GMT', date }, undefined],
    [{ 'retry-after': '-1' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
  ]
  for (const [headers, wait] of waits) assert.deepEqual(await seen(429, headers), ['PROVIDER_ERROR', true, wait])
})

test('what is no whole answer is an error: cut, ended early, malformed, an error within, no text, no stream', async () => {
  const error = { raw: `data: ${JSON.stringify({ error: { message: PROVIDERS_WORDS } })}\n\n` }
  const again = [does('a', CUT), does('a'), does(), does('a', error), does('a', { raw: 'data: {"id":1}\n\n' })]
  again.push(does('a', { raw: 'data: {"choices":[{\n\n' }, 'b', { finish: 'stop' }, DONE))
  again.push(does('a', { raw: `data: ${PROVIDERS_WORDS}\n\n` }))
  for (const [at, answer] of again.entries()) {
    const { code, isPassing, message } = await fault(answer)
    assert.deepEqual([at, code, isPassing], [at, 'PROVIDER_ERROR', true])
    assert.match(message, /Try again\.$/)
  }
  const calls = [{ index: 0, id: 'call_1', function: { name: 'delete_prd', arguments: '{}' } }]
  const never = ['stop', 'length', 'content_filter'].map((finish) => does({ finish }, DONE))
  never.push(does({ delta: { tool_calls: calls } }, { finish: 'tool_calls' }, DONE))
  never.push({ body: `<p>${PROVIDERS_WORDS}` }, { body: 'x', headers: { 'content-type': 'text/html; charset=utf-8' } })
  never.push({ status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '' })
  for (const [at, answer] of never.entries()) {
    const { code, isPassing } = await fault(answer)
    assert.deepEqual([at, code, isPassing], [at, 'PROVIDER_ERROR', false])
  }
  assert.equal((await fault(says('a'), { baseUrl: 'http://10.0.0.1/v1' })).isPassing, false)
  assert.equal((await fault(says('a'), { baseUrl: 'http://127.0.0.1:1/v1' })).isPassing, true)
  const { code, isPassing } = await fault(does('x'.repeat(200_000)))
  assert.deepEqual([code, isPassing], ['CONTENT_TOO_LARGE', false])
  const clock = new FakeClock()
  const timed = createOutgoing({ ...GUARD, clock })
  for (const stall of [does('a', { until: forever() }), { headersAfter: forever() }]) {
    const count = model.requests.length + 1
    const late = fault(stall, { fetch: (url, init) => timed.fetch(url, init, { timeoutMs: 20 }) })
    await model.requested(count)
    clock.advance(20)
    assert.equal((await late).code, 'TIMEOUT')
  }
  await timed.close()
})

test('who aborts is heard at once, whatever the provider is at, and its connection is closed', async () => {
  const reason = new Error('Enough')
  const stalls = [
    { headersAfter: forever() },
    does({ until: forever() }),
    does('a', { until: forever() }),
    does({ raw: 'data: {"cho' }, { until: forever() }),
  ]
  for (const [at, stall] of stalls.entries()) {
    const stop = new AbortController()
    model.next(stall)
    const count = model.requests.length + 1
    const parts = ask({ signal: stop.signal })
    if (at === 2) assert.deepEqual((await parts.next()).value, { type: 'text', text: 'a' })
    const next = parts.next()
    const request = await model.requested(count)
    stop.abort(reason)
    await assert.rejects(next, reason)
    assert.equal(await request.ended, false)
    assert.equal((await parts.next()).done, true)
  }
  const gone = AbortSignal.abort(reason)
  await assert.rejects(ask({ signal: gone }).next(), reason)

  model.next(does('a', 'b', { until: forever() }))
  for await (const part of ask()) {
    assert.equal(part.type, 'text')
    break
  }
  assert.equal(await model.requests.at(-1)!.ended, false)
})

test('a provider that floods is not read faster than its answer is', async () => {
  const stop = new AbortController()
  let written = 0
  const flood = async function* (): AsyncGenerator<ModelStep> {
    for (;;) {
      written += 10_000
      yield 'x'.repeat(10_000)
    }
  }
  model.next({ steps: flood() })
  const wide: ModelFetch = (url, init) => outgoing.fetch(url, init, { maxBytes: 1_000_000_000 })
  const parts = ask({ signal: stop.signal, fetch: wide })
  await parts.next()
  // Until the buffers between are full: as long as it writes, it is given turns.
  for (let seen = -1, idle = 0; idle < 500; idle = seen === written ? idle + 1 : 0, seen = written) await turn()
  assert.ok(written < 50_000_000, String(written))
  stop.abort(new Error('Enough'))
  await assert.rejects(parts.next(), /Enough/)
})

test('the SDK prints nothing, and calls nobody but through the guard', async (t) => {
  const kept: unknown[] = []
  const keep = (...said: unknown[]): void => void kept.push(said)
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) t.mock.method(console, method, keep)
  t.mock.method(process, 'emitWarning', keep)
  t.mock.method(globalThis, 'fetch', keep)
  await read(says('fine'))
  await fault(fails(500))
  await fault(does('a', CUT))
  await fault(does('a', { raw: 'data: nonsense\n\n' }))
  assert.deepEqual(kept, [])
})
