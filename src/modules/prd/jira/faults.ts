import { OutsideFault } from '../../../kernel/outgoing.ts'

/**
 * - unauthorized: the e-mail address or the API token is not taken
 * - forbidden, missing: not allowed to, or not there; Jira also answers 404 to what one may not see
 * - refused: Jira does not take what it was sent
 * - large: its answer is longer than is read; fewer things at once may do
 * - limited: too many calls
 * - unavailable: it failed, could not be reached, or said what cannot be understood
 */
export type JiraReason = 'unauthorized' | 'forbidden' | 'missing' | 'refused' | 'large' | 'limited' | 'unavailable'

/** Why a call to Jira brought nothing. */
export class JiraFault extends OutsideFault {
  readonly reason: JiraReason

  constructor(reason: JiraReason, message: string, retryAfterMs?: number) {
    super(message, retryAfterMs)
    this.reason = reason
  }

  get isPassing(): boolean {
    return this.reason === 'limited' || this.reason === 'unavailable'
  }

  /** Whether every other call would fail too. */
  get isGeneral(): boolean {
    return this.reason === 'limited' || this.reason === 'unauthorized'
  }
}
