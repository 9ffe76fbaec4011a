import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Bus } from '../kernel/bus.ts'
import type { LogEvent, Signal } from '../kernel/event.ts'

const event = (offset: number): LogEvent => ({
  offset,
  module: 'toy',
  type: 'said',
  audience: { to: ['toy:room'] },
  payload: `{"n":${offset}}`,
  subject: null,
  effects: [],
  at: offset,
})

/**
 * One suite for every bus. A bus promises little, on purpose (kernel/bus.ts): what one sender publishes reaches every
 * receiver in that order, the sender's own included; what it leaves out, the log has.
 *
 * @param received resolves when what was published has had time to arrive
 */
export function busContract(name: string, open: () => Promise<Bus>, received: () => Promise<void>): void {
  describe(`bus contract: ${name}`, () => {
    let bus: Bus
    const heard: { events: LogEvent[]; signals: Signal[] }[] = [0, 1].map(() => ({ events: [], signals: [] }))

    before(async () => {
      bus = await open()
      for (const { events, signals } of heard) {
        bus.subscribe({
          events: (batch) => void events.push(...batch),
          signal: (signal) => void signals.push(signal),
        })
      }
    })
    after(() => bus.close())

    test('B-1 every receiver, the own one included, hears events whole and in order', async () => {
      bus.publish([event(1), event(2)])
      bus.publish([event(3)])
      await received()
      for (const { events } of heard) assert.deepEqual(events, [event(1), event(2), event(3)])
    })

    test('B-2 signals reach every receiver', async () => {
      const signal = { module: 'toy', type: 'waved', audience: { to: ['toy:room'] }, payload: { text: 'hé' } }
      bus.signal(signal)
      await received()
      for (const { signals } of heard) assert.deepEqual(signals, [signal])
    })

    test('B-3 publishing nothing is nothing', async () => {
      bus.publish([])
      await received()
      for (const { events } of heard) assert.equal(events.length, 3)
    })
  })
}
