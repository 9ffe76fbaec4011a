import { execFileSync } from 'node:child_process'
import { readFileSync, statfsSync } from 'node:fs'
import { arch, availableParallelism, cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { node, root } from './process.ts'

/** The version of an installed package, or of this one for `.`. */
export const versionOf = (name: string): string => {
  const folder = name === '.' ? root : join(root, 'node_modules', name)
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return version
}

const TMPFS = 0x01021994

/** Whether the databases of this run lie in memory, where making something durable costs nothing. */
export const dataInMemory = (): boolean => statfsSync(tmpdir()).type === TMPFS

/** What the figures were measured on. */
export const machine = () => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  kernel: `${type()} ${release()} ${arch()}`,
  tcp: readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'latin1').trim(),
  node: execFileSync(node, ['--version'], { encoding: 'utf8' }).trim(),
  dataInMemory: dataInMemory(),
  loadAtStart: loadavg()[0] ?? 0,
})
