import assert from 'node:assert/strict'
import type { Route } from '../../../kernel/route.ts'
import type { Answer } from '../../../testing/world.ts'
import { made } from '../testing.ts'
import { goodValue, write } from './schemas.ts'
import { upload, type Stage } from './testing.ts'

/** Any route of the module, asked by the owner for their own things. */

interface Shape {
  readonly properties: Readonly<Record<string, object>>
  readonly required?: readonly string[]
}
type Names = Readonly<Record<string, string>>

export const requiredOf = (schema: unknown): readonly string[] => (schema as Shape).required ?? []
export const propertiesOf = (schema: unknown) => Object.entries((schema as Shape | undefined)?.properties ?? {})

/** The owner's own things, so that nothing but the input can be what is refused: what each kind of parameter may be. */
export async function things(at: Stage): Promise<Names> {
  const { id } = await made(at.owner, `/api/channels/${at.sharedId}/messages`, { content: 'a message' })
  const file = await upload(at.owner, at.workspaceId, 'a file', 'a.txt')
  const invite = await made(at.owner, `/api/workspaces/${at.workspaceId}/invites`, {})
  return {
    workspaces: at.workspaceId, channels: at.sharedId, messages: id, attachments: file.body.id,
    user_id: at.mallory.uuid, invite_id: invite.id, emoji: encodeURIComponent('👍'),
  }
}

/** The path with these parameters; what `:id` is says the segment before it. */
export function fill({ path }: Route, params: Names, instead: Names = {}): string {
  const filled = path
    .replace(/^\/(\w+)\/:id(?=\/|$)/, (whole, kind: string) => `/${kind}/${instead['id'] ?? params[kind] ?? whole}`)
    .replaceAll(/:(\w+)/g, (whole, name: string) => instead[name] ?? params[name] ?? whole)
  assert.doesNotMatch(filled, /\/:/)
  return `/api${filled}`
}

export const withBody = ({ method }: Route): boolean => method !== 'GET' && method !== 'DELETE'

export function call(at: Stage, { method }: Route, path: string, body?: string, type?: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${at.owner.token}`, ...(type !== undefined && { 'content-type': type }) }
  return at.world.request(method, path, body, headers)
}

/** What the code wants where the schema leaves the choice. */
const choices: Readonly<Record<string, object>> = {
  'POST /workspaces/:id/channels': { name: 'x' },
  'PATCH /channels/:id': { name: 'x' },
  'POST /messages/:id/reactions': { emoji: '👍' },
}

/** A body that is taken. */
export function bodyOf(route: Route, instead: Record<string, unknown> = {}, without?: string): string {
  const required = (route.body as Shape | undefined)?.required ?? []
  const given = { ...choices[`${route.method} ${route.path}`], ...instead }
  const names = new Set([...required, ...Object.keys(given)])
  if (without !== undefined) names.delete(without)
  const shapes = (route.body as Shape | undefined)?.properties ?? {}
  return write(Object.fromEntries([...names].map((name) => [name, goodValue(shapes[name] ?? {}, name, given)])))
}
