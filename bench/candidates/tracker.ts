import type { Candidate, Target } from '../candidate.ts'
import { ours, post, register, startServer } from './switchboard.ts'

const MEMBERS = 5

/** A project with five members, and a bug report of the admin: the admin's own comments notify nobody. */
const prepare = async (port: number): Promise<Target> => {
  const admin = await register(port, 'benchadmin')
  const project = await post<{ id: string | number }>(
    port,
    '/api/tracker/projects',
    { name: 'Bench', description: 'Load of the bench' },
    admin.access_token,
  )
  const tokens: string[] = []
  for (let i = 1; i <= MEMBERS; i++) {
    const member = await register(port, `benchmember${i}`)
    const path = `/api/tracker/projects/${project.id}/members`
    await post(port, path, { user_id: member.user.id }, admin.access_token)
    tokens.push(member.access_token)
  }
  const report = await post<{ id: string | number }>(
    port,
    '/api/tracker/bug-reports',
    { project_id: project.id, title: 'Bench', description: 'Takes the comments', priority: 'low' },
    admin.access_token,
  )
  return {
    port,
    members: tokens.map((token) => `/tracker/ws?token=${token}`),
    join: [{ expect: '{"type":"system","action":"connected"' }],
    prefix: '{"type":"comment","action":"created"',
    publish: {
      kind: 'http',
      path: `/api/tracker/bug-reports/${report.id}/comments`,
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${admin.access_token}` },
      before: '{"content":"',
      after: '"}',
    },
  }
}

export const tracker: Candidate = {
  ...ours,
  name: 'tracker',
  about: 'this server, tracker module: comments by REST, validated, authorised, durable, logged, delivered',
  start: () => startServer(prepare),
}
