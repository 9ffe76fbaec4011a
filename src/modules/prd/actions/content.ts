import { CommandError } from '../../../kernel/errors.ts'
import type { Parts } from './parts.ts'
import { checkText } from './texts.ts'

/** What a document can begin with. @throws invalid, too_large */
export function checkContent({ settings }: Pick<Parts, 'settings'>, content: string): void {
  const most = settings.documentCharacters
  if (content.length > most) throw new CommandError('too_large', `A document has at most ${most} characters`)
  checkText('content', content)
}
