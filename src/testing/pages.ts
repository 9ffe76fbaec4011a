import assert from 'node:assert/strict'
import type { User } from './world.ts'

/** A whole list, page by page. @param path may have a query */
export async function pages<R = Record<string, unknown>>(user: User, path: string): Promise<R[]> {
  const rows: R[] = []
  const first = `${path}${path.includes('?') ? '&' : '?'}limit=200`
  let before = ''
  for (;;) {
    const { status, body } = await user.get(first + before)
    assert.equal(status, 200, `${user.name}: ${path}: ${JSON.stringify(body)}`)
    rows.push(...(body.items as R[]))
    const { next_before: next = body.nextBefore } = body
    if (next === null) return rows
    before = `&before=${next}`
  }
}
