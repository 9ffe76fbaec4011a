import { CommandError, invalid } from '../../../kernel/errors.ts'
import type { Parts } from './parts.ts'

/** What a document can begin with. @throws invalid, too_large */
export function checkContent({ settings }: Pick<Parts, 'settings'>, content: string): void {
  const most = settings.documentCharacters
  if (content.length > most) throw new CommandError('too_large', `A document has at most ${most} characters`)
  if (!content.isWellFormed()) throw invalid({ content: 'must be whole Unicode characters: a surrogate stands alone' })
  if (content.includes('\0')) throw invalid({ content: 'must not have NUL characters' })
}
