import type { Candidate, Crowd, Gathering, HttpPublish, Step, Target } from '../candidate.ts'
import { TOKEN } from '../candidate.ts'
import { counting } from './counting.ts'
import { enter, ENTERED, heartbeat, path, PRESENCE_UPDATE, sightingsOf } from './socketio.ts'
import { type Account, ours, post, register, several, startServer } from './switchboard.ts'

/** Numbers of the acknowledgements that are waited for; `42<number>` asks for one, `43<number>` is it. */
const AUTHENTICATE = 0
const NEXT = 1
const PUBLISH = 2
const accepted = (ref: number): string => `43${ref}[{"ok":true`

/** The greeting as in the document, with one more command after it. */
const authenticate = (next: string, answer: string): Step[] => [
  enter,
  { expect: ENTERED, send: `42${AUTHENTICATE}["authenticate","${TOKEN}"]` },
  { expect: accepted(AUTHENTICATE), send: `42${NEXT}${next}` },
  { expect: answer },
]

interface Scene {
  admin: Account
  channel: number
  people: Account[]
}

/** A public channel; who joins it on a socket is a member of it from then on. */
const scene = async (port: number, count: number): Promise<Scene> => {
  const admin = await register(port, 'benchadmin')
  const room = { name: 'room', visibility: 'public' }
  const { id: channel } = await post<{ id: number }>(port, '/api/helpdesk/channels', room, admin.access_token)
  const people = await several(count, (index) => register(port, `bench${index}`))
  return { admin, channel, people }
}

const doors = ({ people }: Scene) => ({
  members: [path],
  tokens: people.map(({ access_token }) => access_token),
  heartbeat,
})

const room = async (port: number, people: number): Promise<Target> => {
  const made = await scene(port, people)
  const { admin, channel } = made
  const command: HttpPublish = {
    kind: 'http',
    path: `/api/helpdesk/channels/${channel}/messages`,
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${admin.access_token}` },
    before: '{"message":"',
    after: '"}',
  }
  return {
    port,
    ...doors(made),
    join: authenticate(`["join_channel",${channel}]`, accepted(NEXT)),
    prefix: '42["chat:new_message"',
    publish: {
      kind: 'frame',
      path,
      before: `42${PUBLISH}["chat:send_message",{"channelId":${channel},"message":"`,
      after: '"}]',
      accepted: accepted(PUBLISH),
    },
    command,
  }
}

const crowd = async (port: number, people: number): Promise<Crowd> => {
  const made = await scene(port, people)
  const ids = made.people.map(({ user }) => String(user.id))
  return {
    port,
    ...doors(made),
    join: authenticate('["presence:get_online_users"]', `43${NEXT}[[`),
    prefix: `${PRESENCE_UPDATE}${ids.at(-1)},`,
    publish: {
      kind: 'frame',
      path,
      before: `42${PUBLISH}["update_presence",{"status":`,
      contents: ['"away"  ', '"online"'],
      after: '}]',
      accepted: accepted(PUBLISH),
      token: ids.length - 1,
    },
    ids,
    sightings: sightingsOf(`43${NEXT}[[{"userId":`),
  }
}

const graced = (graceMs: number) => ({ SWITCHBOARD_HELPDESK_PRESENCE_GRACE_MS: String(graceMs) })
/** Where presence is not what is measured, nobody goes between one cell and the next: their return tells nobody. */
const LONG_GRACE_MS = 60 * 60 * 1000

export const helpdesk: Candidate = {
  ...ours,
  name: 'helpdesk',
  about: 'this server, helpdesk module: messages by Socket.IO, validated, authorised, durable, logged, delivered',
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
