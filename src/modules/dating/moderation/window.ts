import { runsOf } from './digits.ts'
import { createFold } from './fold.ts'

/** Digits of the last messages and of this one. */
export type SplitNumber = (previous: readonly string[], text: string) => boolean

/** Pieces of a number are short: longer ones are found alone. In code points, about. */
const LONGEST_PIECE = 40
/** The sender's last messages that are looked at. */
const MOST_PIECES = 6
const FEWEST_DIGITS = 7
const MOST_DIGITS = 15

const fold = createFold({ letters: false })

/**
 * @param isNumber whether digits, with or without a plus, are a phone number
 * @returns a function of the sender's last messages in one conversation, newest last, and the next one: whether that
 *   one completes a phone number begun in those (`0171`, `234`, `5678`). Only pieces that are almost only digits count.
 */
export function createSplitNumber(isNumber: (digits: string) => boolean): SplitNumber {
  return (previous, text) => {
    let digits = pieceOf(text)
    if (digits === undefined) return false
    for (const message of previous.slice(-MOST_PIECES).reverse()) {
      const piece = pieceOf(message)
      if (piece === undefined) return false
      digits = piece + digits
      const length = digits.replace('+', '').length
      if (length > MOST_DIGITS) return false
      if (length < FEWEST_DIGITS) continue
      if (isPlausible(digits) && isNumber(digits)) return true
    }
    return false
  }
}

/** Nobody answers with a plus or a leading zero; without, people also send each other numbers. */
const isPlausible = (digits: string): boolean => /^[+0]/.test(digits) || digits.length >= 9

/** `and 234`, `then: 567`; but `2 drinks`, `at 8` and `7 pm` are talk. */
const ALMOST_NOTHING = /^[\s.,…:;\-–!()]*(?:(?:and|then|und|dann|et|puis|y|luego|e|poi)[\s.,…:;\-–]*)?$/

/** @returns the digits of a message that has almost nothing else */
function pieceOf(message: string): string | undefined {
  if (message.length > LONGEST_PIECE * 4) return undefined
  const { text } = fold(message)
  if (text.length > LONGEST_PIECE) return undefined
  const runs = runsOf(text)
  if (runs.length !== 1) return undefined
  const [run] = runs
  const rest = text.slice(0, run!.start) + text.slice(run!.end)
  if (!ALMOST_NOTHING.test(rest)) return undefined
  if (run!.gaps.some((gap) => /[:,]/.test(gap))) return undefined
  const digits = run!.groups.map((group) => group.digits).join('')
  return /^(?:19|20)\d\d$/.test(digits) && run!.groups.length === 1 ? undefined : (run!.plus ? '+' : '') + digits
}
