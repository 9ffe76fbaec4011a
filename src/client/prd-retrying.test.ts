import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PrdClient, type PrdClosing, type PrdSocket, type Refusal } from './prd.ts'

type Listener = (argument: unknown) => void

interface Sent {
  readonly event: string
  readonly data: Record<string, unknown>
  readonly answer: Listener
}

/** A socket whose other end is the test. */
class ScriptedSocket implements PrdSocket {
  connected = true
  readonly sent: Sent[] = []
  private readonly listeners = new Map<string, Listener>()

  on(event: string, listener: Listener): void {
    this.listeners.set(event, listener)
  }

  off(event: string): void {
    this.listeners.delete(event)
  }

  emit(event: string, data: unknown, answer?: unknown): void {
    this.sent.push({ event, data: data as Sent['data'], answer: (answer as Listener | undefined) ?? (() => undefined) })
  }

  hear(event: string, data?: unknown): void {
    this.listeners.get(event)?.(data)
  }

  /** The next that was sent must be this. */
  expect(event: string): Sent {
    const next = this.sent.shift()
    assert.ok(next)
    assert.equal(next.event, event)
    return next
  }

  /** `join-prd` must have been sent, and is answered. */
  join(content: string, stateVector: readonly number[]): void {
    const { answer } = this.expect('join-prd')
    const initialState = { content, stateVector, version: '0.1.0' }
    this.hear('joined-prd', { prdId: 'prd_1', initialState, activeUsers: [] })
    answer({ ok: true, prdId: 'prd_1', mode: 'edit', replica: 2, stateVector })
  }
}

function start() {
  const socket = new ScriptedSocket()
  const waits: (readonly [ms: number, then: () => void])[] = []
  const refusals: Refusal[] = []
  const closings: PrdClosing[] = []
  const client = new PrdClient({
    socket,
    prdId: 'prd_1',
    name: 'me',
    wait: (...args) => void waits.push(args),
    onRefused: (refusal) => void refusals.push(refusal),
    onClosed: (closing) => void closings.push(closing),
  })
  const waited = (): number => {
    const [ms, then] = waits.shift()!
    then()
    return ms
  }
  return { socket, client, refusals, closings, waited }
}

const no = (code: string) => ({ ok: false, code, message: code })
const typed = (inserted: string) => ({ at: 0, removed: 0, inserted })

test('too many edits wait as long as the server says; the operation is then sent again, the same', () => {
  const { socket, client, waited } = start()
  socket.join('ab', [1])
  client.edit(typed('x'))
  const first = socket.expect('content-update')
  socket.hear('rate-limit', { retryAfter: 7 })
  first.answer(no('RATE_LIMIT_EXCEEDED'))
  client.edit(typed('y'))
  assert.deepEqual([socket.sent, client.status], [[], 'saving'])
  assert.equal(waited(), 7_000)
  const again = socket.expect('content-update')
  assert.deepEqual(again.data, first.data)
  again.answer({ ok: true, operations: [{ type: 'insert', position: 0, content: 'x' }], stateVector: [1, 0, 1] })
  const second = socket.expect('content-update')
  assert.equal(second.data['clientId'], 'me-2')
  // Another connection has not sent anything yet.
  second.answer(no('RATE_LIMIT_EXCEEDED'))
  socket.hear('disconnect')
  socket.hear('connect')
  socket.join('xab', [1, 0, 1])
  assert.deepEqual(socket.expect('content-update').data, second.data)
  assert.equal(waited(), 500)
  assert.deepEqual(socket.sent, [])
})

test('where nothing was kept, or the connection is not known to have joined, it joins again and sends the same', () => {
  const { socket, client, waited, refusals } = start()
  socket.join('ab', [1])
  client.show({ status: 'editing', cursorPosition: 1 })
  assert.deepEqual(socket.expect('presence-update').data, { prdId: 'prd_1', status: 'editing', cursorPosition: 1 })
  client.edit(typed('x'))
  for (const code of ['STALE_STATE', 'UNAVAILABLE', 'NOT_JOINED', 'INTERNAL_ERROR']) {
    const { data, answer } = socket.expect('content-update')
    assert.equal(data['clientId'], 'me-1')
    answer(no(code))
    assert.equal(client.status, 'joining')
    waited()
    socket.expect('leave-prd')
    socket.join('ab', [1])
  }
  const { answer } = socket.expect('content-update')
  answer({ ok: true, operations: [{ type: 'insert', position: 0, content: 'x' }], stateVector: [1, 0, 1] })
  assert.deepEqual(socket.expect('presence-update').data['cursorPosition'], 2, 'it moved with the text')
  assert.deepEqual([client.status, client.text, refusals], ['saved', 'xab', []])
})

test('an edit on which the server breaks again and again is given up', () => {
  const { socket, client, waited, refusals } = start()
  socket.join('ab', [1])
  client.edit(typed('x'))
  const waits: number[] = []
  while (refusals.length === 0) {
    socket.expect('content-update').answer(no('INTERNAL_ERROR'))
    if (refusals.length > 0) break
    waits.push(waited())
    socket.expect('leave-prd')
    socket.join('ab', [1])
  }
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000])
  assert.deepEqual([client.status, client.text, refusals[0]?.code], ['saved', 'ab', 'INTERNAL_ERROR'])
})

test('an acknowledgement that was lost is asked for again; what came after it is in its place', () => {
  const { socket, client } = start()
  socket.join('ab', [1])
  client.edit({ at: 2, removed: 0, inserted: 'x' })
  const { data } = socket.expect('content-update')
  socket.connected = false
  socket.hear('disconnect')
  assert.equal(client.status, 'offline')
  client.edit({ at: 3, removed: 0, inserted: 'y' })
  socket.connected = true
  socket.hear('connect')
  // Somebody in slot 4 before it, and after it.
  socket.join('abzxw', [1, 0, 1, 0, 2])
  const sync = socket.expect('sync-request')
  assert.deepEqual(sync.data, { prdId: 'prd_1', stateVector: [1] })
  const again = socket.expect('content-update')
  assert.deepEqual(again.data, data)
  const missing = ['z', 'x', 'w'].map((content, i) => ({ operation: { type: 'insert', position: 2 + i, content } }))
  socket.hear('sync-response', { prdId: 'prd_1', missingUpdates: missing, stateVector: [1, 0, 1, 0, 2] })
  sync.answer({ ok: true })
  socket.hear('content-update', {
    prdId: 'prd_1',
    operation: { type: 'insert', position: 0, content: '!' },
    stateVector: [1, 0, 1, 0, 3],
  })
  again.answer({ ok: true, operations: [{ type: 'insert', position: 3, content: 'x' }], stateVector: [1, 0, 1, 0, 1] })
  assert.equal(client.text, '!abzxyw')
  assert.deepEqual(socket.expect('content-update').data, {
    prdId: 'prd_1',
    operation: { type: 'insert', position: 5, content: 'y' },
    stateVector: [1, 0, 1, 0, 3],
    clientId: 'me-2',
  })
})

test('a state that the server cannot go back to: what was typed is put on the text as it is now', () => {
  const { socket, client } = start()
  socket.join('abcdef', [1])
  client.edit({ at: 6, removed: 0, inserted: 'x' })
  socket.expect('content-update')
  socket.hear('disconnect')
  socket.hear('connect')
  socket.join('ab12cdef', [1, 0, 0, 0, 9])
  socket.expect('sync-request').answer(no('STALE_STATE'))
  socket.expect('content-update').answer(no('STALE_STATE'))
  assert.equal(client.text, 'ab12cdefx')
  const { data } = socket.expect('content-update')
  assert.deepEqual([data['clientId'], data['stateVector']], ['me-2', [1, 0, 0, 0, 9]])
})

test('who may not join is told so; who leaves hears nothing more', () => {
  const { socket, client, closings } = start()
  socket.expect('join-prd').answer(no('NOT_FOUND'))
  assert.deepEqual([client.status, closings], ['closed', [{ code: 'NOT_FOUND', message: 'NOT_FOUND' }]])
  const other = start()
  other.socket.join('ab', [1])
  other.client.leave()
  other.client.leave()
  other.socket.expect('leave-prd')
  assert.deepEqual([other.client.status, other.closings.length, other.socket.sent], ['closed', 1, []])
})
