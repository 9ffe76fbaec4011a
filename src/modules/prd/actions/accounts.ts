import type { Account } from '../../../kernel/session.ts'
import type { AccountObserver } from '../../../identity/index.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import { deleteJoinedBy } from '../store/joined.ts'
import { cancelOfAccount } from './ai-jobs.ts'
import type { Parts } from './parts.ts'

/** What the PRD tool makes of a change to an account, in the same unit. */
export function watchAccounts(parts: Parts): AccountObserver {
  return {
    async created(): Promise<void> {},
    // Names are read with what they stand beside; who is there already is shown by the old one until they join again.
    async updated(): Promise<void> {},
    async statusChanged(unit: Unit, { id, status }: Account): Promise<void> {
      if (status === 'active') return
      await unit.run(deleteJoinedBy, { account: id })
      await cancelOfAccount(parts, unit, id)
      unit.after(() => parts.live.vanish(id))
    },
  }
}
