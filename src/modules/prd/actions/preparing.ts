import { CommandError } from '../../../kernel/errors.ts'

/**
 * Thrown in a unit that has written nothing yet: what it is to write takes longer to make than a transaction may. Such a
 * refusal costs the commit group nothing.
 */
export class Unprepared<N> extends CommandError {
  /** What is to be made. */
  readonly need: N

  constructor(need: N) {
    super('conflict', 'It was changed at the same moment; try again')
    this.need = need
  }
}

/**
 * An action that needs something made outside of its transaction: it is begun without, says by `Unprepared` what it
 * needs, and is begun again with that, until nothing has changed meanwhile.
 */
export async function withPrepared<P, T>(
  attempt: (prepared: P | undefined) => Promise<T>,
  prepare: (need: never) => Promise<P>,
): Promise<T> {
  let prepared: P | undefined
  for (;;) {
    try {
      return await attempt(prepared)
    } catch (error) {
      if (!(error instanceof Unprepared)) throw error
      prepared = await prepare(error.need as never)
    }
  }
}
