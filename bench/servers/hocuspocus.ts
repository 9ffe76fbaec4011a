/**
 * Stock Hocuspocus. Without `STORE` it keeps documents in memory alone; with it, it stores them as its SQLite extension
 * does: one row with the whole state, written by `onStoreDocument` (2 to 10 s after a change), without any log.
 */
import { DatabaseSync } from 'node:sqlite'
import { Server } from '@hocuspocus/server'
import * as Y from 'yjs'

const file = process.env['STORE']

const storing = (path: string) => {
  const database = new DatabaseSync(path)
  database.exec('CREATE TABLE IF NOT EXISTS documents (name varchar(255) NOT NULL, data blob NOT NULL, UNIQUE(name))')
  const find = database.prepare('SELECT data FROM documents WHERE name = ?')
  const keep = database.prepare(
    'INSERT INTO documents (name, data) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET data = excluded.data',
  )
  return {
    onLoadDocument: async ({ documentName, document }: { documentName: string; document: Y.Doc }) => {
      const row = find.get(documentName) as { data: Uint8Array } | undefined
      if (row) Y.applyUpdate(document, row.data)
    },
    onStoreDocument: async ({ documentName, document }: { documentName: string; document: Y.Doc }) => {
      keep.run(documentName, Y.encodeStateAsUpdate(document))
    },
  }
}

const port = Number(process.env['PORT'])
await new Server({ address: '127.0.0.1', port, quiet: true, ...(file && storing(file)) }).listen()
