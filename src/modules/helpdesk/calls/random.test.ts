import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError } from '../../../kernel/errors.ts'
import { seeded } from '../../../testing/random.ts'
import { claim, isOpen, isParty, Model, type ModelCall, type Outcome } from './model.ts'
import { callWorld, failure, type CallWorld, type Heard, type TestTab } from './testing.ts'

const PEOPLE = 6
const STEPS = 300
const TABS = 3

/** What a client makes of what it hears: what rings on it, and the call it is in. */
class View {
  readonly rings = new Set<string>()
  /** Fresh ids by which it was told that an invite is refused. */
  refusals = 0
  readonly candidates: string[] = []
  call: string | undefined
  private readonly over: Set<string>

  constructor(over: Set<string>) {
    this.over = over
  }

  hear({ name, data }: Heard): void {
    const id = data.callId as string
    if (name === 'call:incoming' && id !== this.call) this.rings.add(id)
    if (name === 'call:ice_candidate') this.candidates.push(data.candidate.candidate)
    if (name === 'call:rejected' && this.call !== id && !this.over.has(id)) this.refusals += 1
    if (name === 'call:ended') this.leave(id)
  }

  enter(id: string): void {
    this.rings.delete(id)
    if (!this.over.has(id)) this.call = id
  }

  leave(id: string): void {
    this.rings.delete(id)
    if (this.call === id) this.call = undefined
  }
}

/** Many tabs do anything at any time; every few steps all of it must be as the model says. */
class Mischief {
  readonly random = seeded()
  readonly model = new Model()
  private readonly world: CallWorld
  private readonly views = new Map<TestTab, View>()
  private readonly parties = new Map<string, readonly number[]>()
  private readonly over = new Set<string>()
  private readonly sent = new Map<string, { readonly to: number; readonly call: ModelCall; readonly number: number }>()

  constructor(world: CallWorld) {
    this.world = world
  }

  get tabs(): readonly TestTab[] {
    return [...this.views.keys()]
  }

  async run(): Promise<void> {
    for (let user = 1; user <= PEOPLE; user += 1) for (let n = 0; n < 2; n += 1) this.open(user)
    for (let step = 0; step < STEPS; step += 1) {
      const dice = this.random.next()
      if (dice < 0.1 || this.tabs.length === 0) this.open(1 + this.random.int(PEOPLE))
      else if (dice < 0.16) this.close(this.random.pick(this.tabs))
      else if (dice < 0.18) await this.wait(20_000)
      else if (dice < 0.19) await this.wait(70_000)
      else if (dice < 0.4) await this.sendCandidates()
      else await this.speak(1 + this.random.int(4))
      this.compare()
    }
    await this.goAway()
  }

  private open(user: number): void {
    if (this.tabs.filter((tab) => tab.user === user).length >= TABS) return
    const back = this.model.of(user)
    const tab = this.world.open(user)
    this.model.opened(tab)
    const view = new View(this.over)
    // Who takes a lost tab's place knows what that one knew.
    if (back?.tabs.get(user) === tab) view.call = back.id
    this.views.set(tab, view)
    tab.onHeard = (heard) => this.check(tab, view, heard)
    for (const heard of tab.news()) this.check(tab, view, heard)
  }

  private close(tab: TestTab): void {
    this.views.delete(tab)
    this.world.close(tab)
    this.model.closed(tab)
  }

  private async wait(ms: number): Promise<void> {
    await this.world.pass(ms)
    this.model.pass(ms)
  }

  /** Several commands in one moment: the commits come in their order, the answers when they are all written. */
  private async speak(commands: number): Promise<void> {
    const all: Promise<void>[] = []
    for (let n = 0; n < commands; n += 1) {
      const tab = this.random.pick(this.tabs)
      // Some of them are about a call of others, or one that is long over.
      const call = this.random.next() < 0.7 ? this.model.of(tab.user) : this.model.calls.at(-1 - this.random.int(3))
      const dice = this.random.next()
      const [verb, outcome, command] =
        !call || dice < 0.3 ? this.invite(tab) : dice < 0.7 ? this.accept(tab, call) : this.stop(tab, call, dice < 0.85)
      const isRenegotiation = call?.state === 'accepted'
      all.push(
        command.then(
          ({ callId }) => {
            assert.equal('ok', outcome, verb)
            const view = this.views.get(tab)
            if (verb === 'reject' && isRenegotiation) return
            if (verb === 'invite' || verb === 'accept') view?.enter(callId)
            else view?.leave(callId)
          },
          (error: unknown) => {
            assert.ok(error instanceof CommandError, String(error))
            assert.equal(error.kind, outcome, `${verb}: ${error.message}`)
          },
        ),
      )
      // Its id must be known before the next one can be about it.
      if (verb === 'invite' && outcome === 'ok') await Promise.all(all)
    }
    await Promise.all(all)
    this.settleViews()
  }

  private invite(tab: TestTab): [string, Outcome, Promise<{ callId: string }>] {
    const current = this.model.of(tab.user)
    const other = current && (current.caller === tab.user ? current.callee : current.caller)
    const anybody = 1 + ((tab.user + this.random.int(PEOPLE - 1)) % PEOPLE)
    const target = other !== undefined && this.random.next() < 0.6 ? other : anybody
    const outcome = this.model.invite(tab, target, this.tabs.some(({ user }) => user === target))
    const inviting = this.world.invite(tab, target)
    if (outcome !== 'new') return ['invite', outcome, inviting]
    return [
      'invite',
      'ok',
      inviting.then(({ callId: id }) => {
        this.model.begin(id, tab, target)
        this.parties.set(id, [tab.user, target])
        return { callId: id }
      }),
    ]
  }

  private accept(tab: TestTab, call: ModelCall): [string, Outcome, Promise<{ callId: string }>] {
    return ['accept', this.model.accept(tab, call), this.world.accept(tab, call.id)]
  }

  private stop(tab: TestTab, call: ModelCall, isReject: boolean): [string, Outcome, Promise<{ callId: string }>] {
    const verb = isReject ? 'reject' : 'end'
    const isBare = isOpen(call) && isParty(call, tab.user) && this.random.next() < 0.4
    const outcome = this.model[verb](tab, call)
    const other = call.caller === tab.user ? call.callee : call.caller
    return [verb, outcome, isBare ? this.world[verb](tab, undefined, other) : this.world[verb](tab, call.id)]
  }

  private async sendCandidates(): Promise<void> {
    for (let n = 0; n < 6; n += 1) {
      const tab = this.random.pick(this.tabs)
      const call = this.model.of(tab.user)
      if (!call) continue
      const to = call.caller === tab.user ? call.callee : call.caller
      const name = `${this.sent.size}`
      const isEarly = call.state === 'ringing' && call.callee === tab.user
      const mayPass = isEarly || claim(call, tab)
      this.sent.set(name, { to, call, number: this.sent.size })
      const passing = this.world.candidate(tab, to, name)
      if (mayPass) await passing
      else assert.equal(await failure(passing), 'conflict')
      if (mayPass && !isEarly) this.views.get(tab)!.call ??= call.id
    }
    this.settleViews()
  }

  /** Nothing is ever heard of the calls of others, nor a candidate but by the tab that is in the call, in order. */
  private check(tab: TestTab, view: View, heard: Heard): void {
    const { name, data } = heard
    if (name === 'call:ice_candidate') {
      const sent = this.sent.get(data.candidate.candidate as string)!
      assert.equal(sent.to, tab.user)
      assert.ok(isParty(sent.call, data.from as number))
      for (const one of view.candidates) {
        const before = this.sent.get(one)!
        if (before.call === sent.call) assert.ok(before.number < sent.number, 'candidates came out of order')
      }
    } else {
      const parties = this.parties.get(data.callId as string)
      if (parties) assert.ok(parties.includes(tab.user), `${name} of a call of others`)
      const call = this.model.calls.find(({ id }) => id === data.callId)
      if (name === 'call:accepted') assert.equal(call?.tabs.get(tab.user), tab)
    }
    view.hear(heard)
  }

  /** Whoever took over a call by speaking in it knows of it. */
  private settleViews(): void {
    for (const call of this.model.calls) {
      if (!isOpen(call)) continue
      for (const tab of call.tabs.values()) if (tab) this.views.get(tab)?.enter(call.id)
    }
  }

  private compare(): void {
    for (const call of this.model.calls) if (!isOpen(call)) this.over.add(call.id)
    for (const [tab, view] of this.views) {
      const call = this.model.of(tab.user)
      const rings = call?.state === 'ringing' && call.callee === tab.user ? [call.id] : []
      assert.deepEqual([...view.rings], rings)
      if (view.call !== undefined && this.over.has(view.call)) view.call = undefined
      assert.equal(view.call, call?.tabs.get(tab.user) === tab ? call.id : undefined)
      tab.news()
    }
  }

  private async goAway(): Promise<void> {
    for (const tab of this.tabs) this.close(tab)
    await this.wait(70_000)
    await this.world.pass(20_000)
    assert.equal(this.world.left(), 0, 'something is left in memory')
    const rows = await this.world.rows()
    const { missed, busy } = this.model.refused
    assert.equal(rows.length, this.model.calls.length + missed + busy)
    assert.equal(rows.filter(({ state }) => state === 'busy').length, busy)
    const states = new Map(rows.map(({ uuid, state }) => [uuid, state as string]))
    for (const { id, state } of this.model.calls) assert.equal(states.get(id), state)
  }
}

test('Whatever many tabs do at once, a call has one end, all agree on it, and nobody else hears of it', async (t) => {
  await using world = await callWorld({ people: PEOPLE })
  const mischief = new Mischief(world)
  t.diagnostic(`seed ${mischief.random.seed}`)
  await mischief.run()
})
