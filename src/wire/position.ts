/** A place in the event log. The pair is what makes "cannot resume" an ordinary answer: see kernel/README.md, R-4. */
export interface Position {
  /** Identity of one unbroken log. Another epoch means that offsets cannot be compared. */
  readonly epoch: string
  /** Number of the last event included; 0 is the empty log. */
  readonly offset: number
}

/** Opaque on the wire: clients store and return it, nothing else. */
export function formatPosition(position: Position): string {
  return `${position.epoch}.${position.offset.toString(36)}`
}

/** @returns undefined for anything that formatPosition cannot have made. */
export function parsePosition(text: string): Position | undefined {
  const match = /^([0-9a-z]{1,32})\.([0-9a-z]{1,10})$/.exec(text)
  if (!match) return undefined
  const offset = Number.parseInt(match[2]!, 36)
  return Number.isSafeInteger(offset) ? { epoch: match[1]!, offset } : undefined
}
