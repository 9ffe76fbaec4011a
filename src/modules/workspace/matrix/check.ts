import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Parts } from '../actions/parts.ts'
import { workspaceApiRoutes } from '../routes.ts'
import { Cast, columns, type Column, type Door, type Target } from './testing.ts'

/** The module's own list: a door that is added there is missed in the table. */
const routes = workspaceApiRoutes({ settings: {} } as Parts)
/** The status that a door documents for a success. */
export const documented: ReadonlyMap<string, number> = new Map(
  routes.map(({ method, path, status }) => [`${method} ${path}`, status]),
)

const codes: Readonly<Record<number, string>> = {
  400: 'VALIDATION_ERROR', 401: 'INVALID_TOKEN', 403: 'UNAUTHORIZED', 404: 'NOT_FOUND', 409: 'CONFLICT',
}

/** What a row says of each column that it has a case for. */
export const cellsOf = ({ route, rows }: Door, key: string): readonly (readonly [Column, number])[] => {
  const words = rows[key]!.trim().split(/\s+/)
  assert.equal(words.length, columns.length)
  return columns.flatMap((who, i): (readonly [Column, number])[] =>
    words[i] === '-' ? [] : [[who, words[i] === 'ok' ? documented.get(route)! : Number(words[i])]],
  )
}

/**
 * Of each row first come all who are refused, at once: no row of the database may be another afterwards, and nothing
 * may be on any connection. Then those who are let through, each with a thing of their own where it would be used up.
 */
export function testMatrix(sections: Readonly<Record<string, readonly Door[]>>): void {
  let at: Cast
  before(async () => void (at = await Cast.begin()))
  after(() => at?.[Symbol.asyncDispose]())
  for (const [section, doors] of Object.entries(sections)) {
    void test(section, async (t) => {
      for (const door of doors) {
        for (const key of Object.keys(door.rows)) {
          await t.test(`${door.deed}: ${door.route}, ${key}`, () => check(at, door, key))
        }
      }
    })
  }
}

async function check(at: Cast, door: Door, key: string): Promise<void> {
  const { route, thing, each, after, inTurn, late } = door
  const wanted = cellsOf(door, key)
  const got = new Map<Column, number>()
  const call = async (who: Column, target: Target): Promise<void> => {
    const { status, body } = await at.call(route, target, who)
    got.set(who, status)
    if (status >= 400) assert.equal(body.error.code, codes[status], `${who}: ${JSON.stringify(body)}`)
  }
  // Reading leaves no trace, whoever does it.
  const [traceless, done] = split(wanted, ([, status]) => status >= 400 || route.startsWith('GET'))
  const shared = each || traceless.length === 0 ? undefined : await thing(at, key, 'own')
  const targets = await Promise.all(traceless.map(async ([who]) => shared ?? thing(at, key, who)))
  await at.quiet()
  const traces = () => [late ? at.dump() : at.version, route.includes('attachments') ? at.fileCount : 0]
  const before = traces()
  await Promise.all(traceless.map(([who], i) => call(who, targets[i]!)))
  const afterwards = traces()
  await at.expectNothing()
  const deed = async ([who]: readonly [Column, number]): Promise<void> => call(who, await thing(at, key, who))
  if (inTurn) for (const cell of done) await deed(cell)
  else await Promise.all(done.map(deed))
  for (const [who] of done) await after?.(at, who)
  assert.deepEqual(Object.fromEntries(wanted.map(([who]) => [who, got.get(who)])), Object.fromEntries(wanted))
  assert.deepEqual(afterwards, before, 'a refusal has changed something')
}

function split<T>(items: readonly T[], belongs: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(belongs), items.filter((item) => !belongs(item))]
}
