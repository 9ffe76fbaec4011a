import type { TestContext } from 'node:test'
import Type from 'typebox'
import type { Connection } from '../kernel/connection.ts'
import { CommandError } from '../kernel/errors.ts'
import type { Effect } from '../kernel/event.ts'
import { command, type Face, type Opening } from '../kernel/face.ts'
import type { HubLimits } from '../kernel/hub.ts'
import { FakeClock } from './clock.ts'
import { Peer, turn, until } from './peer.ts'
import { sessionOf, TOY_ROOM, toyKernel, type Toy } from './toy.ts'

/** Who is in it hears that somebody has left. */
export const WATCHED = 'toy:watched'
/** Milliseconds. */
export const GRACE = 45_000
export const HOUR = 3_600_000

/** What is held up until the test lets it go. */
class Gate {
  private waiting: (() => void)[] | undefined
  close(): void {
    this.waiting = []
  }
  open(): void {
    for (const pass of this.waiting ?? []) pass()
    this.waiting = undefined
  }
  get isHolding(): boolean {
    return (this.waiting?.length ?? 0) > 0
  }
  pass(): Promise<void> {
    const { waiting } = this
    return waiting ? new Promise((resolve) => void waiting.push(resolve)) : Promise.resolve()
  }
}

interface SceneOptions {
  readonly token?: string
  readonly since?: string
  readonly limits?: Partial<HubLimits>
  readonly face?: Partial<Face>
  readonly tokenMs?: number
}

/** A connection of a face in which it outlives a refusal, and everything by which a test can interfere. */
export async function scene(t: TestContext, options: SceneOptions = {}) {
  const clock = new FakeClock()
  const checks = new Gate()
  const openings = new Gate()
  const commands = new Gate()
  const revoked = new Set<string>()
  const left: string[] = []
  const toy: Toy = await toyKernel(clock, options.limits, {
    async authenticate(token) {
      await checks.pass()
      if (revoked.has(token)) throw new CommandError('unauthenticated', 'You have logged out')
      return { ...sessionOf(token, clock), expiresAt: clock.now() + (options.tokenMs ?? HOUR) }
    },
  })
  t.after(() => toy.close())
  const enter = command(Type.Object({}), async ({ connection }) => {
    await commands.pass()
    toy.hub.rooms.join(connection, 'toy:secret')
  })
  const base = toy.face
  const face: Face = {
    ...base,
    limits: { frames: { limit: 1_000, perMs: 60_000 }, maxFrameBytes: 4_096, authGraceMs: GRACE },
    acknowledged: true,
    commands: new Map([...base.commands, ['enter', enter]]),
    authenticationError: ({ kind }) => JSON.stringify(['auth', kind]),
    error: ({ kind }) => JSON.stringify(['error', kind]),
    outcome: (error) => JSON.stringify([error?.kind ?? 'ok']),
    refreshed: ({ id }) => Promise.resolve((position) => [JSON.stringify(['again', id, position ?? null])]),
    async open(session, params, resuming): Promise<Opening> {
      const opening = await base.open(session, params, resuming)
      await openings.pass()
      return opening
    },
    onClosed: (_, { account }, reason) => {
      left.push(`${account.id} ${reason}`)
      toy.hub.signal({ module: 'toy', type: 'left', audience: { to: [WATCHED] }, payload: {} })
    },
    ...options.face,
  }
  const attach = (token = options.token): { peer: Peer; connection: Connection } => {
    const peer = new Peer(toy)
    const connection = toy.hub.attach(face, peer, { token, params: {}, since: options.since })
    return { peer, connection }
  }
  const emit = async (text: string, to = TOY_ROOM, effects: readonly Effect[] = []): Promise<void> => {
    const event = { module: 'toy', type: 'said', audience: { to: [to] }, payload: { text }, effects }
    await toy.unitOfWork.run((unit) => Promise.resolve(unit.emit(event)))
  }
  return { toy, clock, checks, openings, commands, revoked, left, attach, emit, ...attach() }
}

export const say = (peer: Peer, name: string, data: unknown, ref?: number): void =>
  peer.listener!.onText(JSON.stringify([name, data]), ref)

/** What has been sent since it was last asked, once there are so many. */
export async function news(peer: Peer, count: number): Promise<readonly string[]> {
  await until(() => peer.sent.length >= count)
  await turn()
  return peer.sent.splice(0)
}

/** Time passes, and the peer is alive. */
export function pass(clock: FakeClock, peer: Peer, ms: number): void {
  for (let left = ms; left > 0; left -= 10_000) {
    clock.advance(Math.min(left, 10_000))
    peer.listener!.onPong('')
  }
}

export const HELLO = '["hello",null]'
