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

/** Says what the outcome tells of, so that the copy that is kept for a client id is forgotten together with it. */
export type About = (subject: string) => void

/** Every action is one unit of work with one effect, however often the same client id comes. */
export function perform<T>(
  unitOfWork: UnitOfWork,
  { accountId, clientKey }: Caller,
  work: (unit: Unit, about: About) => Promise<T>,
): Promise<T> {
  const client = clientKey === undefined ? undefined : { accountId, key: clientKey }
  return unitOfWork.run((unit) => {
    let subject: string | null = null
    const about = (said: string): void => void (subject = said)
    return once(unit, client, () => work(unit, about), () => subject)
  })
}
