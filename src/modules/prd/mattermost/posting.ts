import type { Reader } from '../../../kernel/database.ts'
import { CommandError } from '../../../kernel/errors.ts'
import { TryLater, type Finish, type Job, type JobHandler } from '../../../kernel/jobs.ts'
import { OutsideFault } from '../../../kernel/outgoing.ts'
import type { Parts } from '../actions/parts.ts'
import { emit, prdSubject } from '../events.ts'
import { toId } from '../ids.ts'
import { openIntegration, type Opened } from '../integrations/access.ts'
import { recordOutcome } from '../integrations/outcomes.ts'
import { joinedRoom } from '../rooms.ts'
import {
  approvalToTell, commentToTell, findName, findPublicPrd, findUndeleted, replyToTell, versionToTell,
} from '../store/mattermost.ts'
import { timestamp } from '../wire.ts'
import { channelsFor, MATTERMOST_POST, type Errand, type News } from './announcing.ts'
import { Mattermost, MattermostFault } from './client.ts'
import { messageOf } from './posts.ts'

/** Mattermost knows a repeat for 30 seconds; later it is looked for in the channel. Milliseconds from the cause. */
const KNOWN_MS = 15_000
/** Clocks of two servers may differ by that. */
const SKEW_MS = 600_000
/** The third failure in a row is worth a word to the admins; after the eighth, half an hour later, it is given up. */
const TELLING = 2
const TRIES = 8
/** Channels whose ids are remembered. */
const CHANNELS = 1_000

/** Of what is announced: kind → what does it. */
export const mattermostJobs = (parts: Parts): readonly (readonly [string, JobHandler])[] => {
  const posting = new Posting(parts)
  return [[MATTERMOST_POST, { outside: (job, signal) => posting.post(job, signal) }]]
}

class Posting {
  private readonly parts: Parts
  /** By organisation, address, team and name. */
  private readonly ids = new Map<string, string>()
  /** By organisation: channels that nothing can be posted in, so that one that works does not hide it. */
  private readonly problems = new Map<number, Problems>()

  constructor(parts: Parts) {
    this.parts = parts
  }

  async post(job: Job, signal: AbortSignal): Promise<Finish | undefined> {
    const errand = job.payload as Errand
    let due: Due | undefined
    try {
      due = await this.parts.database.read((reader) => this.read(reader, errand))
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      const { message } = error
      return (unit) => recordOutcome(unit, errand.organization, 'mattermost', { ok: false, message })
    }
    if (!due) return
    const { opened, message } = due
    try {
      const messageId = await this.send(opened, errand, message, signal)
      return (unit) => this.sent(unit, opened, errand, messageId)
    } catch (error) {
      if (signal.aborted) throw error
      return this.failed(job, opened, errand, error)
    }
  }

  private async send(
    opened: Opened<'mattermost'>,
    { channel, nonce, at }: Errand,
    message: string,
    signal: AbortSignal,
  ): Promise<string> {
    const mattermost = new Mattermost(opened, signal)
    const { url, team } = opened.settings
    const key = JSON.stringify([opened.organization, url, team, channel])
    const channelId = this.ids.get(key) ?? (await mattermost.channelId(channel))
    this.remember(key, channelId)
    try {
      const isLate = this.parts.clock.now() - at > KNOWN_MS
      const known = isLate ? await mattermost.find(channelId, nonce, at - SKEW_MS) : undefined
      return known ?? (await mattermost.post({ channelId, message, nonce }))
    } catch (error) {
      this.ids.delete(key)
      if (!(error instanceof MattermostFault) || ![400, 403, 404].includes(error.status)) throw error
      throw new MattermostFault(
        error.status,
        `The token's account may not post in the channel ${channel} (status ${error.status}); add it to the channel`,
      )
    }
  }

  private async sent(
    unit: Parameters<Finish>[0],
    { organization, settings, updatedAt }: Opened<'mattermost'>,
    { prd, channel, news: { type } }: Errand,
    messageId: string,
  ): Promise<void> {
    const { closed } = this.problemsOf(organization, updatedAt)
    closed.delete(channel)
    if (!settings.channels.some(({ name }) => closed.has(name))) {
      this.problems.delete(organization)
      await recordOutcome(unit, organization, 'mattermost', { ok: true }, { updatedAt })
    }
    if (!(await unit.get(findUndeleted, { id: prd }))) return
    emit(
      unit,
      'mattermost-message-sent',
      { prdId: toId('prd', prd), channel, messageId, type, timestamp: timestamp(unit.now) },
      { to: [joinedRoom(prd)] },
      { subject: `${prdSubject(prd)}/mattermost:${messageId}` },
    )
  }

  /** @throws TryLater, or the error, when it is to be tried again */
  private async failed(
    { attempts }: Job,
    { organization, updatedAt }: Opened<'mattermost'>,
    { channel }: Errand,
    error: unknown,
  ): Promise<Finish> {
    const isKnown = error instanceof OutsideFault
    const why = isKnown ? error.message : 'Mattermost cannot be reached'
    const record = (message: string): Finish => (unit) =>
      recordOutcome(unit, organization, 'mattermost', { ok: false, message }, { updatedAt })
    if (isKnown && !error.isPassing) {
      const isOfChannel = error instanceof MattermostFault && error.status !== 401
      if (isOfChannel) this.problemsOf(organization, updatedAt).closed.add(channel)
      return record(why)
    }
    if (attempts >= TRIES - 1) return record(`${why}; a message to ${channel} was given up after ${TRIES} attempts`)
    if (attempts >= TELLING) await this.parts.unitOfWork.run(record(why))
    throw isKnown ? new TryLater(why, { cause: error }) : error
  }

  /** With the settings that are in force. */
  private problemsOf(organization: number, updatedAt: number): Problems {
    let problems = this.problems.get(organization)
    if (problems?.updatedAt !== updatedAt) {
      problems = { updatedAt, closed: new Set() }
      this.problems.set(organization, problems)
    }
    return problems
  }

  /** Undefined: there is nothing to tell any more, or nowhere to tell it. */
  private async read(reader: Reader, errand: Errand): Promise<Due | undefined> {
    const opened = await openIntegration(this.parts, reader, errand.organization, 'mattermost')
    if (!opened || !channelsFor(opened.settings, errand.news.type).includes(errand.channel)) return undefined
    const message = await this.messageFor(reader, errand)
    return message === undefined ? undefined : { opened, message }
  }

  private async messageFor(reader: Reader, { organization, prd: id, news }: Errand): Promise<string | undefined> {
    const prd = await reader.get(findPublicPrd, { id })
    if (prd?.organization_id !== organization) return undefined
    const words = await this.wordsOf(reader, id, news)
    if (!words) return undefined
    const { publicUrl } = this.parts.settings
    const link = publicUrl === '' ? undefined : `${publicUrl}/prds/${toId('prd', id)}`
    return messageOf({ type: news.type, title: prd.title, link, ...words })
  }

  private async wordsOf(reader: Reader, prd: number, news: News): Promise<Words | undefined> {
    if ('approval' in news) {
      const words = await reader.get(approvalToTell, { prd, id: news.approval })
      return words && (news.type === 'prd_approved' ? { ...words, text: '' } : words)
    }
    if ('version' in news) return reader.get(versionToTell, { prd, id: news.version })
    const words = await ('reply' in news
      ? reader.get(replyToTell, { prd, id: news.reply })
      : reader.get(commentToTell, { prd, id: news.comment }))
    const mentioned: string[] = []
    for (const account of news.mentioned) {
      const named = await reader.get(findName, { account })
      if (named) mentioned.push(named.display_name)
    }
    return words && { ...words, mentioned }
  }

  private remember(key: string, channelId: string): void {
    this.ids.delete(key)
    this.ids.set(key, channelId)
    for (const oldest of this.ids.keys()) {
      if (this.ids.size <= CHANNELS) break
      this.ids.delete(oldest)
    }
  }
}

interface Problems {
  readonly updatedAt: number
  readonly closed: Set<string>
}

interface Due {
  readonly opened: Opened<'mattermost'>
  readonly message: string
}

interface Words {
  readonly actor: string
  readonly text: string
  readonly version?: string
  readonly mentioned?: readonly string[]
}

