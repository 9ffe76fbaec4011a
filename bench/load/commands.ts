import { setTimeout as sleep } from 'node:timers/promises'
import type { Target } from '../candidate.ts'
import { Samples } from '../stats.ts'
import { type Cost, meter } from './meter.ts'
import { content } from './publisher.ts'
import { head, openRequesters } from './request.ts'

export interface CommandsOrder {
  pid: number
  target: Target
  connections: number
  contentBytes: number
  warmupMs: number
  windowMs: number
}

export interface CommandsResult extends Cost {
  /** Commands accepted in the window. */
  accepted: number
  /** Time from sending a command to its acknowledgement, in ms. */
  ackMs: Float64Array
  invalid: string[]
}

/** Every connection sends its next command when the last one is acknowledged. */
export const commands = async (order: CommandsOrder): Promise<CommandsResult> => {
  const { pid, target, connections, contentBytes } = order
  const publish = target.command ?? target.publish
  if (publish.kind !== 'http') throw new Error('commands are measured over HTTP')
  const start = head(target.port, publish, contentBytes) + publish.before
  const sent = new Float64Array(connections)
  const samples = new Samples()
  const refused = new Map<number, number>()
  let sequence = 0
  let accepted = 0
  let running = true

  const requesters = await openRequesters(target.port, connections, (index, status) => {
    const now = performance.now()
    if (status >= 200 && status < 300) {
      accepted++
      samples.add(now - sent[index]!)
    } else refused.set(status, (refused.get(status) ?? 0) + 1)
    // A refused connection stops: a server that only says no must not look fast.
    if (running && status >= 200 && status < 300) send(index, now)
  })
  const send = (index: number, now: number): void => {
    sent[index] = now
    requesters[index]!.send(start + content(sequence++, contentBytes) + publish.after)
  }

  for (let i = 0; i < connections; i++) send(i, performance.now())
  await sleep(order.warmupMs)
  samples.clear()
  const before = accepted
  const measured = meter(pid)
  await sleep(order.windowMs)
  const cost = measured()
  const window = accepted - before
  const ackMs = samples.take()
  running = false
  const end = performance.now() + 10_000
  const answered = (): number => accepted + [...refused.values()].reduce((sum, count) => sum + count, 0)
  while (answered() < sequence && performance.now() < end) await sleep(20)

  const invalid: string[] = []
  if (window === 0) invalid.push('nothing was accepted')
  for (const [status, count] of refused) {
    invalid.push(`${count} commands answered ${status === 0 ? 'by a broken connection' : status}`)
  }
  if (answered() < sequence) invalid.push(`${sequence - answered()} commands were never answered`)
  requesters.forEach((requester) => requester.close())
  return { ...cost, accepted: window, ackMs, invalid }
}
