import type { Clock } from '../../../kernel/clock.ts'
import type { Database } from '../../../kernel/database.ts'
import { conflict } from '../../../kernel/errors.ts'
import type { SlidingWindow } from '../../../kernel/limits.ts'
import type { Unit, UnitOfWork } from '../../../kernel/unit-of-work.ts'
import type { HelpdeskSettings } from '../settings.ts'
import { endCall, type CallReason, type CallRow } from '../store/calls.ts'
import type { CallState } from '../tables.ts'
import type { Board, Told } from './board.ts'
import type { LiveCall } from './call.ts'

/** What the deeds of calls work with. */
export interface CallParts {
  readonly board: Board
  readonly database: Database
  readonly unitOfWork: UnitOfWork
  readonly clock: Clock
  readonly settings: HelpdeskSettings
  /** Calls that were begun, by person. */
  readonly window: SlidingWindow<number>
  /** Has a tab, or had one a moment ago. */
  readonly isThere: (user: number) => boolean
}

/** Gives, or throws, what a deed has come to. */
export type Conclusion<T> = () => T

/**
 * Does in memory what the unit does in rows: after the commit and in the order of the commits, so that it finds the
 * memory as those before have left it.
 */
export function afterCommit<T>(unit: Unit, follow: () => T): Conclusion<T> {
  let outcome: Conclusion<T> = () => {
    throw new Error('This was asked for before the commit')
  }
  unit.after(() => {
    try {
      const value = follow()
      outcome = () => value
    } catch (error) {
      outcome = () => {
        throw error
      }
    }
  })
  return () => outcome()
}

/** What a call ends with in its row. */
export interface End {
  readonly state: Extract<CallState, 'ended' | 'rejected' | 'missed' | 'failed'>
  readonly reason: CallReason
  /** Who ended it; null: nobody did. */
  readonly by: number | null
}

/** @param call which is ringing or running in this transaction */
export async function finish(unit: Unit, board: Board, call: CallRow, end: End, told?: Told): Promise<void> {
  await unit.run(endCall, { uuid: call.uuid, ...end, now: unit.now })
  unit.after(() => board.end(call.uuid, told))
}

/** @throws CommandError conflict when it has ended */
export function liveCall(board: Board, id: string): LiveCall {
  const call = board.get(id)
  if (!call) throw isOver()
  return call
}

export const isOver = () => conflict('This call is over')
