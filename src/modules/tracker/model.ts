import type { Frame } from '../../testing/client.ts'
import { pages } from '../../testing/pages.ts'
import type { Random } from '../../testing/random.ts'
import type { User } from '../../testing/world.ts'

type Row = Record<string, unknown>

/** What a client that applies the documented frames, and nothing else, believes the world to be. */
export class Model {
  projects = new Map<number, Row>()
  reports = new Map<number, Row>()
  comments = new Map<number, Row>()

  apply({ type, action, payload }: Frame): void {
    const id = payload['id'] as number
    switch (`${type}/${action}`) {
      case 'project/created':
      case 'project/updated':
        this.projects.set(id, pick(payload, ['id', 'name', 'description']))
        break
      case 'project/deleted':
        this.projects.delete(id)
        for (const report of this.reports.values()) if (report['project_id'] === id) this.drop(report['id'] as number)
        break
      case 'bug_report/created':
      case 'bug_report/updated':
        this.reports.set(id, payload)
        break
      case 'bug_report/status_changed':
        this.change(id, { status: payload['new_status'] })
        break
      case 'bug_report/assigned':
        this.change(id, { assignee_id: payload['assignee_id'] })
        break
      case 'bug_report/deleted':
        this.drop(id)
        break
      case 'comment/created':
      case 'comment/updated':
        this.comments.set(id, payload)
        break
      case 'comment/deleted':
        this.comments.delete(id)
        break
      default:
    }
  }

  /** In a form that can be compared. */
  get state(): object {
    const sorted = (rows: Map<number, Row>) => [...rows.values()].toSorted((a, b) => Number(a['id']) - Number(b['id']))
    return { projects: sorted(this.projects), reports: sorted(this.reports), comments: sorted(this.comments) }
  }

  private change(id: number, fields: Row): void {
    const known = this.reports.get(id)
    if (known) this.reports.set(id, { ...known, ...fields })
  }

  private drop(reportId: number): void {
    this.reports.delete(reportId)
    for (const [id, comment] of this.comments) if (comment['bug_report_id'] === reportId) this.comments.delete(id)
  }
}

const pick = (row: Row, keys: readonly string[]): Row => Object.fromEntries(keys.map((key) => [key, row[key]]))

/** What REST says at this moment, as a person sees it. */
export async function snapshot(user: User): Promise<Model> {
  const model = new Model()
  for (const row of await pages(user, '/api/tracker/projects')) {
    model.projects.set(row['id'] as number, pick(row, ['id', 'name', 'description']))
  }
  for (const row of await pages(user, '/api/tracker/bug-reports')) model.reports.set(row['id'] as number, row)
  for (const id of model.reports.keys()) {
    for (const row of await pages(user, `/api/tracker/bug-reports/${id}/comments`)) model.comments.set(row['id'] as number, row)
  }
  return model
}

/** Random deeds by random people; many are refused, which is part of it. */
export class Mischief {
  readonly random: Random
  private readonly people: readonly User[]
  private readonly admin: User
  private deeds = 0

  /** @param people everybody who acts; the first is admin and stays so */
  constructor(random: Random, people: readonly User[]) {
    this.random = random
    this.people = people
    this.admin = people[0]!
  }

  /** @returns the status of what was tried. */
  async deed(): Promise<number> {
    const { random } = this
    const by = random.pick(this.people)
    const n = (this.deeds += 1)
    const api = '/api/tracker'
    const project = random.pick(await this.ids('/projects'))
    const report = random.pick(await this.ids('/bug-reports'))
    const kind = random.int(100)
    if (project === undefined || kind < 6) {
      return (await by.post(`${api}/projects`, { name: `P${n}`, description: 'd' })).status
    }
    if (kind < 26 || report === undefined) {
      return (await by.post(`${api}/bug-reports`, { project_id: project, title: `T${n}` })).status
    }
    if (kind < 44) return (await by.post(`${api}/bug-reports/${report}/comments`, { content: `C${n}` })).status
    if (kind < 54) return (await by.patch(`${api}/bug-reports/${report}`, { title: `T${n}`, priority: 'low' })).status
    if (kind < 64) {
      const status = random.pick(['pending', 'in_progress', 'resolved', 'closed'])
      return (await by.post(`${api}/bug-reports/${report}/status`, { status })).status
    }
    if (kind < 70) {
      const assignee_id = random.pick([null, ...this.people.map((person) => person.id)])
      return (await by.post(`${api}/bug-reports/${report}/assign`, { assignee_id })).status
    }
    if (kind < 74) return (await by.patch(`${api}/bug-reports/${report}`, { project_id: project })).status
    if (kind < 78) return (await by.delete(`${api}/bug-reports/${report}`)).status
    if (kind < 79) return (await by.delete(`${api}/projects/${project}`)).status
    if (kind < 81) return (await by.patch(`${api}/projects/${project}`, { name: `N${n}` })).status
    if (kind < 89) {
      return (await by.post(`${api}/projects/${project}/members`, { user_id: random.pick(this.people).id })).status
    }
    if (kind < 94) {
      return (await by.delete(`${api}/projects/${project}/members/${random.pick(this.people).id}`)).status
    }
    if (kind < 97) {
      const { items } = (await this.admin.get(`${api}/bug-reports/${report}/comments`)).body
      const comment = random.pick(items as { id: number }[] ?? [])
      if (comment === undefined) return 404
      if (kind < 95) return (await by.patch(`${api}/comments/${comment.id}`, { content: `E${n}` })).status
      return (await by.delete(`${api}/comments/${comment.id}`)).status
    }
    const person = random.pick(this.people.slice(1))
    return (await this.admin.patch(`${api}/users/${person.id}`, { role: random.pick(roles) })).status
  }

  private async ids(list: string): Promise<(number | undefined)[]> {
    const { body } = await this.admin.get(`/api/tracker${list}?limit=40`)
    return (body.items as { id: number }[]).map(({ id }) => id)
  }
}

const roles = ['reporter', 'developer', 'manager', 'admin']
