import type { Connection } from '../../../kernel/connection.ts'
import { CommandError } from '../../../kernel/errors.ts'
import type { Ticket } from '../../../kernel/timing-wheel.ts'
import {
  beginJob,
  completeJob,
  endJobs,
  failJob,
  RESTARTED,
  retryJob,
  type Begun,
  type Failure,
  type FollowUps,
  type PromptContext,
} from '../actions/ai-jobs.ts'
import type { Parts } from '../actions/parts.ts'
import type { LiveDocument } from '../document/document.ts'
import { aiError } from '../failures.ts'
import { toId } from '../ids.ts'
import { participantRoom } from '../rooms.ts'
import { activeJobs, markTold, queuedJobs, type ActiveJob } from '../store/ai-jobs.ts'
import { frameOf } from '../wire.ts'
import { AnswerReader } from './answer.ts'
import { secondsUntil } from './estimate.ts'
import { buildPrompt, TOKEN_UNITS } from './prompt.ts'
import { loadSdk, ProviderFault, streamAnswer, type ModelMessages } from './provider.ts'
import { nextDue, Queue, type Waiting } from './queue.ts'
import { Run } from './run.ts'

/** Times a prompt is sent to a model that fails before its first word. */
const ATTEMPTS = 3
/** Milliseconds between them, where the model does not say. */
const BACKOFF_MS = [1_000, 4_000] as const
/** A model that wants to be left alone for longer is not tried again; milliseconds. */
const LONGEST_WAIT_MS = 60_000
/** When the database is not to be had; milliseconds. */
const REST_MS = 1_000
/** Connections that were told something that was meant for one person. */
type Told = readonly Connection[]

/**
 * Writes the answers that people have asked for, of rows that say which: section 4. Asking, cancelling and all that is
 * written of it is in actions/; here is what happens between, and who is told.
 */
export class Drafting {
  private readonly parts: Parts
  private readonly queue: Queue
  private readonly runs = new Map<number, Run>()
  private readonly works = new Set<Promise<void>>()
  /** The connection that asked, by job. */
  private readonly askers = new Map<number, Connection>()
  /** The database was not to be had when they had ended. */
  private readonly stuck = new Set<Run>()
  private taking: Promise<void> | undefined
  private again = false
  private waiting: Ticket | undefined
  private isStopped = false

  constructor(parts: Parts) {
    const { hub, settings } = parts
    this.parts = parts
    this.queue = new Queue({ concurrency: settings.aiConcurrency, perAccount: settings.aiPerAccount })
    hub.keeps('ai jobs', () => this.runs.size + this.askers.size + this.queue.size + this.queue.remembered)
  }

  /** What the process before this one was writing ends; what was waiting goes on. */
  async start(): Promise<void> {
    const { settings, unitOfWork } = this.parts
    if (settings.model) await loadSdk()
    await unitOfWork.run(async (unit) => {
      const running = (await unit.all(activeJobs, {})).filter(({ status }) => status === 'running')
      await endJobs(this.parts, unit, running, 'failed', RESTARTED)
    })
    this.take()
  }

  /** What is being written ends; who asked for it is told when they come back. */
  async stop(): Promise<void> {
    this.isStopped = true
    this.waiting?.cancel()
    await this.taking
    const rows = [...this.runs.values()].map(({ begun }) => begun.row)
    await this.parts.unitOfWork.run((unit) => endJobs(this.parts, unit, rows, 'failed', RESTARTED))
    await Promise.all(this.works)
  }

  /** It was asked for. */
  added(job: number, asker: Connection | undefined): void {
    if (asker?.isOpen) this.askers.set(job, asker)
    this.take()
  }

  /**
   * It has ended without an answer: section 4.3. Before its first word only who asked is told, afterwards everybody who
   * has joined.
   */
  failed({ id, prd_id: prd, account_id: account }: ActiveJob, { code, message, retryAfter }: Failure): void {
    const { live } = this.parts
    const run = this.runs.get(id)
    run?.end()
    const payload = aiError(id, code, message, retryAfter)
    const asker = this.askerOf(id)
    const joined = this.joined(prd, account)
    this.askers.delete(id)
    const told = asker ? [asker] : joined
    if (!run?.hasStarted) for (const one of told) one.send(frameOf('ai-error', payload))
    else {
      live.tell(prd, 'ai-error', payload)
      if (asker && !joined.includes(asker)) asker.send(frameOf('ai-error', payload))
    }
    this.prove(id, told)
    // What waits may be the next, and of what was cancelled while it waited nothing is to be remembered.
    this.take()
  }

  /**
   * For who joins while answers are being written: these so far. Called in the unit in which they join.
   * @returns what sends it to them after the commit, right behind `joined-prd`
   */
  welcome(document: LiveDocument): (connection: Connection) => void {
    const before = new Map(this.runsOf(document.id).map((run) => [run, run.welcome(document)]))
    return (connection) => {
      for (const run of this.runsOf(document.id)) (before.get(run) ?? run.welcome(document))(connection)
    }
  }

  /** They have been told how it ended: they were away then. */
  caughtUp(job: number): void {
    const { hub, unitOfWork } = this.parts
    unitOfWork.run((unit) => unit.run(markTold, { id: job })).catch(hub.onError)
  }

  private runsOf(prd: number): readonly Run[] {
    return [...this.runs.values()].filter((run) => run.prd === prd)
  }

  /** The connection that asked, if it is still there. */
  private askerOf(job: number): Connection | undefined {
    const asker = this.askers.get(job)
    return asker?.isOpen ? asker : undefined
  }

  private joined(prd: number, account: number): Told {
    return [...this.parts.hub.rooms.members(participantRoom(prd, account))]
  }

  /** A connection may have been dead for a while; then they are told again when they come back. */
  private prove(job: number, told: Told): void {
    let isProved = false
    for (const connection of told) {
      connection.confirm((isReceived) => {
        if (!isReceived || isProved) return
        isProved = true
        this.caughtUp(job)
      })
    }
  }

  /** Begins what may run by now. */
  private take(): void {
    if (this.isStopped) return
    this.again = true
    this.taking ??= this.takeAll().finally(() => {
      this.taking = undefined
      if (this.again) this.take()
    })
  }

  private async takeAll(): Promise<void> {
    const { clock, database, hub } = this.parts
    try {
      while (this.again && !this.isStopped) {
        this.again = false
        await this.endStuck()
        const rows = await database.latest.all(queuedJobs, {})
        const waiting = rows.map(({ id, account_id: accountId, due }) => ({ id, accountId, due }))
        const now = clock.now()
        for (const job of this.queue.take(waiting, now)) this.begin(job)
        const due = nextDue(waiting, now)
        if (due === undefined) this.waiting?.cancel()
        else this.takeIn(due - now)
      }
    } catch (error) {
      hub.onError(error)
      this.takeIn(REST_MS)
    }
  }

  private takeIn(ms: number): void {
    this.waiting?.cancel()
    if (this.isStopped) return
    this.waiting = this.parts.hub.wheel.schedule(ms, () => {
      this.waiting = undefined
      this.take()
    })
  }

  private begin(job: Waiting): void {
    const work = this.work(job)
      .then(
        () => {
          this.forget(job.id)
          this.take()
        },
        (error: unknown) => {
          this.parts.hub.onError(error)
          const run = this.runs.get(job.id)
          if (run) this.stuck.add(run)
          else this.forget(job.id)
          this.takeIn(REST_MS)
        },
      )
      .finally(() => this.works.delete(work))
    this.works.add(work)
  }

  private async endStuck(): Promise<void> {
    for (const run of this.stuck) {
      await failJob(this.parts, run.begun, FAILED, false)
      this.stuck.delete(run)
      this.forget(run.begun.row.id)
    }
  }

  private forget(id: number): void {
    this.runs.get(id)?.end()
    this.runs.delete(id)
    this.queue.ended(id)
  }

  private async work({ id }: Waiting): Promise<void> {
    let run: Run | undefined
    await beginJob(this.parts, id, (begun) => this.runs.set(id, (run = new Run(this.parts, begun))))
    if (!run) return
    if (this.isStopped) return failJob(this.parts, run.begun, RESTARTED, false)
    try {
      await this.write(run)
    } catch (cause) {
      await this.fail(run, cause)
    }
  }

  private async write(run: Run): Promise<void> {
    const { settings } = this.parts
    const { begun } = run
    const messages = promptOf(begun, settings.aiPromptTokens)
    const reader = new AnswerReader()
    let tokensUsed: number | undefined
    for await (const part of streamAnswer({
      model: begun.model.address,
      fetch: begun.model.fetch,
      messages,
      maxOutputTokens: settings.aiOutputTokens,
      signal: run.signal,
    })) {
      if (part.type === 'end') ({ tokensUsed } = part)
      else {
        run.heard()
        const text = reader.read(part.text)
        // Before it is told: one piece may be as long as all that the provider may send.
        if (run.length + text.length > settings.aiResponseCharacters) throw new TooLong()
        run.write(text)
      }
    }
    const { text, suggestions } = reader.end()
    run.write(text)
    await run.settled()
    if (run.fault) throw new Error(run.fault.message)
    if (run.length === 0) throw new ProviderFault('The AI answered without a word; try again, or ask for it otherwise')
    const estimated = Math.ceil((messages.system.length + messages.user.length + run.length) / TOKEN_UNITS)
    await this.complete(run, [...suggestions], tokensUsed ?? estimated)
  }

  private async complete(run: Run, suggestions: FollowUps, tokensUsed: number): Promise<void> {
    const { row } = run.begun
    const response = run.whole
    await completeJob(this.parts, run.begun, { response, suggestions, tokensUsed }, async (unit) => {
      const tellLast = await run.last(unit)
      return (duration) => {
        tellLast()
        const payload = { jobId: toId('job', row.id), fullResponse: response, tokensUsed, duration, suggestions }
        this.parts.live.tell(row.prd_id, 'ai-stream-complete', payload)
        run.end()
        this.askers.delete(row.id)
        this.prove(row.id, this.joined(row.prd_id, row.account_id))
      }
    })
  }

  private async fail(run: Run, cause: unknown): Promise<void> {
    // It was cancelled, which has been told.
    if (run.hasEnded) return
    const { hub, clock } = this.parts
    const { begun, fault } = run
    await run.settled()
    if (fault) return failJob(this.parts, begun, fault, fault.code === 'TIMEOUT')
    if (cause instanceof TooLong) return failJob(this.parts, begun, TOO_LONG, false)
    if (cause instanceof CommandError && cause.kind === 'too_large') {
      return failJob(this.parts, begun, { code: 'CONTENT_TOO_LARGE', message: cause.message }, false)
    }
    if (!(cause instanceof ProviderFault)) {
      hub.onError(cause)
      return failJob(this.parts, begun, FAILED, false)
    }
    const { code, message, isPassing, retryAfterMs } = cause
    const wait = retryAfterMs ?? BACKOFF_MS[begun.row.attempts - 1] ?? 0
    if (isPassing && run.isSilent && begun.row.attempts < ATTEMPTS && wait <= LONGEST_WAIT_MS) {
      return retryJob(this.parts, begun.row.id, wait)
    }
    const retryAfter = retryAfterMs === undefined ? undefined : secondsUntil(clock.now() + retryAfterMs, clock.now())
    // That an answer is too long says nothing against who gave it.
    const isProvider = code !== 'CONTENT_TOO_LARGE'
    await failJob(this.parts, begun, { code, message, ...(retryAfter !== undefined && { retryAfter }) }, isProvider)
  }
}

class TooLong extends Error {}

function promptOf({ row, title, document, cursor }: Begun, budgetTokens: number): ModelMessages {
  const { currentContent, selectedText } = JSON.parse(row.context) as PromptContext
  const { prompt, section } = row
  const named = section === '' ? undefined : section
  return buildPrompt({ title, document, section: named, selectedText, currentContent, cursor, prompt, budgetTokens })
}

const TOO_LONG: Failure = {
  code: 'CONTENT_TOO_LARGE',
  message: 'The answer grew too long and was broken off; ask for less at once',
}
const FAILED: Failure = { code: 'PROVIDER_ERROR', message: 'The server failed while the AI was writing; try again' }
