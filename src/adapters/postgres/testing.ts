import { Client } from 'pg'

export interface TemporaryDatabase {
  readonly url: string
  readonly drop: () => Promise<void>
}

let made = 0

/**
 * A database of its own on the server that `SWITCHBOARD_TEST_POSTGRES_URL` names (by a role that may create some), so
 * that suites can run side by side. Ordered by the rules of a language where the server can, as many are.
 */
export async function temporaryDatabase(server: string): Promise<TemporaryDatabase> {
  const name = `switchboard_test_${process.pid}_${(made += 1)}`
  const plain = `create database ${name} template template0 encoding 'UTF8'`
  await administer(server, `${plain} locale_provider icu icu_locale 'en-US' locale 'C'`).catch(() =>
    administer(server, plain),
  )
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => administer(server, `drop database ${name} with (force)`) }
}

async function administer(server: string, command: string): Promise<void> {
  const client = new Client({ connectionString: server })
  await client.connect()
  try {
    await client.query(command)
  } finally {
    await client.end()
  }
}
