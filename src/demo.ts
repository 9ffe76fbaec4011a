import { readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { App } from './app.ts'
import type { ModuleName } from './config.ts'
import { newSecret } from './kernel/ids.ts'

/** What a newcomer can try at once. */
export interface Demo {
  readonly password: string
  /** Each is absent where its protocol is not offered, and in data of a version that had none. */
  readonly projectId?: number
  readonly workspaceId?: string
  readonly channelId?: string
  /** Of alice and bob. */
  readonly conversationId?: string
  /** The first support channel, which the document's examples join. */
  readonly supportChannelId?: number
  /** A document alice owns and bob edits. */
  readonly prdId?: string
}

const people = [
  { username: 'admin', display_name: 'Ada Admin', role: 'admin' },
  { username: 'alice', display_name: 'Alice Ames', role: 'manager' },
  { username: 'bob', display_name: 'Bob Baker', role: 'developer' },
  { username: 'carol', display_name: 'Carol Cole', role: 'reporter' },
]

const reports = [
  { title: 'Login button does nothing on Safari', description: 'Nothing happens on click.', priority: 'high' },
  { title: 'Export misses the last row', description: 'The CSV ends one row early.', priority: 'medium' },
  { title: 'Typo on the pricing page', description: '"Recieve" should be "Receive".', priority: 'low' },
]

/** On an empty database: four accounts, and what each protocol starts with, through the same doors everybody uses. */
export async function seedDemo(app: App, dataDir: string): Promise<Demo | undefined> {
  const path = join(dataDir, 'demo.json')
  const kept = readKept(path)
  if (kept) return kept
  const password = newSecret().slice(0, 16)
  const tokens = new Map<string, string>()
  const ids = new Map<string, number>()
  const has = (name: ModuleName): boolean => app.modules.includes(name)
  const call: Door = async (as, method, url, payload) => {
    const headers = as === undefined ? {} : { authorization: `Bearer ${tokens.get(as)}` }
    const response = await app.http.inject({ method, url, headers, ...(payload && { payload }) })
    if (response.statusCode >= 300) throw new Error(`demo: ${method} ${url} answered ${response.statusCode}`)
    return response.body === '' ? {} : (JSON.parse(response.body) as Json)
  }
  if (await hasAccounts(app)) return undefined
  for (const { username, display_name, role } of people) {
    const email = `${username}@example.com`
    const login = await call(undefined, 'POST', '/api/auth/register', { username, email, password, display_name })
    tokens.set(username, login['access_token'] as string)
    const { id } = login['user'] as { id: number }
    ids.set(username, id)
    if (role !== 'admin' && has('tracker')) await call('admin', 'PATCH', `/api/tracker/users/${id}`, { role })
  }
  const demo = {
    password,
    ...(has('tracker') && (await seedTracker(call))),
    ...(has('workspace') && (await seedWorkspace(call))),
    ...(has('dating') && (await seedDating(call))),
    ...(has('helpdesk') && (await seedHelpdesk(call, ids))),
    ...(has('prd') && (await seedPrd(call, ids))),
  }
  writeFileSync(path, JSON.stringify(demo), { mode: 0o600 })
  return demo
}

type Json = Record<string, unknown>
type Door = (
  as: string | undefined,
  method: 'GET' | 'POST' | 'PATCH' | 'PUT',
  url: string,
  payload?: object,
) => Promise<Json>

async function seedTracker(call: Door): Promise<{ projectId: number }> {
  const project = { name: 'Demo shop', description: 'A project to try things in.' }
  const projectId = (await call('alice', 'POST', '/api/tracker/projects', project))['id'] as number
  for (const username of ['bob', 'carol']) {
    await call('alice', 'POST', `/api/tracker/projects/${projectId}/members`, { username })
  }
  for (const report of reports) {
    await call('carol', 'POST', '/api/tracker/bug-reports', { project_id: projectId, ...report })
  }
  return { projectId }
}

const talk = [
  ['alice', 'Good morning! The cart is on fire again, see the tracker.'],
  ['bob', 'On it. @carol can you say what was in your cart?'],
  ['carol', 'Two umbrellas :) and it only happens on Safari.'],
] as const

async function seedWorkspace(call: Door): Promise<{ workspaceId: string; channelId: string }> {
  const { id: workspaceId } = (await call('alice', 'POST', '/api/workspaces', { name: 'Demo team' })) as { id: string }
  const url = `/api/workspaces/${workspaceId}`
  const { token } = await call('alice', 'POST', `${url}/invites`, {})
  for (const username of ['admin', 'bob', 'carol']) await call(username, 'POST', '/api/invites/accept', { token })
  const channels = (await call('alice', 'GET', `${url}/channels`))['items'] as { id: string; is_general: boolean }[]
  const channelId = channels.find((channel) => channel.is_general)!.id
  for (const [username, content] of talk)
    await call(username, 'POST', `/api/channels/${channelId}/messages`, { content })
  return { workspaceId, channelId }
}

const bios = {
  alice: 'Climbs rocks and debugs carts. Looking for somebody to share umbrellas with.',
  bob: 'Bakes bread on Sundays. Will trade a loaf for a good story.',
  carol: 'Half of my photos are of other people’s dogs.',
}

/** Alice and Bob have liked each other; Bob likes Carol, who has not seen it yet. */
async function seedDating(call: Door): Promise<{ conversationId: string }> {
  const id = new Map<string, string>()
  for (const [username, bio] of Object.entries(bios)) {
    id.set(username, (await call(username, 'PUT', '/api/dating/profile', { bio }))['user_id'] as string)
  }
  for (const [username, likes] of [
    ['bob', 'carol'],
    ['bob', 'alice'],
  ] as const) {
    await call(username, 'POST', '/api/dating/likes', { user_id: id.get(likes) })
  }
  const match = await call('alice', 'POST', '/api/dating/likes', { user_id: id.get('bob') })
  const conversationId = match['conversation_id'] as string
  const url = `/api/dating/conversations/${conversationId}/messages`
  await call('alice', 'POST', url, { content: 'Hey! How is the bread?', type: 'text' })
  return { conversationId }
}

/** Bob is the agent; Carol is a customer who has asked for help. */
async function seedHelpdesk(call: Door, ids: ReadonlyMap<string, number>): Promise<{ supportChannelId: number }> {
  const helpdesk = '/api/helpdesk'
  await call('admin', 'PUT', `${helpdesk}/users/${ids.get('bob')}/permissions`, { role: 'agent' })
  const channel = { name: 'Support', description: 'Ask us anything', visibility: 'public' }
  const supportChannelId = (await call('bob', 'POST', `${helpdesk}/channels`, channel))['id'] as number
  const ticket = { subject: 'The cart forgets my umbrellas', description: 'Both of them.', priority: 'high' }
  const { id } = await call('carol', 'POST', `${helpdesk}/tickets`, { ...ticket, channelId: supportChannelId })
  for (const message of [
    { message: 'Hello, my cart is empty again.' },
    { message: `#${String(id)}`, messageType: 'ticket_link' },
  ]) {
    await call('carol', 'POST', `${helpdesk}/channels/${supportChannelId}/messages`, message)
  }
  return { supportChannelId }
}

/** Alice owns a document from a template; Bob may edit it, Carol may view and comment. */
async function seedPrd(call: Door, ids: ReadonlyMap<string, number>): Promise<{ prdId: string }> {
  const { id: organizationId } = await call('alice', 'POST', '/api/organizations', { name: 'Umbrella shop' })
  for (const username of ['bob', 'carol']) {
    const member = { userId: `user_${ids.get(username)}`, role: 'member' }
    await call('alice', 'POST', `/api/organizations/${String(organizationId)}/members`, member)
  }
  const prd = { organizationId, title: 'A cart that remembers', templateId: 'one-pager' }
  const prdId = (await call('alice', 'POST', '/api/prds', prd))['id'] as string
  await call('alice', 'PUT', `/api/prds/${prdId}/collaborators/user_${ids.get('bob')}`, { role: 'editor' })
  const comment = { position: 0, content: 'Does it remember umbrellas, too?', selection: null }
  await call('carol', 'POST', `/api/prds/${prdId}/comments`, comment)
  return { prdId }
}

async function hasAccounts(app: App): Promise<boolean> {
  return (await app.identity.countAccounts()) > 0
}

function readKept(path: string): Demo | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Demo
  } catch {
    return undefined
  }
}

const doors = (name: ModuleName, port: number | undefined, base: string): string =>
  ({
    tracker: `  tracker         ws://localhost:${port}/tracker/ws?token=ACCESS_TOKEN`,
    workspace: `  workspace chat  ws://localhost:${port}/ws/WORKSPACE_ID?token=ACCESS_TOKEN`,
    dating: `  dating          ws://localhost:${port}/ws with the header Authorization: Bearer ACCESS_TOKEN`,
    helpdesk: `  helpdesk        Socket.IO at ${base}; the client for a page is ${base}/socket.io/socket.io.js`,
    prd: `  prd             Socket.IO at ${base}/prds with auth: {token: ACCESS_TOKEN}`,
  })[name]

const logIn = (username: string, base: string, { password }: Demo): readonly string[] => [
  `  TOKEN=$(curl -s ${base}/api/auth/login -H 'content-type: application/json' \\`,
  `    -d '{"username":"${username}","password":"${password}"}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
]

/** Addresses and a tour to copy, on the console. */
export function greet(
  addresses: readonly AddressInfo[],
  modules: readonly ModuleName[],
  demo: Demo | undefined,
): void {
  const [main, ...extra] = addresses.map((address) => address.port)
  const base = `http://localhost:${main}`
  // What is kept of an earlier start may be of protocols that are not offered now.
  const offers = (name: ModuleName): boolean => modules.includes(name)
  const lines = [
    '',
    `Switchboard is at ${base}${extra.length > 0 ? ` (also on ${extra.join(', ')})` : ''}`,
    `  REST documents  ${base}/docs`,
    ...modules.map((name) => doors(name, main, base)),
    `  for operators   ${base}/healthz  /readyz  /metrics`,
    '',
  ]
  if (demo) {
    lines.push(
      `Demo accounts: ${people.map((person) => `${person.username} (${person.role})`).join(', ')}`,
      `Password of all four: ${demo.password}`,
      '',
      'Try it. In one terminal, as bob:',
      '',
      ...logIn('bob', base, demo),
      '',
      'In another, as carol:',
      '',
      ...logIn('carol', base, demo),
      '',
    )
  }
  if (offers('tracker') && demo?.projectId !== undefined) {
    lines.push(
      'Listen as bob, then report a bug as carol and watch it arrive:',
      '',
      `  npx node -e "new WebSocket('ws://localhost:${main}/tracker/ws?token=$TOKEN').onmessage = m => console.log(m.data)"`,
      '',
      `  curl -s ${base}/api/tracker/bug-reports -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\`,
      `    -d '{"project_id":${demo.projectId},"title":"Cart forgets items","priority":"high"}'`,
      '',
    )
  }
  if (offers('workspace') && demo?.workspaceId !== undefined) {
    lines.push(
      "The team's chat, with the same tokens: listen, and send a message to #general:",
      '',
      `  npx node -e "new WebSocket('ws://localhost:${main}/ws/${demo.workspaceId}?token=$TOKEN').onmessage = m => console.log(m.data)"`,
      '',
      `  curl -s ${base}/api/channels/${demo.channelId}/messages -H "authorization: Bearer $TOKEN" \\`,
      `    -H 'content-type: application/json' -d '{"content":"Hello, team!"}'`,
      '',
    )
  }
  if (offers('dating') && demo?.conversationId !== undefined) {
    lines.push(
      'Private messages: listen as bob (TOKEN of above), and write as alice:',
      '',
      `  npx node -e "new WebSocket('ws://localhost:${main}/ws?token=$TOKEN').onmessage = m => console.log(m.data)"`,
      '',
      `  curl -s ${base}/api/dating/conversations/${demo.conversationId}/messages -H "authorization: Bearer $TOKEN" \\`,
      `    -H 'content-type: application/json' -d '{"content":"Are you there?","type":"text"}'`,
      '',
    )
  }
  if (offers('helpdesk') && demo?.supportChannelId !== undefined) {
    lines.push(
      'Support chat: in the console of a page that has loaded the client, or in Node with socket.io-client:',
      '',
      `  const socket = io('${base}'); socket.emit('authenticate', TOKEN)`,
      `  socket.on('authenticated', () => socket.emit('join_channel', ${demo.supportChannelId}))`,
      "  socket.on('chat:new_message', (message) => console.log(message))",
      `  socket.emit('chat:send_message', { channelId: ${demo.supportChannelId}, message: 'Hello!', messageType: 'text' })`,
      '',
    )
  }
  if (offers('prd') && demo?.prdId !== undefined) {
    lines.push(
      'One document, edited by everybody at once (the same client, as alice, bob or carol):',
      '',
      `  const prds = io('${base}/prds', { auth: { token: TOKEN } })`,
      '  prds.onAny((event, data) => console.log(event, data))',
      `  prds.emit('join-prd', { prdId: '${demo.prdId}', mode: 'edit' })`,
      `  prds.emit('content-update', { prdId: '${demo.prdId}', operation: { type: 'insert', position: 0, content: 'Hello! ' } })`,
      '',
    )
  }
  console.log(lines.join('\n'))
}
