import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'

const lock = JSON.parse(readFileSync(resolve(import.meta.dirname, '../package-lock.json'), 'utf8')) as {
  packages: Record<string, { version?: string; resolved?: string; integrity?: string; link?: boolean; dev?: boolean }>
}

/** Older ones have known holes: fragments and deflate bombs in `ws`, crashes by one packet in the Socket.IO family. */
const least: Readonly<Record<string, string>> = {
  ws: '8.21.0',
  'socket.io': '4.8.0',
  'socket.io-parser': '4.2.6',
  'engine.io': '6.6.4',
  fastify: '5.8.0',
  jose: '6.0.0',
  '@fastify/busboy': '3.1.0',
  'file-type': '21.0.0',
  sharp: '0.34.0',
}

const parts = (version: string): number[] => version.split(/[.-]/).slice(0, 3).map(Number)

function atLeast(version: string, wanted: string): boolean {
  const [have, want] = [parts(version), parts(wanted)]
  const differs = have.findIndex((part, i) => part !== want[i])
  return differs === -1 || have[differs]! > want[differs]!
}

test('no installed copy of a package with known holes is too old', () => {
  for (const [name, wanted] of Object.entries(least)) {
    // Old clients are there to be tested with; nothing of the server loads them.
    const copies = Object.entries(lock.packages).filter(([path, { dev }]) => !dev && path.endsWith(`node_modules/${name}`))
    assert.ok(copies.length > 0, `${name} is not installed`)
    for (const [path, { version }] of copies) assert.ok(atLeast(version!, wanted), `${path} is ${version}`)
  }
})

test('the lock file names no download address and checks what it fetches', () => {
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '') continue
    assert.equal(entry.resolved, undefined, path)
    assert.ok(entry.integrity, `${path} has no integrity`)
  }
})
