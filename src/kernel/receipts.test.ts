import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from './connection.ts'
import { Receipts } from './receipts.ts'

/** A device that answers when the test says so. */
class Device {
  private questions: ((received: boolean) => void)[] = []
  gone = false

  confirm(fn: (received: boolean) => void): void {
    if (this.gone) fn(false)
    else this.questions.push(fn)
  }

  get asked(): number {
    return this.questions.length
  }

  /** One pong answers every question before it. */
  pong(): void {
    for (const fn of this.questions.splice(0)) fn(true)
  }

  end(): void {
    this.gone = true
    for (const fn of this.questions.splice(0)) fn(false)
  }
}

const ANA = 1

function person(...devices: Device[]) {
  const received: number[] = []
  const receipts = new Receipts({
    connectionsOf: () => devices.filter(({ gone }) => !gone) as unknown as Connection[],
    onReceived: (user, until) => {
      assert.equal(user, ANA)
      received.push(until)
    },
  })
  return { receipts, received, devices }
}

test('the first device that answers proves it, once; the others say nothing new', () => {
  const devices = [new Device(), new Device(), new Device()]
  const { receipts, received } = person(...devices)
  receipts.sent(ANA, 7)
  assert.deepEqual([received, receipts.size], [[], 1])
  devices[1]!.pong()
  assert.deepEqual([received, receipts.size], [[7], 0])
  devices[0]!.pong()
  devices[2]!.end()
  assert.deepEqual([received, receipts.size], [[7], 0])
})

test('nobody there, nothing is asked and nothing is kept', () => {
  const { receipts, received } = person()
  receipts.sent(ANA, 7)
  assert.deepEqual([received, receipts.size], [[], 0])
})

test('a connection that ends proves nothing; the last one to end is the end of it', () => {
  const [one, two] = [new Device(), new Device()]
  const { receipts, received } = person(one, two)
  receipts.sent(ANA, 7)
  one.end()
  assert.equal(receipts.size, 1)
  two.end()
  assert.deepEqual([received, receipts.size], [[], 0])
})

test('a connection that ended before it was asked proves nothing', () => {
  const device = new Device()
  device.gone = true
  const { receipts, received } = person()
  const asking = new Receipts({
    connectionsOf: () => [device as unknown as Connection],
    onReceived: (_, until) => received.push(until),
  })
  asking.sent(ANA, 7)
  receipts.caughtUp(device as unknown as Connection, ANA, 7)
  assert.deepEqual([received, asking.size], [[], 0])
})

test('what is sent while a question is open is asked for after it: an answer proves only what came before', () => {
  const device = new Device()
  const { receipts, received } = person(device)
  receipts.sent(ANA, 1)
  for (const number of [2, 3, 4]) receipts.sent(ANA, number)
  assert.equal(device.asked, 1)
  device.pong()
  assert.deepEqual([received, device.asked, receipts.size], [[1], 1, 1])
  device.pong()
  assert.deepEqual([received, device.asked, receipts.size], [[1, 4], 0, 0])
})

test('a device that came while another does not answer is asked at once', () => {
  const [asleep, awake] = [new Device(), new Device()]
  const { receipts, received, devices } = person(asleep)
  receipts.sent(ANA, 1)
  devices.push(awake)
  receipts.sent(ANA, 2)
  assert.deepEqual([asleep.asked, awake.asked], [1, 1])
  awake.pong()
  assert.deepEqual([received, receipts.size], [[2], 0])
  // It wakes up: what it proves is known.
  asleep.pong()
  assert.deepEqual([received, receipts.size], [[2], 0])
})

test('an older answer of a slow device is no news after that of a quick one', () => {
  const [slow, quick] = [new Device(), new Device()]
  const { receipts, received, devices } = person(slow)
  receipts.sent(ANA, 1)
  devices.push(quick)
  receipts.sent(ANA, 2)
  receipts.sent(ANA, 3)
  quick.pong()
  assert.deepEqual(received, [2])
  slow.pong()
  assert.deepEqual([received, receipts.size], [[2], 1])
  quick.pong()
  assert.deepEqual([received, receipts.size], [[2, 3], 0])
  slow.pong()
  assert.deepEqual([received, receipts.size], [[2, 3], 0])
})

test('a connection that caught up is asked by itself, for what its person had missed', () => {
  const device = new Device()
  const { receipts, received } = person(device)
  receipts.caughtUp(device as unknown as Connection, ANA, 9)
  assert.deepEqual([received, receipts.size, device.asked], [[], 0, 1])
  device.pong()
  assert.deepEqual([received, receipts.size], [[9], 0])
  receipts.caughtUp(device as unknown as Connection, ANA, 10)
  device.end()
  assert.deepEqual(received, [9])
})

test('people are asked apart from each other', () => {
  const devices = new Map([[1, new Device()], [2, new Device()]])
  const received: [number, number][] = []
  const receipts = new Receipts({
    connectionsOf: (user) => [devices.get(user) as unknown as Connection],
    onReceived: (...one) => received.push(one),
  })
  receipts.sent(1, 5)
  receipts.sent(2, 6)
  assert.equal(receipts.size, 2)
  devices.get(2)!.pong()
  assert.deepEqual([received, receipts.size], [[[2, 6]], 1])
  devices.get(1)!.pong()
  assert.deepEqual([received, receipts.size], [[[2, 6], [1, 5]], 0])
})
