import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import * as Y from 'yjs'
import { PrdClient } from '../../client/prd.ts'
import { apply, fit, normalize, operationOf, type Edit } from './merge.ts'
import { Line, numberOf, PATIENCE_MS, type Editing, type Site } from './testing-lines.ts'
import { applyAll } from './testing-merging.ts'
import type { Data } from './testing.ts'

/** Clients of one document, but the one that types on without waiting (`testing-pipeliner.ts`). */

/** A program: it sends one edit, waits for the acknowledgement, and then takes the text as it has become. */
export class Naive implements Editing {
  readonly name: string
  readonly line: Line
  text = ''
  private readonly site: Site
  private vector: readonly number[] = []
  private sent: { readonly message: object; readonly isWhole: boolean } | undefined
  private isWaiting = false
  private last: Record<string, Data> = {}

  constructor(site: Site, name: string) {
    this.site = site
    this.name = name
    this.line = new Line(site, (event, data) => this.heard(event, data))
  }

  get isSettled(): boolean {
    return this.line.isOn && !this.sent && !this.isWaiting && numberOf(this.vector) === this.site.newest
  }

  get mayType(): boolean {
    return this.line.isOn && !this.sent && !this.isWaiting
  }

  type(edit: Edit): void {
    const { site, line, vector } = this
    const made = fit(edit, this.text)
    const { length } = this.text
    const end = Math.min(edit.at + edit.removed, length)
    // Of one that cuts a character the server cannot tell what it was in the text of its sender.
    const isWhole = made.at === Math.min(edit.at, length) && made.at + made.removed === end
    site.ledger.record(this.name, this.text, made)
    this.text = apply(this.text, made)
    const operation = { ...operationOf(edit), timestamp: 1 }
    const message = { prdId: site.prdId, operation, stateVector: vector, clientId: site.nextId() }
    this.sent = { message, isWhole }
    line.emit('content-update', message, (answer) => this.answered(answer))
  }

  /** Takes the text anew. */
  nudge(): void {
    if (this.mayType) this.take(true)
  }

  cut(): void {
    this.line.cut()
  }

  async comeBack(url: string, token: string): Promise<void> {
    const { line, site, sent } = this
    await line.connect(url, token)
    const join = { prdId: site.prdId, mode: 'edit' }
    assert.ok((await line.ask('join-prd', join)).ok)
    if (sent) {
      const answer = await line.ask('content-update', sent.message)
      assert.ok(answer.ok, JSON.stringify(answer))
      assert.ok((await line.ask('join-prd', join)).ok)
    }
    this.sent = undefined
    this.isWaiting = false
    line.hold()
  }

  private heard(event: string, data: Data): void {
    this.last[event] = data
    assert.notEqual(event, 'error', JSON.stringify(data))
    if (event !== 'joined-prd') return
    this.text = data.initialState.content
    this.vector = data.initialState.stateVector
  }

  private answered(answer: Data): void {
    assert.ok(answer.ok, JSON.stringify(answer))
    const { isWhole } = this.sent!
    this.sent = undefined
    this.take(isWhole)
  }

  private take(isWhole: boolean): void {
    const { line, site } = this
    this.isWaiting = true
    const done = (answer: Data): void => {
      assert.ok(answer.ok, JSON.stringify(answer))
      this.isWaiting = false
    }
    if (!isWhole || site.random.int(4) === 0) return line.emit('join-prd', { prdId: site.prdId, mode: 'edit' }, done)
    line.emit('sync-request', { prdId: site.prdId, stateVector: this.vector }, (answer) => {
      done(answer)
      const { missingUpdates, stateVector } = this.last['sync-response']
      this.text = replayed(this.text, missingUpdates)
      this.vector = stateVector
    })
  }
}

/** @param missingUpdates of a `sync-response` to numbers */
export const replayed = (text: string, missingUpdates: readonly { readonly operation: unknown }[]): string =>
  applyAll(text, missingUpdates.map(({ operation }) => normalize(operation)))

const REMOTE = 'remote'

/** An editor that binds a Yjs text. */
export class Rich implements Editing {
  readonly name: string
  readonly line: Line
  private readonly site: Site
  private readonly doc = new Y.Doc()
  private readonly content = this.doc.getText('content')
  private vector: readonly number[] = []
  private unsent: Uint8Array[] = []
  private unanswered = 0
  private response: Data

  constructor(site: Site, name: string) {
    this.site = site
    this.name = name
    this.line = new Line(site, (event, data) => this.heard(event, data))
    this.doc.clientID = 1 + site.random.int(2 ** 31)
    this.doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== REMOTE) this.unsent.push(update)
    })
  }

  get text(): string {
    return this.content.toJSON()
  }

  get isSettled(): boolean {
    return this.line.isOn && this.unsent.length === 0 && this.unanswered === 0
  }

  get mayType(): boolean {
    return this.vector.length > 0
  }

  type(edit: Edit): void {
    const made = fit(edit, this.text)
    this.site.ledger.record(this.name, this.text, made)
    this.doc.transact(() => {
      if (made.removed > 0) this.content.delete(made.at, made.removed)
      if (made.inserted !== '') this.content.insert(made.at, made.inserted)
    })
    if (this.site.random.int(3) > 0) this.nudge()
  }

  /** Tells what it has made. */
  nudge(): void {
    const { line, site } = this
    if (!line.isOn || this.unsent.length === 0) return
    const update = Y.mergeUpdates(this.unsent.splice(0))
    const vector = site.random.int(2) === 0 ? {} : { stateVector: this.vector }
    this.unanswered += 1
    line.emit('content-update', { prdId: site.prdId, update, ...vector, clientId: site.nextId() }, (answer) => {
      assert.ok(answer.ok, JSON.stringify(answer))
      this.unanswered -= 1
      this.vector = answer.stateVector
    })
  }

  cut(): void {
    this.line.cut()
    this.unanswered = 0
  }

  async comeBack(url: string, token: string): Promise<void> {
    const { line, site, doc } = this
    const { prdId } = site
    await line.connect(url, token)
    assert.ok((await line.ask('join-prd', { prdId, mode: 'edit' })).ok)
    assert.ok((await line.ask('sync-request', { prdId, stateVector: Y.encodeStateVector(doc) })).ok)
    for (const { update } of this.response.missingUpdates) Y.applyUpdate(doc, new Uint8Array(update), REMOTE)
    this.unsent = []
    const update = Y.encodeStateAsUpdate(doc, new Uint8Array(this.response.stateVector))
    const answer = await line.ask('content-update', { prdId, update })
    assert.ok(answer.ok, JSON.stringify(answer))
    this.vector = answer.stateVector
    line.hold()
  }

  private heard(event: string, data: Data): void {
    assert.notEqual(event, 'error', JSON.stringify(data))
    if (event === 'sync-response') this.response = data
    if (event !== 'content-update' || !data.update) return
    Y.applyUpdate(this.doc, new Uint8Array(data.update), REMOTE)
    this.vector = data.stateVector
  }
}

/** Our own client, from src/client, on a socket that is cut and comes back. */
export class Library implements Editing {
  readonly name: string
  readonly line: Line
  private readonly site: Site
  private readonly client: PrdClient
  private readonly listeners = new Map<string, Set<(data: unknown) => void>>()
  private waiting: (() => void)[] = []
  private hasJoined = false

  constructor(site: Site, name: string) {
    this.site = site
    this.name = name
    this.line = new Line(site, (event, data) => this.tell(event, data))
    const { line, listeners } = this
    const of = (event: string) => {
      if (!listeners.has(event)) listeners.set(event, new Set())
      return listeners.get(event)!
    }
    this.client = new PrdClient({
      prdId: site.prdId,
      name: site.nextId(),
      mode: 'edit',
      socket: {
        get connected() {
          return line.isOn
        },
        on: (event, listener) => of(event).add(listener),
        off: (event, listener) => of(event).delete(listener),
        emit: (event, data, heard = () => undefined) => line.emit(event, data as object, heard as () => void),
      },
      onRefused: ({ code, message }) => assert.fail(`${code}: ${message}`),
      wait: (_, then) => this.waiting.push(then),
    })
  }

  get text(): string {
    return this.client.text
  }

  get isSettled(): boolean {
    return this.client.status === 'saved'
  }

  get mayType(): boolean {
    return this.hasJoined
  }

  type(edit: Edit): void {
    const { text } = this
    const made = this.client.edit(edit)
    if (made) this.site.ledger.record(this.name, text, made)
  }

  nudge(): void {
    for (const then of this.waiting.splice(0)) then()
  }

  cut(): void {
    this.line.cut()
    this.tell('disconnect', undefined)
  }

  async comeBack(url: string, token: string): Promise<void> {
    const { line } = this
    await line.connect(url, token)
    line.hold()
    this.tell('connect', undefined)
    line.flush()
    if (this.hasJoined) return
    const deadline = Date.now() + PATIENCE_MS
    while (this.client.status !== 'saved') {
      assert.ok(Date.now() < deadline, 'it has not joined')
      line.take()
      await turn()
    }
    this.hasJoined = true
  }

  private tell(event: string, data: unknown): void {
    for (const listener of this.listeners.get(event) ?? []) listener(data)
  }
}
