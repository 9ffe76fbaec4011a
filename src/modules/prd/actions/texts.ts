import { invalid } from '../../../kernel/errors.ts'

/** What both databases can hold and every client can show. @throws invalid, with what to do in the details of `field` */
export function checkText(field: string, text: string): void {
  if (!text.isWellFormed()) throw invalid({ [field]: 'must be whole Unicode characters: a surrogate stands alone' })
  if (text.includes('\0')) throw invalid({ [field]: 'must not have NUL characters' })
}
