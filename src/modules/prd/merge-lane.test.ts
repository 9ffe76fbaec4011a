import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded, type Random } from '../../testing/random.ts'
import { hasEffect, Lane, type Edit, type LoggedEdit } from './merge.ts'
import { applyAll, Client, deliver, edit, Server, show, someEdit } from './testing-merging.ts'

function simulate(random: Random): { server: Server; clients: readonly Client[] } {
  const server = new Server(random.pick(['', 'ab', 'a😀bcdefgh😀', 'the quick brown fox']))
  const clients = Array.from({ length: 2 + random.int(3) }, (_, index) => {
    return new Client(server, index + 1, random.int(2) === 0)
  })
  for (const client of clients) client.vector = server.vector.slice()
  const letters = ['X', 'Y', '😀', 'run'] as const
  const isSettled = (): boolean => clients.every(({ up, down }) => up.length + down.length === 0)
  for (let step = 0; step < 40 || !isSettled(); step += 1) {
    const client = random.pick(clients)
    const luck = random.int(20)
    const isAcknowledged = client.pending.length === 0 && !client.isSyncing
    if (luck < 8 && step < 40) {
      const made = someEdit(random, client.text, random.pick(letters))
      if (hasEffect(made)) client.make(made)
    } else if (luck < 14 && client.up.length > 0) deliver(server, clients, client)
    else if (luck === 18 && client.up.length === 0) client.sync(server)
    else if (luck === 19 && isAcknowledged) client.reconnect(server)
    else if (client.down.length > 0) client.hear(client.down.shift()!)
  }
  return { server, clients }
}

test('clients that type without waiting, cut off and late, end with the text of the server', () => {
  const random = seeded()
  for (let run = 0; run < 2_000; run += 1) {
    const { server, clients } = simulate(random)
    for (const client of clients) {
      assert.equal(client.text, server.text, `seed ${random.seed}, run ${run}, client ${client.slot}`)
      assert.deepEqual(server.missing(client.slot, client.vector), [], 'nothing is missing')
    }
  }
})

/** Every order in which as many messages of each sender can arrive; those of one sender stay in order. */
function* arrivals(left: readonly number[]): Generator<readonly number[]> {
  if (left.every((count) => count === 0)) yield []
  for (const [sender, count] of left.entries())
    if (count > 0) for (const rest of arrivals(left.with(sender, count - 1))) yield [sender, ...rest]
}

test('P-E3 what two or three people type at one place, forwards or backwards, does not mix, whatever arrives first', () => {
  let orders = 0
  for (const words of [
    ['abcd', 'WXYZ'],
    ['ab', 'LM', 'XY'],
  ])
    for (let directions = 0; directions < 2 ** words.length; directions += 1)
      for (const order of arrivals(words.map((word) => word.length))) {
        const server = new Server('<>')
        const clients = words.map((_, index) => new Client(server, 2 * index + 2, index === 0))
        for (const [index, word] of words.entries())
          for (const [typed, letter] of [...word].entries())
            clients[index]!.make(edit((directions >> index) % 2 === 0 ? 1 + typed : 1, 0, letter))
        for (const sender of order) deliver(server, clients, clients[sender]!)
        const runs = clients.map(({ text }) => text.slice(1, -1))
        assert.equal(server.text, `<${runs.join('')}>`, show(order, directions))
        orders += 1
      }
  assert.equal(orders, 4 * 70 + 8 * 90)
})

test('P-E3 of two texts in one place that of operations stands left of that of Yjs updates', () => {
  for (const [slots, expected] of [
    [[2, 4], 'ab'],
    [[4, 2], 'ba'],
    [[1, 3], 'ab'],
    [[1, 2], 'ba'],
    [[6, 1], 'ab'],
  ] as const) {
    const server = new Server('')
    for (const slot of slots) server.join(slot)
    for (const [index, slot] of slots.entries()) server.receive(slot, edit(0, 0, 'ab'[index]!), [1])
    assert.equal(server.text, expected, show(slots))
  }
})

test('what people type at one place stays together also when they see each other at it', () => {
  const random = seeded()
  for (let run = 0; run < 300; run += 1) {
    const server = new Server('<>')
    const clients = [2, 4, 6].map((slot) => new Client(server, slot, false))
    for (const client of clients) client.vector = server.vector.slice()
    const words = ['abcd', 'LMNO', 'wxyz']
    const typed = [0, 0, 0]
    while (clients.some(({ up, down }, index) => up.length + down.length > 0 || typed[index]! < 4)) {
      const index = random.int(3)
      const client = clients[index]!
      const luck = random.int(3)
      if (luck === 0 && typed[index]! < 4) {
        const before = words[index]!.slice(0, typed[index])
        const at = before === '' ? 1 : client.text.indexOf(before) + before.length
        client.make(edit(at, 0, words[index]![typed[index]!]!))
        typed[index]! += 1
      } else if (luck === 1 && client.up.length > 0) deliver(server, clients, client)
      else if (client.down.length > 0) client.hear(client.down.shift()!)
    }
    const hint = `seed ${random.seed}, run ${run}: ${server.text}`
    assert.ok(
      words.every((word) => server.text.includes(word)),
      hint,
    )
  }
})

/** The slots of plain clients are even; here they are counted 1, 2, 3. */
const wide = (vector: readonly number[]): readonly number[] =>
  vector.flatMap((count, slot) => (slot === 0 ? [count] : [0, count]))

class PlainServer extends Server {
  override join(slot: number): void {
    super.join(2 * slot)
  }

  override receive(slot: number, sent: Edit, vector: readonly number[]): readonly LoggedEdit[] {
    return super.receive(2 * slot, sent, wide(vector))
  }

  override missing(slot: number, vector: readonly number[]): readonly LoggedEdit[] {
    return super.missing(2 * slot, wide(vector))
  }
}

/** A server on which slot 1 has typed each letter of a word at the end, one edit each. */
function typedBy(word: string): PlainServer {
  const server = new PlainServer('')
  server.join(1)
  for (const [index, letter] of [...word].entries()) server.receive(1, edit(index, 0, letter), [1, index])
  server.join(2)
  return server
}

test('P-E2 a vector says what its sender had seen; its own slot, and one that claims nothing, say everything', () => {
  const at = (vector: readonly number[]): string => {
    const server = typedBy('abc')
    server.receive(2, edit(0, 0, '!'), vector)
    return server.text
  }
  assert.equal(at([1, 3]), '!abc')
  assert.equal(at([1, 1]), '!abc', 'b and c were typed behind a')
  assert.equal(at([1]), 'abc!', 'nothing seen: the lower slot is left')
  for (const nothing of [[], [0, 0, 0], [0, 0, 7]]) assert.equal(at(nothing), '!abc', show(nothing))
  assert.equal(at([99, 99, 99, 99]), '!abc')
})

test('a client may send any number of edits on one vector, raised or not', () => {
  for (const raises of [true, false]) {
    const server = typedBy('abc')
    for (const [index, letter] of [...'xyz'].entries())
      server.receive(2, edit(1 + index, 0, letter), [1, 1, raises ? index + 1 : 0])
    assert.equal(server.text, 'abcxyz')
  }
})

test('what has been shown as seen stays seen', () => {
  const server = typedBy('abc')
  server.receive(2, edit(3, 0, 'x'), [1, 3])
  server.receive(2, edit(4, 0, 'y'), [1, 1])
  assert.equal(server.text, 'abcxy')
})

test('edits in the same slot from before it was given again are those of another', () => {
  const server = typedBy('abc')
  server.join(1)
  server.receive(1, edit(0, 0, '!'), [1, 0, 5])
  assert.equal(server.text, 'abc!')
  server.receive(1, edit(1, 0, '?'), [1, 0, 5])
  assert.equal(server.text, 'abc!?', 'its own edit it has seen')
})

test('a vector from before the oldest edit at hand is refused, and the lane stays as it was', () => {
  const server = typedBy('abcdef')
  server.first = 5
  const refusal = { code: 'STALE_STATE', message: /join the PRD again/ }
  assert.throws(() => server.receive(2, edit(0, 0, '!'), [1, 2]), refusal)
  assert.throws(() => server.missing(2, []), { code: 'STALE_STATE' })
  server.receive(2, edit(4, 0, '!'), [1, 4])
  assert.equal(server.text, 'abcdef!')
  server.receive(1, edit(6, 0, 'g'), [1, 6])
  server.first = 7
  assert.throws(() => server.receive(2, edit(5, 0, '?'), [1, 4]), { code: 'STALE_STATE' }, 'unseen for too long')
  server.receive(2, edit(7, 0, '?'), [1, 6])
  assert.equal(server.text, 'abcdefg!?')
})

test('a connection that only reads looks at the newest of the log when it sends, however long that has become', () => {
  const asked: number[] = []
  const entry = (seq: number): LoggedEdit => ({ ...edit(seq, 0, 'x'), seq, slot: 1, count: seq, accountId: 1, time: 0 })
  const at = (seq: number): LoggedEdit => (asked.push(seq), entry(seq))
  const lane = new Lane(2, 1)
  const rebased = lane.rebase([edit(0, 0, '!')], [0, 99_998], { first: 50_000, last: 100_000, at })
  assert.deepEqual(asked, [100_000, 99_999, 99_998])
  assert.deepEqual(
    rebased.unseen.map(({ seq }) => seq),
    [99_999, 100_000],
  )
})

test('edits that are not accepted leave no trace', () => {
  const server = typedBy('abc')
  const lane = new Lane(4, server.last)
  const first = lane.rebase([edit(0, 1, 'long')], wide([1, 1]), server)
  assert.deepEqual(first.edits, [edit(0, 1, 'long')])
  assert.deepEqual(lane.rebase([edit(1, 0, '!')], wide([1, 1]), server).edits, [edit(3, 0, '!')])
})

test('P-E9 what is missing brings the text of the connection to that of the server', () => {
  const server = typedBy('abc')
  const texts = (slot: number, vector: readonly number[], text: string): string =>
    applyAll(text, server.missing(slot, vector))
  assert.equal(texts(2, [1, 1], 'a'), 'abc', 'of one that has sent nothing')
  assert.equal(texts(2, [], ''), 'abc', 'from the beginning')
  server.receive(2, edit(0, 1, 'A'), [1, 1])
  server.receive(2, edit(1, 0, '!'), [1, 1])
  assert.equal(server.text, 'Abc!')
  assert.equal(texts(2, [1, 1], 'A!'), 'Abc!', 'with its own edits in it')
  assert.deepEqual(server.missing(2, [1, 3]), [])
  assert.equal(texts(2, [], ''), 'Abc!', 'of one that has lost its text')
  server.receive(2, edit(3, 0, '?'), [1, 3])
  assert.equal(texts(2, [1, 2], 'ab'), server.text, 'of one that has only an old one')
  const naive = typedBy('abc')
  naive.join(3)
  naive.receive(3, edit(0, 0, '>'), [])
  assert.equal(applyAll('ab', naive.missing(3, [1, 2])), naive.text, 'also where an edit has claimed nothing')
})

test('a collision names what its sender made, what became of it, and the unseen edit of the other', () => {
  const server = typedBy('abc')
  server.join(3)
  server.receive(2, edit(0, 2, 'XY'), [1, 3])
  assert.equal(server.collisions.length, 0)
  server.receive(3, edit(1, 2, 'Z'), [1, 3])
  const [collision] = server.collisions
  assert.deepEqual(collision?.own, edit(1, 2, 'Z'))
  assert.deepEqual(collision?.applied, [edit(2, 1, 'Z')])
  assert.deepEqual([collision?.other.seq, collision?.other.slot], [5, 4])
  assert.equal(server.text, 'XYZ')
})

test('the same replacement made by two people is made once, and there is nothing left to log', () => {
  const server = typedBy('teh')
  server.join(3)
  assert.equal(server.receive(2, edit(1, 2, 'he'), [1, 3]).length, 1)
  assert.deepEqual(server.receive(3, edit(1, 2, 'he'), [1, 3]), [])
  assert.deepEqual([server.text, server.collisions], ['the', []])
})

test('a connection that was told everything by other means has seen it', () => {
  const server = typedBy('abc')
  const lane = new Lane(2, server.last)
  lane.accept(lane.rebase([edit(1, 0, '!')], [1, 1], server))
  lane.advance(server.last)
  assert.deepEqual(lane.rebase([edit(0, 0, '?')], [1, 1], server).edits, [edit(0, 0, '?')])
  assert.deepEqual(lane.missing([1, 1], server), [])
})
