import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../testing/clock.ts'
import { Peer, turn, until } from '../testing/peer.ts'
import { toyKernel } from '../testing/toy.ts'
import type { Command } from './face.ts'

test('K-15 streamed commands do not wait for one another, and others wait for all of them', async (t) => {
  const clock = new FakeClock()
  const begun: string[] = []
  const ends: (() => void)[] = []
  const slow = (name: string, streamed: boolean): Command => ({
    decode: (data) => data,
    run: async (context, data) => {
      begun.push(`${name} ${String(data)}`)
      await new Promise<void>((resolve) => ends.push(resolve))
      if (data === 'c') context.reply('told early')
      if (data === 'bad') throw new TypeError('unforeseen')
      return `done ${String(data)}`
    },
    ...(streamed && { streamed: true as const }),
  })
  const commands = new Map([
    ['type', slow('type', true)],
    ['leave', slow('leave', false)],
  ])
  const toy = await toyKernel(clock, {}, { face: { commands, limits: { frames: { limit: 0, perMs: 1 }, maxFrameBytes: 999 } } })
  t.after(() => toy.close())
  const peer = new Peer(toy)
  const connection = toy.hub.attach(toy.face, peer, { token: 'user-1', params: {}, since: undefined })
  await until(() => connection.live)
  peer.sent.length = 0
  const say = (name: string, data: unknown, ref: number): void => peer.listener!.onText(JSON.stringify([name, data]), ref)
  for (const [ref, text] of ['a', 'bad', 'c'].entries()) say('type', text, ref)
  say('leave', 'd', 3)
  say('type', 'e', 4)
  await until(() => begun.length === 3)
  await turn()
  assert.deepEqual(begun, ['type a', 'type bad', 'type c'])
  for (const end of ends.splice(0)) end()
  await until(() => begun.length === 4)
  assert.deepEqual(begun.at(-1), 'leave d')
  ends.shift()!()
  await until(() => begun.length === 5)
  ends.shift()!()
  const acked = (): string[] => peer.sent.filter((text) => text.startsWith('ack'))
  await until(() => acked().length === 5)
  const acks = acked()
  assert.deepEqual(acks.map((text) => Number(text.split(' ')[1])).sort((a, b) => a - b), [0, 1, 2, 3, 4])
  assert.ok(acks.includes('ack 2 told early'), 'a reply that was given is not given again')
  assert.equal(toy.errors.length, 1)

  for (let ref = 10; ref < 310; ref += 1) say('type', ref, ref)
  await until(() => ends.length === 256)
  await turn()
  assert.equal(ends.length, 256)
  ends.shift()!()
  await until(() => ends.length === 256)
  while (ends.length > 0) {
    ends.shift()!()
    await turn()
  }
})
