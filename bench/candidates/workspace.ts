import type { Candidate, Crowd, Gathering, Target } from '../candidate.ts'
import { counting } from './counting.ts'
import { type Account, ours, post, register, several, startServer } from './switchboard.ts'

interface Scene {
  owner: Account
  workspace: string
  channel: string
  /** All of them are in the channel. */
  members: Account[]
}

/** A workspace with a channel, and `people` who came in by a link; its owner, who writes, is never connected. */
const scene = async (port: number, people: number): Promise<Scene> => {
  const owner = await register(port, 'benchowner')
  const make = <T>(path: string, body: unknown): Promise<T> => post(port, `/api${path}`, body, owner.access_token)
  const { id: workspace } = await make<{ id: string }>('/workspaces', { name: 'Bench' })
  const room = { type: 'public', name: 'room' }
  const { id: channel } = await make<{ id: string }>(`/workspaces/${workspace}/channels`, room)
  const link = { max_uses: people, channel_ids: [channel] }
  const { token } = await make<{ token: string }>(`/workspaces/${workspace}/invites`, link)
  const members = await several(people, async (index) => {
    const account = await register(port, `bench${index}`)
    await post(port, '/api/invites/accept', { token }, account.access_token)
    return account
  })
  return { owner, workspace, channel, members }
}

/** Whoever is let in is first told of somebody's presence, if only of their own. */
const PRESENCE = '{"type":"presence.updated"'

const doors = ({ workspace, members }: Scene): Pick<Target, 'members' | 'join'> => ({
  members: members.map(({ access_token }) => `/ws/${workspace}?token=${access_token}`),
  join: [{ expect: PRESENCE }],
})

const headersOf = ({ access_token }: Account) => ({
  'Content-Type': 'application/json',
  Authorization: `Bearer ${access_token}`,
})

const room = async (port: number, people: number): Promise<Target> => {
  const made = await scene(port, people)
  return {
    port,
    ...doors(made),
    prefix: '{"type":"message.new"',
    publish: {
      kind: 'http',
      path: `/api/channels/${made.channel}/messages`,
      headers: headersOf(made.owner),
      before: '{"content":"',
      after: '"}',
    },
  }
}

const told = `${PRESENCE},"data":{"user_id":"`

const crowd = async (port: number, people: number): Promise<Crowd> => {
  const made = await scene(port, people)
  const last = made.members.at(-1)!
  return {
    port,
    ...doors(made),
    prefix: `${told}${last.user.uuid}"`,
    publish: {
      kind: 'http',
      method: 'PUT',
      path: `/api/workspaces/${made.workspace}/presence`,
      headers: headersOf(last),
      before: '{"status":',
      contents: ['"away"  ', '"online"'],
      after: '}',
    },
    ids: made.members.map(({ user }) => user.uuid),
    sightings: [
      { before: told, after: '","status":"online"', online: true },
      { before: told, after: '","status":"offline"', online: false },
    ],
  }
}

const graced = (graceMs: number) => ({ SWITCHBOARD_WORKSPACE_PRESENCE_GRACE_MS: String(graceMs) })
/** Where presence is not what is measured, nobody goes between one cell and the next: their return tells nobody. */
const LONG_GRACE_MS = 60 * 60 * 1000

export const workspace: Candidate = {
  ...ours,
  name: 'workspace',
  about: 'this server, workspace module: messages by REST, validated, authorised, durable, logged, delivered',
  start: (people) => startServer((port) => room(port, people), { env: graced(LONG_GRACE_MS) }),
  async gather({ people, graceMs }: Gathering) {
    const { args, env, counter } = await counting()
    return startServer(async (port) => ({ ...(await crowd(port, people)), counter }), {
      args,
      env: { ...env, ...graced(graceMs) },
    })
  },
  keepsGrace: true,
}
