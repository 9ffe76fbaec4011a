import { CommandError } from '../../../kernel/errors.ts'
import type { Parts } from '../actions/parts.ts'
import { openIntegration, type Opened } from '../integrations/access.ts'
import type { SettingsOf } from '../integrations/kinds.ts'
import { homeRoom, MODULE } from '../rooms.ts'
import { findIntegration } from '../store/integrations.ts'
import { allMattermost, membersToTell } from '../store/mattermost.ts'
import type { Payload } from '../wire.ts'
import { MattermostLink, type LinkStatus } from './link.ts'

type Needs = Pick<Parts, 'database' | 'hub' | 'clock' | 'outgoing' | 'secret' | 'settings' | 'breakers'>

interface Held {
  readonly serverUrl: string
  /** Undefined: its secrets cannot be opened. */
  readonly link: MattermostLink | undefined
  readonly status: LinkStatus
}

/** Links opened in one second after the start. */
const AT_ONCE = 20

/** The links to Mattermost servers, one of each organisation that has the integration (section 8.3). */
export class MattermostLinks {
  private readonly parts: Needs
  private readonly held = new Map<number, Held>()
  /** By organisation: the last time its link was asked for, counted, so that only the last settings count. */
  private readonly asked = new Map<number, number>()
  private turns = 0
  private telling: Promise<void> = Promise.resolve()
  private isStopped = false

  constructor(parts: Needs) {
    this.parts = parts
  }

  /** Opens those of all organisations, some each second; nobody waits for them. */
  start(): void {
    void this.openAll().catch(this.parts.hub.onError)
  }

  /** To be called after a change of the integration was committed: its link is closed, and another one opened. */
  refresh(organization: number): void {
    void this.reopen(organization).catch(this.parts.hub.onError)
  }

  /** Undefined while there is no link. */
  status(organization: number): LinkStatus | undefined {
    return this.held.get(organization)?.status
  }

  stop(): void {
    this.isStopped = true
    for (const { link } of this.held.values()) link?.close()
    this.held.clear()
  }

  private async openAll(): Promise<void> {
    const { database, hub } = this.parts
    const all = await database.latest.all(allMattermost, {})
    for (const [i, { organization_id: organization }] of all.entries()) {
      if (i < AT_ONCE) this.refresh(organization)
      else hub.wheel.schedule(Math.floor(i / AT_ONCE) * 1_000, () => this.refresh(organization))
    }
  }

  private async reopen(organization: number): Promise<void> {
    if (this.isStopped) return
    const turn = (this.turns += 1)
    this.asked.set(organization, turn)
    const found = await this.read(organization)
    if (this.isStopped || this.asked.get(organization) !== turn) return
    this.asked.delete(organization)
    const before = this.held.get(organization)
    before?.link?.close()
    this.held.delete(organization)
    if (found) this.hold(organization, found)
    else if (before) this.tell(organization, before.serverUrl, { status: 'disconnected', error: null })
  }

  private read(organization: number): Promise<Found | undefined> {
    const { parts } = this
    return parts.database.read(async (reader) => {
      const row = await reader.get(findIntegration, { organization, kind: 'mattermost' })
      if (!row) return undefined
      const { url: serverUrl } = JSON.parse(row.settings) as SettingsOf<'mattermost'>
      try {
        return { serverUrl, opened: await openIntegration(parts, reader, organization, 'mattermost'), error: null }
      } catch (error) {
        if (error instanceof CommandError) return { serverUrl, opened: undefined, error: error.message }
        throw error
      }
    })
  }

  private hold(organization: number, { serverUrl, opened, error }: Found): void {
    if (!opened) {
      const status: LinkStatus = { status: 'error', error }
      this.held.set(organization, { serverUrl, link: undefined, status })
      return this.tell(organization, serverUrl, status)
    }
    const { hub, clock } = this.parts
    const link = new MattermostLink({
      access: opened,
      wheel: hub.wheel,
      clock,
      onStatus: (status) => {
        this.held.set(organization, { serverUrl, link, status })
        this.tell(organization, serverUrl, status)
      },
    })
    this.held.set(organization, { serverUrl, link, status: link.status })
    link.open()
  }

  /** To all connections of the organisation's members, and to nobody else; in the order of the changes. */
  private tell(organization: number, serverUrl: string, { status, error }: LinkStatus): void {
    const { database, hub } = this.parts
    const payload: Payload<'mattermost-connection-status'> = { status, serverUrl, error }
    this.telling = this.telling
      .then(async () => {
        const members = await database.latest.all(membersToTell, { organization })
        const to = members.map(({ account_id }) => homeRoom(account_id))
        if (to.length === 0) return
        hub.signal({ module: MODULE, type: 'mattermost-connection-status', audience: { to }, payload, keep: true })
      })
      .catch(hub.onError)
  }
}

interface Found {
  readonly serverUrl: string
  readonly opened: Opened<'mattermost'> | undefined
  /** Why it could not be opened. */
  readonly error: string | null
}
