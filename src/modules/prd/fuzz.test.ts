import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as Y from 'yjs'
import { seeded, type Random } from '../../testing/random.ts'
import { afterKill, type World } from '../../testing/world.ts'
import type { Edit } from './merge.ts'
import { Library, Naive, replayed, Rich } from './testing-editors.ts'
import { run } from './testing-groups.ts'
import { Ledger } from './testing-ledger.ts'
import { arrived, Line, numberOf, type Editing, type Site } from './testing-lines.ts'
import { Pipeliner } from './testing-pipeliner.ts'
import { scene, type Data, type Scene } from './testing.ts'

/** FUZZ_SEEDS of the environment: so many seeds, from SEED on. */
const SEEDS = Number(process.env['FUZZ_SEEDS'] ?? 1)
const PAST_EVERY_END = 1_000_000
const config = {
  prdFramesPerMinute: 0,
  prdCommandsPerMinute: 0,
  prdEditsPerMinute: 0,
  prdWritesPerMinute: 0,
  prdSnapshotEdits: 100,
}

type Kind = new (site: Site, name: string) => Editing

/** What people are like. */
interface Play {
  readonly kinds: readonly Kind[]
  readonly steps: number
  readonly hasDeletions: boolean
  readonly hasCuts: boolean
  readonly hasKill: boolean
}

const plays: readonly Play[] = [
  { kinds: [Pipeliner, Pipeliner, Library, Naive], steps: 120, hasDeletions: false, hasCuts: false, hasKill: false },
  { kinds: [Pipeliner, Pipeliner, Library, Naive], steps: 120, hasDeletions: true, hasCuts: true, hasKill: false },
  {
    kinds: [Rich, Pipeliner, Naive, Library, Pipeliner, Rich, Library, Rich],
    steps: 180,
    hasDeletions: true,
    hasCuts: true,
    hasKill: true,
  },
]

/** Who joins to view, and takes every operation on the text as it comes. */
class Viewer {
  readonly line: Line
  text = ''
  vector: readonly number[] = []
  /** What it had at some time. */
  readonly past: { readonly text: string; readonly vector: readonly number[] }[] = []
  private readonly site: Site

  constructor(site: Site) {
    this.site = site
    this.line = new Line(site, (event, data) => this.heard(event, data))
  }

  async comeBack(url: string, token: string): Promise<void> {
    const { prdId } = this.site
    await this.line.connect(url, token)
    const { mode, replica } = await this.line.ask('join-prd', { prdId, mode: 'view' })
    assert.deepEqual([mode, replica], ['view', null])
    this.line.hold()
  }

  private heard(event: string, data: Data): void {
    if (event === 'joined-prd') {
      this.text = data.initialState.content
      this.vector = data.initialState.stateVector
    } else if (event === 'content-update') {
      assert.equal(numberOf(data.stateVector), numberOf(this.vector) + 1)
      this.text = replayed(this.text, [data])
      this.vector = data.stateVector
    }
    if (this.site.random.int(20) === 0) this.past.push({ text: this.text, vector: this.vector })
  }
}

class Session {
  readonly site: Site
  readonly ledger: Ledger
  readonly editors: readonly Editing[]
  readonly viewer: Viewer
  private world: World
  private readonly people: Scene
  private readonly play: Play
  private readonly random: Random

  constructor(people: Scene, world: World, prdId: string, random: Random, play: Play) {
    let ids = 0
    this.people = people
    this.world = world
    this.random = random
    this.play = play
    this.ledger = new Ledger(random)
    this.site = { prdId, random, ledger: this.ledger, newest: 0, nextId: () => `${prdId}:${(ids += 1)}` }
    this.editors = play.kinds.map((kind, i) => new kind(this.site, `${kind.name} ${i}`))
    this.viewer = new Viewer(this.site)
  }

  /** @returns the world as it is then: it may have been killed */
  async run(): Promise<World> {
    const { random, play, editors, viewer } = this
    await this.gather()
    const kill = play.hasKill ? play.steps >> 1 : -1
    for (let step = 0; step < play.steps; step += 1) {
      if (step === kill) await this.kill()
      const chosen = editors.filter(() => random.int(3) === 0)
      await Promise.all(chosen.map((each) => this.turn(each)))
      if (random.int(4) === 0) viewer.line.take(random.int(9))
      await arrived(this.lines)
      if (step % 60 === 59) await this.checkQuiet()
    }
    // The end of a long trace: everybody types on without hearing anything.
    for (let burst = 0; burst < 40; burst += 1) {
      for (const each of editors) this.type(each)
      for (const each of editors) each.line.flush(random.int(3))
    }
    await this.checkQuiet()
    if (!play.hasDeletions) this.ledger.checkRuns(editors[0]!.text)
    for (const { line } of [...editors, viewer]) line.cut()
    return this.world
  }

  private get lines(): readonly Line[] {
    return [...this.editors, this.viewer].map(({ line }) => line)
  }

  private async gather(): Promise<void> {
    const { editors, viewer, people } = this
    for (const each of editors) if (!each.line.isOn) await this.back(each)
    if (!viewer.line.isOn) await viewer.comeBack(this.world.url, people.viewer.token)
  }

  private async back(each: Editing): Promise<void> {
    const { owner, editor } = this.people
    const { token } = this.editors.indexOf(each) % 2 === 0 ? owner : editor
    await each.comeBack(this.world.url, token)
  }

  private async turn(each: Editing): Promise<void> {
    const { random, play } = this
    if (!each.line.isOn && random.int(4) === 0) return this.back(each)
    if (play.hasCuts && random.int(25) === 0) each.cut()
    for (let count = random.int(4); count > 0; count -= 1) this.type(each)
    if (random.int(5) === 0) each.nudge()
    each.line.flush(random.int(4))
    if (random.int(2) === 0) each.line.take(random.int(12))
  }

  private type(each: Editing): void {
    if (each.mayType) each.type(this.edit(each))
  }

  private edit({ name, text }: Editing): Edit {
    const { random, ledger, play } = this
    const last = ledger.lastOf(name)
    const cursor = last && text.includes(last) ? text.indexOf(last) + last.length : 0
    const deed = random.int(20)
    const inserted = ledger.letters(1 + random.int(3))
    // Types on, for the most part.
    if (deed < 9 && cursor > 0) return { at: cursor, removed: 0, inserted }
    const at = this.place(text)
    if (deed < 12 || !play.hasDeletions) return { at, removed: 0, inserted }
    if (deed === 12) return { at: PAST_EVERY_END, removed: 0, inserted }
    if (deed === 13) return { at, removed: PAST_EVERY_END, inserted: random.int(2) === 0 ? '' : inserted }
    if (deed === 14) return { at, removed: random.int(text.length >> 1), inserted: '' }
    if (deed === 15) return { at, removed: random.int(5), inserted: 'the same' }
    if (deed === 16) return { at, removed: 0, inserted: random.pick(['\r\n', '\n', '\r', '👩‍👩‍👧']) }
    if (deed === 17) return { at, removed: random.int(6), inserted }
    return { at: Math.max(0, cursor - 2), removed: 2, inserted: '' }
  }

  /** Often where others type as well. */
  private place(text: string): number {
    const { random, ledger, editors } = this
    const deed = random.int(8)
    if (deed < 3) return random.int(text.length + 1)
    if (deed < 5) return text.length
    if (deed === 5) return 0
    const other = ledger.lastOf(random.pick(editors).name)
    return other && text.includes(other) ? text.indexOf(other) + random.pick([0, other.length]) : 0
  }

  /** In the middle of typing; nobody hears what the old one might still say. */
  private async kill(): Promise<void> {
    for (const each of this.editors) {
      this.type(each)
      each.line.flush()
    }
    for (const each of this.editors) each.cut()
    this.viewer.line.cut()
    const before = this.world
    this.world = await afterKill(before, { config })
    await before.close()
    await this.gather()
  }

  /** Everybody has sent everything and heard everything. */
  private async checkQuiet(): Promise<void> {
    const { editors, viewer, ledger, site } = this
    await this.gather()
    for (let round = 0; ; round += 1) {
      assert.ok(round < 200, `${editors.filter((each) => !each.isSettled).map(({ name }) => name).join()} not settled`)
      for (const each of editors) each.nudge()
      for (const line of this.lines) line.flush()
      await arrived(this.lines)
      for (const line of this.lines) line.take()
      await arrived(this.lines)
      if (editors.every((each) => each.isSettled) && this.lines.every((line) => line.isEmpty)) break
    }
    const content = await this.checkServer()
    for (const { name, text } of editors) assert.equal(text, content, name)
    assert.equal(viewer.text, content, 'who views')
    assert.equal(numberOf(viewer.vector), site.newest)
    ledger.check(content)
  }

  /** What the server says to who asks anew, by every way there is. */
  private async checkServer(): Promise<string> {
    const { world, people, site, viewer } = this
    const { prdId } = site
    const headers = { authorization: `Bearer ${people.owner.token}` }
    const { content } = (await world.request('GET', `/api/prds/${prdId}`, undefined, headers)).body
    const told: Record<string, Data> = {}
    const line = new Line(site, (event, data) => void (told[event] = data))
    await line.connect(world.url, people.owner.token)
    await line.ask('join-prd', { prdId })
    const { initialState } = told['joined-prd']
    assert.equal(initialState.content, content)
    assert.equal(numberOf(initialState.stateVector), site.newest)
    const [rows] = await run(world, `select count(*) as count from prd_operations where prd_id = ${prdId.slice(4)}`)
    assert.equal(Number(rows.count), site.newest)
    if (viewer.past.length > 0) {
      const { text, vector } = site.random.pick(viewer.past)
      await line.ask('sync-request', { prdId, stateVector: vector })
      assert.equal(replayed(text, told['sync-response'].missingUpdates), content)
    }
    const doc = new Y.Doc()
    await line.ask('sync-request', { prdId, stateVector: Y.encodeStateVector(doc) })
    for (const { update } of told['sync-response'].missingUpdates) Y.applyUpdate(doc, new Uint8Array(update))
    assert.equal(doc.getText('content').toJSON(), content)
    line.cut()
    return content
  }
}

for (let i = 0; i < SEEDS; i += 1) {
  const random = seeded(seeded().seed + i)
  const name = `P-E3 clients of all kinds, late, cut off, killed, have one text of all they typed (seed ${random.seed})`
  test(name, async (t) => {
    await using people = await scene({ config })
    let { world } = people
    t.after(() => world.close())
    for (const play of plays) {
      const body = { organizationId: people.organizationId, title: 'Fuzz', content: 'Begin' }
      const bearer = { authorization: `Bearer ${people.owner.token}` }
      const { id } = (await world.request('POST', '/api/prds', body, bearer)).body
      for (const role of ['editor', 'viewer'] as const) {
        const path = `/api/prds/${id}/collaborators/user_${people[role].id}`
        assert.ok((await world.request('PUT', path, { role }, bearer)).status < 300)
      }
      const session = new Session(people, world, id, random, play)
      world = await session.run()
      t.diagnostic(`${session.site.newest} edits, ${session.ledger.size} letters`)
    }
  })
}
