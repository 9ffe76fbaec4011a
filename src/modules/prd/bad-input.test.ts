import assert from 'node:assert/strict'
import { abuse, CANARY, documented, refused, untouched, type Stage } from './bad-input/testing.ts'
import { insert, type Data } from './testing.ts'
import type { ErrorCode } from './wire.ts'

/** P-L2: events that are none, and arguments that are not what they should be: one fitting error each, and no trace. */

const wrongIds: readonly unknown[] = [7, 0, -1, 1.5, true, [], ['prd_1'], {}, { id: 'prd_1' }, '', 'x'.repeat(10_000)]
const wrongTexts: readonly unknown[] = [7, 0, true, [], ['x'], {}, { toString: 'x' }]
const wrongObjects: readonly unknown[] = [7, true, '', '{}', [], [{}]]
const wrongNumbers: readonly unknown[] = [-1, 0.5, 2 ** 53, 1e300, '1', '', 'NaN', true, [], [1], {}]
const wrongVectors: readonly unknown[] = [
  7, 'x', true, {}, { 0: 1 }, [-1], [0.5], [2 ** 53], ['1'], [null], [[1]], [1, 1, -1],
]
const wrongChoices: readonly unknown[] = ['', 'EDIT', 'edit ', '__proto__', 'toString', 'constructor', '\0', '\ud800', CANARY]
const choices = ['mode', 'status', 'versionType', 'resolution']

function wrongFor(key: string): readonly unknown[] {
  if (choices.includes(key)) return [...wrongTexts, ...wrongChoices]
  if (key.endsWith('Id') && key !== 'clientId') return wrongIds
  if (key === 'stateVector') return wrongVectors
  if (['operation', 'selection', 'context'].includes(key)) return wrongObjects
  if (key === 'position' || key === 'cursorPosition') return wrongNumbers
  return key === 'clientId' ? [...wrongTexts, '', ' ', 'a b', 'ä', '\0', 'x'.repeat(65)] : wrongTexts
}

/** Where there should be none; as a Yjs state vector, or update, they end too early. */
const bytes = Buffer.from([255, 255, 255, 255, 15])

abuse('P-L2 an event that is not there is refused, whatever it is called, by the names of those that are', async (at) => {
  await untouched(at, async () => {
    for (const name of [
      '', ' ', 'JOIN-PRD', 'join-prd ', 'join_prd', 'joined-prd', 'user-joined', 'version-created', 'pong', 'reconnect',
      'error', 'rate-limit', 'batch-update', 'ai-stream-chunk', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '*',
      '\0', '\ud800', '<b>', 'x'.repeat(100_000),
    ]) {
      const message = await refused(at, 'VALIDATION_ERROR', name, { prdId: at.prdId })
      assert.match(message, /is not known here; send one of .+/)
    }
  })
})

abuse('P-L2 an event without its argument, or with one of another kind, is refused', async (at) => {
  await untouched(at, async () => {
    for (const [event, { argument }] of Object.entries(documented(at))) {
      await refused(at, 'VALIDATION_ERROR', event)
      for (const wrong of [null, ...wrongTexts.filter((one) => !isPlain(one)), ...wrongObjects, [argument], bytes]) {
        await refused(at, 'VALIDATION_ERROR', event, wrong)
      }
      await refused(at, 'VALIDATION_ERROR', event, null, argument)
    }
  })
  assert.deepEqual(await at.hostile.ask('ping', { any: 'thing' }, 7), { ok: true })
  assert.deepEqual(await at.hostile.drained(), [])
})

const isPlain = (value: unknown): boolean => typeof value === 'object' && !Array.isArray(value)

abuse('P-L2 each member that is missing or of another kind is refused by its name', async (at) => {
  let tried = 0
  await untouched(at, async () => {
    for (const [event, { argument, optional = [] }] of Object.entries(documented(at))) {
      for (const key of Object.keys(argument)) {
        const isOptional = optional.includes(key)
        const code: ErrorCode = key === 'operation' ? 'INVALID_OPERATION' : 'VALIDATION_ERROR'
        for (const value of [...(isOptional ? [] : [null]), ...wrongFor(key)]) {
          tried += 1
          const message = await refused(at, 'VALIDATION_ERROR', event, { ...argument, [key]: value })
          assert.match(message, new RegExp(`\\b${key}\\b`), `${event}.${key}: ${message}`)
        }
        // Where a state vector may be in bytes, these are none.
        const isYjs = event === 'sync-request' && key === 'stateVector'
        const message = await refused(at, isYjs ? 'INVALID_UPDATE' : 'VALIDATION_ERROR', event, { ...argument, [key]: bytes })
        assert.match(message, isYjs ? /state vector/ : new RegExp(`\\b${key}\\b|bytes only where`))
        if (isOptional) continue
        const { [key]: _, ...rest } = argument
        const absent = await refused(at, code, event, rest)
        if (key !== 'operation') assert.match(absent, new RegExp(`${key} is required`))
        // What is only inherited is not there.
        const inherited = JSON.parse(`{"__proto__":${JSON.stringify(argument)}}`) as object
        Object.assign(inherited, rest)
        assert.equal(await refused(at, code, event, inherited), absent)
      }
    }
  })
  assert.ok(tried > 250, String(tried))
})

abuse('P-L2 parts of an operation and of a selection are refused by name', async (at) => {
  const { prdId } = at
  await untouched(at, async () => {
    for (const part of ['start', 'end']) {
      for (const value of [null, undefined, ...wrongNumbers]) {
        const selection = { start: 0, end: 1, text: 'x', [part]: value }
        const comment = { prdId, position: 0, content: CANARY, selection }
        assert.match(await refused(at, 'VALIDATION_ERROR', 'add-comment', comment), new RegExp(`selection.*${part}`))
        const presence = { prdId, status: 'editing', selection }
        assert.match(await refused(at, 'VALIDATION_ERROR', 'presence-update', presence), new RegExp(`selection.*${part}`))
      }
    }
    for (const [part, values] of [
      ['type', [...wrongTexts, ...wrongChoices, null, undefined]],
      ['position', [...wrongNumbers, null, undefined]],
      ['content', [...wrongTexts, null, undefined, '\ud800', 'a\udc00b', '\0', 'a\0b']],
    ] as const) {
      for (const value of values) {
        const operation = { ...insert(0, CANARY), [part]: value }
        const message = await refused(at, 'INVALID_OPERATION', 'content-update', { prdId, operation })
        assert.match(message, new RegExp(`^operation.${part} must`))
      }
    }
    for (const type of ['delete', 'replace']) {
      for (const length of [...wrongNumbers, null]) {
        const operation = { type, position: 0, length, content: type === 'replace' ? CANARY : undefined }
        const message = await refused(at, 'INVALID_OPERATION', 'content-update', { prdId, operation })
        assert.match(message, /^operation.length must/)
      }
    }
    const both = { prdId, operation: insert(0, CANARY), update: bytes }
    assert.match(await refused(at, 'INVALID_UPDATE', 'content-update', both), /update/)
    assert.match(await refused(at, 'INVALID_OPERATION', 'content-update', { prdId }), /operation.*update/)
  })
})

abuse('P-L2 ids of other kinds, of others, and of nothing are not found, all in the same words', async (at) => {
  const { prdId, commentId, conflictId, replyId, organizationId } = at
  const kinds: Record<string, string> = { prdId, commentId, conflictId, replyId, jobId: at.jobId, organizationId }
  const foreign: Record<string, readonly string[]> = {
    prdId: [at.foreignId, at.hiddenId],
    organizationId: [at.foreignOrganizationId],
  }
  await untouched(at, async () => {
    for (const [event, { argument, absent }] of Object.entries(documented(at))) {
      for (const key of Object.keys(argument).filter((one) => one in kinds)) {
        const [prefix, number] = kinds[key]!.split('_') as [string, string]
        const others = Object.entries(kinds).filter(([kind]) => kind !== key).map(([, id]) => id)
        const code = ['conflictId', 'replyId', 'jobId'].includes(key) ? 'NOT_FOUND' : absent
        const messages = new Set<string>()
        for (const id of [
          ...(foreign[key] ?? []), ...others, `${prefix}_0`, `${prefix}_-1`, `${prefix}_1e9`, `${prefix}_0${number}`,
          `${prefix}_${number}.0`, `${prefix}_${number} `, ` ${prefix}_${number}`, `${prefix}_NaN`, `${prefix}_`, number,
          `${prefix}_999999999`, `${prefix}_99999999999999999999`, `${prefix.toUpperCase()}_${number}`, `${prefix}-${number}`,
          '__proto__', 'constructor', `${prefix}_${number}\0`, `${prefix}_\ud800`, "' or 1=1 --", `${prefix}_１`, 'x'.repeat(64),
        ]) {
          const given = { ...argument, [key]: id }
          if (code === 'ok') assert.deepEqual(await at.hostile.ask(event, given), { ok: true, left: false })
          else messages.add(await refused(at, code, event, given))
        }
        assert.equal(messages.size, code === 'ok' ? 0 : 1, [...messages].join(' | '))
      }
    }
  })
})

abuse('P-L2 texts that are empty, too long, half characters or NUL are refused where they are kept', async (at) => {
  const { prdId, commentId, conflictId } = at
  const half = ['\ud800', 'a\udc00b']
  const nul = ['\0', `a\0${CANARY}`]
  await untouched(at, async () => {
    for (const [event, key, values] of [
      ['add-comment', 'content', ['', ' \n', ...half, ...nul, 'x'.repeat(10_001)]],
      ['reply-comment', 'content', ['', ' \n', ...half, ...nul, 'x'.repeat(10_001)]],
      ['create-version', 'changelog', ['', ' \n', ...half, ...nul, 'x'.repeat(10_001)]],
      ['ai-prompt', 'prompt', ['', ' \n', ...half, ...nul]],
      ['ai-prompt', 'section', [...half, ...nul, 'x'.repeat(201)]],
      ['resolve-conflict', 'mergedContent', [undefined, null, ...half, ...nul]],
    ] as const) {
      const rest = { position: 0, versionType: 'minor', resolution: 'merge', prompt: 'x' }
      const all: Record<string, unknown> = { prdId, commentId, conflictId, ...rest }
      for (const value of values) {
        const message = await refused(at, 'VALIDATION_ERROR', event, { ...all, [key]: value })
        assert.match(message, new RegExp(key), `${event}: ${message}`)
      }
    }
    const long = { ...insert(0, CANARY.repeat(120_000)) }
    assert.match(await refused(at, 'TOO_LARGE', 'content-update', { prdId, operation: long }), /1000000 characters/)
    const mergedContent = 'x'.repeat(1_000_001)
    await refused(at, 'TOO_LARGE', 'resolve-conflict', { prdId, conflictId, resolution: 'merge', mergedContent })
    const event = { ...insert(0, CANARY.repeat(300_000)) }
    assert.match(await refused(at, 'TOO_LARGE', 'content-update', { prdId, operation: event }), /2097152 bytes/)
  })
})

const nested = (depth: number): unknown => {
  let inner: unknown = 1
  for (let i = 0; i < depth; i += 1) inner = i % 2 === 0 ? [inner] : { a: inner }
  return inner
}

abuse('P-L2 what is nested too deep or has too many members is refused before it is walked', async (at) => {
  await untouched(at, async () => {
    for (const [event, { argument }] of Object.entries(documented(at))) {
      for (const depth of [32, 2_000]) {
        const message = await refused(at, 'VALIDATION_ERROR', event, { ...argument, a: nested(depth) })
        assert.match(message, /must not be nested more than 32 deep/)
      }
      const many = await refused(at, 'VALIDATION_ERROR', event, { ...argument, a: Array.from({ length: 10_100 }, () => 0) })
      assert.match(many, /must not have more than 10000 members/)
    }
  })
})

const POLLUTING =
  '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":"x","hasOwnProperty":1,'

abuse('P-L2 keys that would be a prototype, and what the server sets itself, change nothing and reach nobody', async (at) => {
  const forged =
    '"userId":"user_1","userName":"admin","author":{"id":"user_1"},"timestamp":1,"createdBy":"user_1","color":"#000000",' +
    '"version":"9.9.9","replica":0,"seq":1,"slot":0,'
  for (const [event, { argument }] of Object.entries(documented(at))) {
    if (event.startsWith('delete-') || ['leave-prd', 'resolve-conflict', 'ai-prompt'].includes(event)) continue
    for (const tab of [at.hostile, at.control]) await tab.drained()
    const within = JSON.stringify(argument).replaceAll(/(^|:)\{/g, `$1{${POLLUTING}${forged}`)
    const outcome = await at.hostile.ask(event, JSON.parse(within))
    assert.equal(outcome.ok, true, JSON.stringify(outcome))
    await at.world.app.unitOfWork.settled()
    const heard: Data[] = [outcome, ...(await at.hostile.drained()), ...(await at.control.drained())]
    // `drained` has not looked at their keys.
    for (const told of heard) {
      assert.doesNotMatch(JSON.stringify(told), /polluted|hasOwnProperty|user_1"|#000000|9\.9\.9|"admin"/, event)
    }
  }
  assert.deepEqual(Object.keys(Object.prototype), [])
  await at.hostile.done('reopen-comment', { commentId: at.commentId })
  await at.world.advance(1_000)
  for (const tab of [at.hostile, at.control]) await tab.drained()
})

abuse('P-C5 a callback is answered once, further arguments are ignored, and without one only events come', async (at) => {
  const { hostile, control, prdId } = at
  const answers: unknown[][] = []
  const emit = (...args: readonly unknown[]): unknown =>
    hostile.socket.emit(args[0] as string, ...args.slice(1), (...answer: unknown[]) => answers.push(answer))
  const count = await eventsOf(at, () => {
    emit('sync-request', { prdId, stateVector: [9, 9, 9] }, 7, 'x', { prdId: 'prd_404' }, null)
    emit('sync-request', { prdId: 'prd_404', stateVector: [] }, 7)
    emit('nothing', 7)
    emit('ping', 7)
  })
  assert.deepEqual(answers.map((answer) => [answer.length, (answer[0] as Data).ok]), [
    [1, true],
    [1, false],
    [1, false],
    [1, true],
  ])
  assert.deepEqual(count, ['sync-response', 'error', 'error', 'pong'])
  // As the document's examples send them.
  const silent = await eventsOf(at, () => {
    hostile.emit('content-update', { prdId, operation: insert(0, '!'), stateVector: [] })
    hostile.emit('content-update', { prdId, operation: insert(-1, '!'), stateVector: [] })
    hostile.emit('join-prd', { prdId: 'prd_404' })
    hostile.emit('leave-prd', { prdId: 'prd_404' })
    hostile.emit('ping')
  })
  assert.deepEqual(silent, ['error', 'error', 'pong'])
  await control.expect('content-update')
})

async function eventsOf({ hostile }: Stage, run: () => void): Promise<string[]> {
  run()
  await hostile.ask('ping')
  return hostile.events.splice(0).map(([name]) => name).slice(0, -1)
}

abuse('P-L2 two thousand refused events in one breath leave the connection and the others as they were', async (at) => {
  const { hostile } = at
  await untouched(at, async () => {
    let answered = 0
    const answer = (): unknown => (answered += 1)
    for (let i = 0; i < 2_000; i += 1) hostile.socket.emit('join-prd', { prdId: `prd_${i}x` }, answer)
    const names = new Set((await hostile.drained()).map(([name]) => name))
    assert.equal(answered, 2_000)
    assert.ok([...names].every((name) => name === 'error' || name === 'rate-limit'), [...names].join())
  })
})
