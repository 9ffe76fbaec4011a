/** Where the time of a CPU profile went, by function, without what it called: `node bench/profile.ts FILE [ROWS]`. */
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { root } from './process.ts'
import { percent, table } from './table.ts'

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[]
  samples: number[]
  timeDeltas: number[]
}

const [file, rows = '25'] = process.argv.slice(2)
if (file === undefined) {
  process.stderr.write('node bench/profile.ts FILE [ROWS]\n')
  process.exit(2)
}
const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as Profile
const base = pathToFileURL(root).href
const names = new Map(
  nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
    const place = url === '' ? '' : ` ${url.replace(base, '').replace(/^file:\/\//, '')}:${lineNumber + 1}`
    return [id, `${functionName || '(anonymous)'}${place}`]
  }),
)
const self = new Map<string, number>()
for (const [i, id] of samples.entries()) {
  const name = names.get(id)!
  if (name !== '(idle)') self.set(name, (self.get(name) ?? 0) + timeDeltas[i]!)
}
const busy = [...self.values()].reduce((sum, time) => sum + time, 0)
const most = [...self].toSorted(([, a], [, b]) => b - a).slice(0, Number(rows))
const lines = most.map(([name, time]) => [name, (time / 1000).toFixed(0), percent(time / busy)])
process.stdout.write(`${table(['function, of the time not idle', 'self ms', ''], lines)}\n`)
