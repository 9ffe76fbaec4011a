import { invalid } from '../../kernel/errors.ts'

const ONE = /^\p{RGI_Emoji}$/v
/** Drawn as text unless they are told otherwise; a skin tone tells them as well. */
const TEXT_STYLE = /[\p{Emoji}--\p{Emoji_Presentation}](?!\p{Emoji_Modifier})/gv
/** U+FE0F, "as an emoji": keyboards and libraries leave it out where it should stand, and the other way round. */
const EMOJI_STYLE = '\u{fe0f}'
/** UTF-16 units. The longest emoji has 15. */
const LONGEST = 40

/**
 * The one form of an emoji, the one Unicode calls fully qualified: what is drawn alike is one reaction.
 * @throws CommandError invalid, for everything that is not exactly one emoji
 */
export function checkEmoji(text: string): string {
  if (text.length <= LONGEST) {
    const emoji = text.replaceAll(EMOJI_STYLE, '').replaceAll(TEXT_STYLE, `$&${EMOJI_STYLE}`)
    if (ONE.test(emoji)) return emoji
  }
  throw invalid({ emoji: 'must be exactly one emoji, as the character itself and not a name like :smile:' })
}
