import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** What the operator sees at /metrics. Labels are modules, kinds and route patterns: never ids, never content. */
export class Metrics {
  readonly registry = new Registry()
  private readonly registers = [this.registry]

  readonly connections = new Gauge({
    name: 'switchboard_connections',
    help: 'Open connections',
    labelNames: ['module'],
    registers: this.registers,
  })
  readonly framesIn = new Counter({
    name: 'switchboard_frames_in_total',
    help: 'Frames received from clients',
    labelNames: ['module'],
    registers: this.registers,
  })
  readonly deliveries = new Counter({
    name: 'switchboard_deliveries_total',
    help: 'Events handed to connections: one per event and connection',
    labelNames: ['module'],
    registers: this.registers,
  })
  readonly writes = new Counter({
    name: 'switchboard_socket_writes_total',
    help: 'Batches written to sockets; deliveries per write is what batching gains',
    registers: this.registers,
  })
  readonly bytesOut = new Counter({
    name: 'switchboard_bytes_out_total',
    help: 'Bytes written to sockets',
    registers: this.registers,
  })
  readonly slowConsumers = new Counter({
    name: 'switchboard_slow_consumers_total',
    help: 'Connections closed because they read too slowly',
    labelNames: ['module'],
    registers: this.registers,
  })
  readonly errors = new Counter({
    name: 'switchboard_errors_total',
    help: 'Commands and requests refused, by kind of error',
    labelNames: ['module', 'kind'],
    registers: this.registers,
  })
  readonly commitGroup = new Histogram({
    name: 'switchboard_commit_group_size',
    help: 'Commands per commit',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers: this.registers,
  })
  readonly commitSeconds = new Histogram({
    name: 'switchboard_commit_seconds',
    help: 'Time of a commit group, its commands included',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
    registers: this.registers,
  })
  readonly eventLag = new Histogram({
    name: 'switchboard_event_lag_seconds',
    help: 'From the start of the commit group of an event to its fan-out',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5],
    registers: this.registers,
  })
  readonly requests = new Histogram({
    name: 'switchboard_http_request_seconds',
    help: 'REST requests by route and status',
    labelNames: ['route', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1],
    registers: this.registers,
  })

  /** A figure read when somebody looks, like the bytes queued for clients. */
  observe(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({ name, help, registers: [], collect: () => gauge.set(read()) })
    this.registry.registerMetric(gauge)
  }
}
