import type { Bus, BusReceiver } from '../kernel/bus.ts'

/** The bus of a single process: a function call. */
export function memoryBus(): Bus {
  const receivers: BusReceiver[] = []
  return {
    subscribe: (receiver) => void receivers.push(receiver),
    publish: (events) => receivers.forEach((receiver) => receiver.events(events)),
    signal: (signal) => receivers.forEach((receiver) => receiver.signal(signal)),
    close: () => Promise.resolve(),
  }
}
