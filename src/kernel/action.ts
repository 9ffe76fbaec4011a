import { once } from './idempotency.ts'
import type { Call } from './route.ts'
import type { Unit, UnitOfWork } from './unit-of-work.ts'

/** Who calls, and their own id of the command if they gave one. */
export interface Caller {
  readonly accountId: number
  readonly clientKey?: string | undefined
}

export const callerOf = (call: Pick<Call<never, never, never>, 'session' | 'clientKey'>): Caller => ({
  accountId: call.session.account.id,
  clientKey: call.clientKey,
})

/**
 * Every action is one unit of work with one effect, however often the same client id comes.
 * @param subjectOf what the stored outcome tells of, so that it is forgotten with it
 */
export function perform<T>(
  unitOfWork: UnitOfWork,
  caller: Caller,
  work: (unit: Unit) => Promise<T>,
  subjectOf?: (outcome: T) => string | null,
): Promise<T> {
  const { accountId, clientKey } = caller
  return unitOfWork.run((unit) =>
    once(unit, clientKey === undefined ? undefined : { accountId, key: clientKey }, () => work(unit), subjectOf),
  )
}
