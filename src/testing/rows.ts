import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { World } from './world.ts'

/** Everything that is stored by now, table by table: two equal ones mean that nothing was changed. SQLite only. */
export function storedRows({ folder }: Pick<World, 'folder'>, tables: RegExp): Record<string, string> {
  const file = new DatabaseSync(join(folder, 'switchboard.db'), { readOnly: true })
  try {
    const names = file.prepare(`select name from sqlite_master where type = 'table' order by name`).all()
    return Object.fromEntries(
      names
        .map(({ name }) => String(name))
        .filter((name) => tables.test(name) && !name.includes('_fts'))
        .map((name) => {
          const rows = file.prepare(`select * from "${name}"`).all()
          return [name, `${rows.length} ${createHash('sha256').update(JSON.stringify(rows)).digest('hex')}`]
        }),
    )
  } finally {
    file.close()
  }
}
