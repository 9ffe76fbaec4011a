import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fit, hasEffect } from '../modules/prd/merge.ts'
import { scene, Tab, userId, type Scene } from '../modules/prd/testing.ts'
import { edit } from '../modules/prd/testing-merging.ts'
import { seeded, type Random } from '../testing/random.ts'
import { afterKill, type User } from '../testing/world.ts'
import { PrdClient, type PrdClientOptions, type PrdClosing, type PrdSocket, type Refusal } from './prd.ts'

type Listener = (argument: unknown) => void

/** A socket whose line is slow: what goes either way waits until it is let through, in order; or is lost. */
class SlowSocket implements PrdSocket {
  isSlow = true
  private tab: Tab | undefined
  private readonly listeners = new Map<string, Listener>()
  private readonly up: (() => void)[] = []
  private readonly down: (() => void)[] = []

  get connected(): boolean {
    return this.tab?.socket.connected ?? false
  }

  on(event: string, listener: Listener): void {
    this.listeners.set(event, listener)
  }

  off(event: string): void {
    this.listeners.delete(event)
  }

  emit(event: string, ...args: unknown[]): void {
    const { tab } = this
    const last = args.at(-1)
    const callback = typeof last === 'function' ? (last as Listener) : undefined
    const sent = callback ? args.slice(0, -1) : args
    const hear = (answer: unknown): void => {
      if (tab === this.tab) this.put(this.down, () => callback?.(answer))
    }
    this.put(this.up, () => void tab?.socket.emit(event, ...sent, hear))
  }

  connect(tab: Tab): void {
    this.tab = tab
    tab.socket.onAny((event: string, argument: unknown) => {
      if (tab === this.tab) this.put(this.down, () => this.listeners.get(event)?.(argument))
    })
    this.listeners.get('connect')?.(undefined)
  }

  /** @param arriving how much of what was sent still arrives */
  cut(arriving: number): void {
    for (const send of this.up.splice(0).slice(0, arriving)) send()
    this.down.splice(0)
    this.tab?.cut()
    this.tab = undefined
    this.listeners.get('disconnect')?.(undefined)
  }

  pass(isUp: boolean): void {
    ;(isUp ? this.up : this.down).shift()?.()
  }

  /** From now on nothing waits. */
  open(): void {
    this.isSlow = false
    while (this.up.length + this.down.length > 0) (this.up.shift() ?? this.down.shift())?.()
  }

  private put(line: (() => void)[], action: () => void): void {
    if (this.isSlow || line.length > 0) line.push(action)
    else action()
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const wait = (_: number, then: () => void): void => void setImmediate(then)

interface Writer {
  readonly user: User
  readonly socket: SlowSocket
  readonly client: PrdClient
  readonly deleted: Set<string>
  mirror: string
}

function writer(user: User, prdId: string, more: Partial<PrdClientOptions> = {}): Writer {
  const socket = new SlowSocket()
  const one: Writer = {
    user,
    socket,
    deleted: new Set(),
    mirror: '',
    client: new PrdClient({
      socket,
      prdId,
      wait,
      onChange: (edits) => {
        for (const { at, removed, inserted } of edits) {
          one.mirror = one.mirror.slice(0, at) + inserted + one.mirror.slice(at + removed)
        }
      },
      ...more,
    }),
  }
  return one
}

/** @returns whether the letter was inserted */
function type({ client, deleted }: Writer, random: Random, letter: string): boolean {
  const { text } = client
  const at = random.int(text.length + 1)
  const removed = random.pick([0, 0, 0, 1, random.int(4)])
  const made = fit(edit(at, removed, removed === 0 || random.int(2) === 0 ? letter : ''), text)
  for (const each of text.slice(made.at, made.at + made.removed)) deleted.add(each)
  if (hasEffect(made)) client.edit(made)
  return made.inserted === letter
}

/** Connections of a test, which end with it. */
class Tabs {
  private readonly tabs: Tab[] = []

  async connect({ user, socket }: Writer, url: string): Promise<void> {
    const tab = new Tab(`${url}/prds`, { auth: { token: user.token } })
    this.tabs.push(tab)
    socket.connect(await tab.connected())
  }

  /** What the server has sent so far has come. */
  async settle(): Promise<void> {
    for (const tab of this.tabs) if (tab.socket.connected) await tab.ask('ping')
  }

  [Symbol.dispose](): void {
    for (const tab of this.tabs) tab.close()
  }
}

test('a client of the server of today', async (t) => {
  await using at = await scene({ config: { prdDocumentCharacters: 5_000 } })

  await t.test('what is refused is taken back and told, cursors are of the text here, and it ends when it must', () =>
    expectRefusals(at),
  )
  await t.test('over slow and broken lines, and with a server that is killed, all end with one text', () =>
    expectOneText(at),
  )
})

async function expectRefusals(at: Scene): Promise<void> {
  using tabs = new Tabs()
  const { url } = at.world
  const prdId = await at.prd('Hello')
  const refusals: Refusal[] = []
  const closings: PrdClosing[] = []
  const seen: unknown[] = []
  const statuses: string[] = []
  const owner = writer(at.owner, prdId, { onPresence: ({ cursorPosition }) => void seen.push(cursorPosition) })
  const editor = writer(at.editor, prdId, {
    onRefused: (refusal) => void refusals.push(refusal),
    onStatus: (status) => void statuses.push(status),
    onClosed: (closing) => void closings.push(closing),
  })
  for (const one of [owner, editor]) {
    one.socket.open()
    await tabs.connect(one, url)
    await one.client.saved()
  }
  assert.deepEqual(statuses, ['joining', 'saved'])

  editor.client.edit(edit(5, 0, 'x'.repeat(6_000)))
  editor.client.edit(edit(0, 1, 'J'))
  await editor.client.saved()
  const [refusal] = refusals
  assert.deepEqual([refusals.length, refusal?.code, refusal?.edits[0]?.inserted.length], [1, 'TOO_LARGE', 6_000])
  assert.equal(editor.client.text, 'Jello')
  assert.equal(editor.mirror, 'Jello')

  editor.socket.isSlow = true
  editor.client.edit(edit(0, 0, '>> '))
  // It waits for the one before it, so that the server does not have it when it is shown the cursor.
  editor.client.edit(edit(5, 0, '!!'))
  editor.client.show({ status: 'editing', cursorPosition: 8 })
  editor.socket.open()
  await editor.client.saved()
  await tabs.settle()
  assert.equal(owner.client.text, '>> Je!!llo')
  assert.equal(seen.at(-1), 6)

  const collaborator = `/api/prds/${prdId}/collaborators/${userId(at.editor)}`
  assert.equal((await at.owner.put(collaborator, { role: 'viewer' })).status, 200)
  editor.client.edit(edit(0, 3, ''))
  await editor.client.saved()
  assert.deepEqual([editor.client.text, refusals.at(-1)?.code], ['>> Je!!llo', 'FORBIDDEN'])
  assert.equal((await at.owner.delete(`/api/prds/${prdId}`)).status, 204)
  await tabs.settle()
  assert.deepEqual(closings, [{ code: 'NOT_FOUND', message: 'This PRD was deleted' }])
  assert.throws(() => editor.client.edit(edit(0, 1, '')), /closed here/)
}

async function expectOneText(at: Scene): Promise<void> {
  using tabs = new Tabs()
  const random = seeded()
  const hint = `SEED=${random.seed}`
  const { prdId } = at
  const writers = [at.owner, at.owner, at.editor, at.editor].map((user) => writer(user, prdId))
  let { url } = at.world
  const typed: string[] = []
  let letters = 0
  const play = async (steps: number): Promise<void> => {
    for (let step = 0; step < steps; step += 1) {
      const one = random.pick(writers)
      const luck = random.int(30)
      if (luck < 9 && one.client.document.mayEdit) {
        const letter = String.fromCodePoint((random.int(2) === 0 ? 0x4e00 : 0x1f600) + (letters += 1))
        if (type(one, random, letter)) typed.push(letter)
      } else if (luck === 9 && one.socket.connected) one.socket.cut(random.int(4))
      else if (luck > 9 && luck < 13 && !one.socket.connected) await tabs.connect(one, url)
      else one.socket.pass(luck % 2 === 0)
      if (luck % 3 === 0) await turn()
    }
  }
  for (const one of writers) await tabs.connect(one, url)
  await play(250)
  for (const { socket } of writers) socket.cut(random.int(4))
  await using next = await afterKill(at.world)
  url = next.url
  await play(250)
  for (const { socket } of writers) socket.open()
  for (const one of writers) if (!one.socket.connected) await tabs.connect(one, url)
  for (const { client } of writers) await client.saved()
  await tabs.settle()
  const reader = writer(at.viewer, prdId, { mode: 'view' })
  reader.socket.open()
  await tabs.connect(reader, url)
  await reader.client.saved()
  const { text } = reader.client
  for (const { client, mirror } of writers) {
    assert.equal(client.text, text, hint)
    assert.equal(mirror, text, hint)
    assert.deepEqual(client.document.vector, reader.client.document.vector, hint)
  }
  assert.ok(typed.length > 60 && text.isWellFormed())
  let undone = 0
  for (const letter of typed) {
    const times = text.split(letter).length - 1
    if (writers.some(({ deleted }) => deleted.has(letter))) undone += times
    else assert.equal(times, 1, `${hint}: ${letter} was typed once`)
  }
  // See prd-document.test.ts.
  assert.ok(undone <= 2, `${hint}: ${undone} deletions are undone`)
}
