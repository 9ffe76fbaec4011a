import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Crowd, Gathering, Running, Target } from '../candidate.ts'
import { freePort, launch, node } from '../process.ts'
import { counting } from './counting.ts'

/** Starts one of `servers/`. */
export const startStock = async <T extends Omit<Target, 'port'>>(
  file: string,
  target: T,
  { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
): Promise<Running<T & Target>> => {
  const port = await freePort()
  const path = fileURLToPath(new URL(`../servers/${file}`, import.meta.url))
  const server = await launch(node, [...args, path], { PORT: String(port), NODE_ENV: 'production', ...env }, port, '/')
  return { ...server, target: { ...target, port } }
}

export const stock = (file: string, target: Omit<Target, 'port'>): Promise<Running> => startStock(file, target)

export interface StockCrowd {
  /** Starts with a `?` or `&`. */
  path: string
  /** Before the id of a single person, and of the first of a list. */
  one: string
  list: string
  /** Before the id of the person whose status is changed. */
  change: string
  changeEnd: string
  join: Target['join']
  heartbeat?: Target['heartbeat']
}

/** Starts one of the servers that tell people of each other, and says what they say of `people`. */
export const gatherStock = async (file: string, { people }: Gathering, face: StockCrowd): Promise<Running<Crowd>> => {
  const { counter, ...setting } = await counting()
  const ids = Array.from({ length: people }, () => randomUUID() as string)
  const last = ids.at(-1)!
  const [online, offline] = ['","status":"online"', '","status":"offline"']
  const target: Omit<Crowd, 'port'> = {
    members: ids.map((id) => `${face.path}user=${id}`),
    join: face.join,
    ...(face.heartbeat && { heartbeat: face.heartbeat }),
    prefix: `${face.one}${last}"`,
    publish: {
      kind: 'frame',
      path: face.path.slice(0, -1),
      before: `${face.change}${last}","status":`,
      contents: ['"away"  ', '"online"'],
      after: face.changeEnd,
    },
    counter,
    ids,
    sightings: [
      { before: face.one, after: online, online: true },
      { before: face.one, after: offline, online: false },
      { before: face.list, after: online, between: '},{"user_id":"', online: true },
    ],
  }
  return startStock(file, target, setting)
}
