/** What the two stock servers of the presence bench have in common: who is there, and what is said of it. */

export type Status = 'online' | 'away' | 'offline'

/** Our own event, without its type. */
export const change = (user_id: string, status: Status) => ({
  data: { user_id, status },
  workspace_id: 'c0ffee00-0000-4000-8000-000000000002',
  timestamp: new Date().toISOString(),
})

interface Person {
  status: Status
  /** Tabs and devices. */
  connections: number
}

export class Crowd {
  readonly #people = new Map<string, Person>()

  /** @returns whether they were not there before. */
  enter(id: string): boolean {
    const person = this.#people.get(id)
    if (person === undefined) this.#people.set(id, { status: 'online', connections: 1 })
    else person.connections++
    return person === undefined
  }

  /** @returns whether that was their last connection. */
  leave(id: string): boolean {
    const person = this.#people.get(id)
    if (person === undefined || --person.connections > 0) return false
    return this.#people.delete(id)
  }

  set(id: string, status: Status): void {
    const person = this.#people.get(id)
    if (person !== undefined) person.status = status
  }

  get all(): ReadonlyMap<string, Person> {
    return this.#people
  }

  list(): { user_id: string; status: Status }[] {
    return [...this.#people].map(([user_id, { status }]) => ({ user_id, status }))
  }
}
