import { LinkifyIt } from 'linkify-it'
import type { Span } from './fold.ts'

const LOCAL = /[\p{L}\p{N}._%+-]/u
const DOMAIN = /[\p{L}\p{N}.-]/u
/** RFC 5321 4.5.3.1: of a local part and of a domain. */
const LONGEST_LOCAL = 64
const LONGEST_DOMAIN = 255
const HOST =
  /^[\p{L}\p{N}][\p{L}\p{N}-]{0,62}(?:\.[\p{L}\p{N}][\p{L}\p{N}-]{0,62})*\.(?:\p{L}{2,24}|xn--[a-z0-9-]{2,59})/u

const TLDS =
  'com|net|org|info|biz|edu|gov|io|co|me|de|at|ch|fr|es|it|pt|nl|be|uk|ie|us|ca|au|nz|br|mx|' +
  'ar|pl|cz|se|no|dk|fi|ru|ua|jp|cn|in|eu|tv|app|dev'
const PROVIDERS =
  'gmail|googlemail|yahoo|ymail|hotmail|outlook|live|msn|icloud|aol|gmx|protonmail|proton|yandex|zoho|fastmail|' +
  'tutanota|posteo|mailbox|wanadoo|laposte|libero|virgilio|freenet|t-online|hushmail|hey|orange|sapo|uol|bol'
const DOTS = 'dot|punkt|point|punto|ponto'
const SPELLED_DOT = `(?:\\s{0,2}[\\[({<]\\s?(?:\\.|${DOTS})\\s?[\\])}>]\\s{0,2}|\\s{1,2}(?:${DOTS})\\s{1,2})`
const DOT = `(?:${SPELLED_DOT}|\\s?\\.\\s?)`
const LABEL = '[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]{0,30})'

/** Bracketed, or a word. */
const ATS = '@|at|klammeraffe|arroba|chiocciola|arobase'
const AT = new RegExp(`\\s{0,2}[[({<]\\s?(?:${ATS}|a|chez)\\s?[\\])}>]\\s{0,2}|\\s{1,2}(?:${ATS})\\s{1,2}`, 'g')
const AFTER_AT = new RegExp(`${LABEL}(?:${DOT}${LABEL}){0,2}${DOT}(?:${TLDS})(?![\\p{L}\\p{N}])`, 'uy')
const PROVIDER = new RegExp(`(?:${PROVIDERS})(?:${DOT}(?:co${DOT})?(?:${TLDS}))?(?![\\p{L}\\p{N}])`, 'uy')
/** Providers whose names are no words. */
const MAILERS = 'gmail|googlemail|ymail|hotmail|protonmail|gmx|yahoo|icloud|outlook'
const MAILERS_HERE = new RegExp(`(?:${MAILERS})(?![\\p{L}\\p{N}])`, 'uy')
/** `jane gmail com` */
const UNSIGNED = new RegExp(
  `(?<![\\p{L}\\p{N}._%+-])[\\p{L}\\p{N}._%+-]{2,40}\\s(?:${MAILERS})[\\s.](?:${TLDS})(?![\\p{L}\\p{N}])`,
  'gu',
)
const BEFORE_AT = new RegExp(`(?:${LABEL}${SPELLED_DOT}){0,3}[\\p{L}\\p{N}._%+-]{1,40}$`, 'u')
const SPELLED = new RegExp(SPELLED_DOT, 'u')
/** Of what stands before an `at`: addresses longer than this are not spelled. */
const BEFORE = 90

/**
 * @param text folded
 * @returns e-mail addresses: `jane@example.org`, `jane dot doe at gmail dot com`, `jane(at)gmail`
 */
export function emailsIn(text: string): readonly Span[] {
  const out: Span[] = []
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    let start = at
    while (start > 0 && at - start < LONGEST_LOCAL && LOCAL.test(text[start - 1]!)) start -= 1
    while (start < at && text[start] === '.') start += 1
    let end = at + 1
    while (end < text.length && end - at <= LONGEST_DOMAIN && DOMAIN.test(text[end]!)) end += 1
    const host = start < at ? HOST.exec(text.slice(at + 1, end)) : null
    const stop = host ? at + 1 + host[0].length : start < at ? endOfProvider(text, at + 1) : undefined
    const spaced = stop === undefined ? spacedAround(text, at) : undefined
    if (stop !== undefined) out.push({ start, end: stop })
    else if (spaced) out.push(spaced)
  }
  for (const { 0: raw, index } of text.matchAll(UNSIGNED)) out.push({ start: index, end: index + raw.length })
  for (const match of text.matchAll(AT)) {
    const after = match.index + match[0].length
    const end = endOfDomain(text, after, /[[({<@]/.test(match[0]))
    if (end === undefined) continue
    const before = BEFORE_AT.exec(text.slice(Math.max(0, match.index - BEFORE), match.index))
    if (before) out.push({ start: match.index - before[0].length, end })
  }
  return out
}

/** After the bare word, a domain with a plain dot is a place to look at, unless people have mail there. */
function endOfDomain(text: string, at: number, sure: boolean): number | undefined {
  const provider = endOfProvider(text, at)
  AFTER_AT.lastIndex = at
  const domain = AFTER_AT.exec(text)
  if (domain && (sure || provider || SPELLED.test(domain[0]))) return at + domain[0].length
  // Some are words as well: at live, at orange.
  MAILERS_HERE.lastIndex = at
  return sure || MAILERS_HERE.test(text) ? provider : undefined
}

function endOfProvider(text: string, at: number): number | undefined {
  PROVIDER.lastIndex = at
  const provider = PROVIDER.exec(text)
  return provider ? at + provider[0].length : undefined
}

/** `j a n e @ g m a i l . c o m` */
function spacedAround(text: string, at: number): Span | undefined {
  let start = at
  while (at - start < LONGEST_LOCAL && text[start - 1] === ' ' && isAlone(text, start - 2, LOCAL)) start -= 2
  let end = at + 1
  while (end - at < LONGEST_DOMAIN && text[end] === ' ' && isAlone(text, end + 1, DOMAIN)) end += 2
  const host = text.slice(at + 1, end).replaceAll(' ', '')
  return start < at - 2 && HOST.test(host) ? { start, end } : undefined
}

const isAlone = (text: string, at: number, kind: RegExp): boolean =>
  kind.test(text[at] ?? ' ') && !DOMAIN.test(text[at - 1] ?? ' ') && !DOMAIN.test(text[at + 1] ?? ' ')

/** Endings that are also the beginning of the next sentence: `I agree.it was late`. */
const WORD_TLDS = new Set('so me no is in am as do my to by us la it at be se si et il un de es tu no ma'.split(' '))
const MORE_TLDS =
  'app dev xyz online site club link page blog chat date dating store tech live life world space fun website fans ' +
  'vip cam sex porn adult webcam one bio photo photos social'
const SPELLED_LINK = new RegExp(
  `(?<![\\p{L}\\p{N}])(?:www${DOT})?${LABEL}(?:${SPELLED_DOT}${LABEL}){0,2}` +
    `${SPELLED_DOT}(?:${TLDS})(?![\\p{L}\\p{N}])`,
  'gu',
)

/** @returns a finder of links in folded text, with a scheme, without one, or spelled: `example dot com` */
export function createLinks(): (text: string) => readonly Span[] {
  const linkify = new LinkifyIt({ fuzzyLink: true, fuzzyEmail: false, fuzzyIP: false })
  linkify.tlds(MORE_TLDS.split(' '), true)
  return (text) => {
    const out: Span[] = []
    if (text.includes('.') || text.includes('//')) {
      for (const { index, lastIndex, schema, raw } of linkify.match(text) ?? []) {
        if (schema === '' && isNextSentence(text, raw, lastIndex)) continue
        out.push({ start: index, end: lastIndex })
      }
    }
    if (/dot|punkt|point|punto|ponto|[[({<]\s?\./.test(text)) {
      for (const { 0: raw, index } of text.matchAll(SPELLED_LINK)) out.push({ start: index, end: index + raw.length })
    }
    return out
  }
}

function isNextSentence(text: string, raw: string, end: number): boolean {
  const parts = raw.split('.')
  if (raw.includes('/') || parts[0] === 'www' || parts.length > 2) return false
  return WORD_TLDS.has(parts[1]!) && /^\s+\p{L}/u.test(text.slice(end, end + 8))
}

const SERVICES =
  'instagram|insta|ig|snapchat|snap|sc|telegram|tele|tg|whatsapp|whats app|wa|kik|signal|discord|facebook|fb|' +
  'messenger|tiktok|tik tok|twitter|wechat|viber|threema|skype|onlyfans|linkedin|reddit|twitch|threads|wickr|line id'
const NAME = '[\\p{L}\\p{N}][\\p{L}\\p{N}._\\-]{1,30}[\\p{L}\\p{N}_]'
const CALLED = 'handle|user ?name|name|id|account|acc|nick|user'
/** Groups: the name. */
const BY_SERVICE: readonly RegExp[] = [
  new RegExp(`(?<![\\p{L}\\p{N}])(?:${SERVICES})\\s?(?:${CALLED})?\\s?[:=→>@]{1,2}-?\\s?@?(${NAME})`, 'gdu'),
  new RegExp(
    `(?:my|mein|meine|mon|mi|mio|meu|minha)\\s(?:${SERVICES})\\s?(?:${CALLED})?` +
      `(?:\\s(?:is|ist|est|es|e)|'s)\\s@?(${NAME})`,
    'gdu',
  ),
  new RegExp(
    `(?<![\\p{L}\\p{N}])(?:${SERVICES})(?:\\sme)?\\s(?:at|as|under|unter|${CALLED}|is)\\s(?:is\\s)?@?(${NAME})`,
    'gdu',
  ),
  new RegExp(
    `(?:add|find|message|text|hit|follow|write)\\sme\\s(?:up\\s)?(?:on|at|in|via|over)\\s` +
      `(?:my\\s)?(?:${SERVICES})[\\s,]{1,2}` +
      `(?:as|at|under|i'?m|it'?s)\\s@?(${NAME})`,
    'gdu',
  ),
  new RegExp(`(?<![\\p{L}\\p{N}])(?:${SERVICES})[\\s-](?:me\\s)?@?((?=[^\\s]{0,30}[\\d_])${NAME})`, 'gdu'),
  new RegExp(
    `(?<![\\p{L}\\p{N}._-])@?((?=[^\\s]{0,30}[\\d_])${NAME})\\s(?:on|in|at|@|\\()\\s?(?:${SERVICES})(?![\\p{L}\\p{N}])`,
    'gdu',
  ),
]
const SIGN = /(?<![\p{L}\p{N}._%+\-@•])@([\p{L}\p{N}_][\p{L}\p{N}._]{1,29})/dgu
const DISCORD = /(?<![\p{L}\p{N}._])([\p{L}\p{N}][\p{L}\p{N}._]{1,31}#\d{4})(?!\d)/dgu
const ANY_SERVICE = new RegExp(`(?<![\\p{L}\\p{N}])(?:${SERVICES})(?![\\p{L}\\p{N}])`, 'u')

/** Not names: what people say about a service, and where they are. */
const WORDS = new Set(
  (
    'private public not the down broken empty full dead better best worse bad good great nice fine in on my your ' +
    'his her a an so too very gone new old still boring just really same also always never now only here there ' +
    'that this what when where why how who blocked banned deleted hacked off over more less much and but or if me ' +
    'you him them we they it is was be been have has had do does did can could will would should might may must ' +
    'home work gym school uni least first last all night noon midnight lunch dinner once times any some up out ' +
    'then than with without about from for privat weg leer kaputt nicht auch hier gut toll sehr pas prive aqui ' +
    'aussi full-time easier safer cooler faster slow working loading getting going being acting something ' +
    'anything nothing fun cool weird annoying overrated bar beach park cafe club office'
  ).split(' '),
)
const TIME = /^\d{1,2}(?:am|pm|h|uhr|[.:]\d\d)?$|^\d+$/

/** @returns names people have elsewhere: the name alone, with its `@` */
export function handlesIn(text: string): readonly Span[] {
  const out: Span[] = []
  const take = (pattern: RegExp, before: number): void => {
    for (const match of text.matchAll(pattern)) {
      const [start, end] = match.indices![1]!
      const name = trimmed(match[1]!)
      if (name.length < 3 || WORDS.has(name) || TIME.test(name) || !/\p{L}/u.test(name)) continue
      out.push({ start: start - before, end: end - (match[1]!.length - name.length) })
    }
  }
  if (text.includes('@')) take(SIGN, 1)
  if (text.includes('#')) take(DISCORD, 0)
  if (ANY_SERVICE.test(text)) for (const pattern of BY_SERVICE) take(pattern, 0)
  return out
}

function trimmed(name: string): string {
  let end = name.length
  while (end > 0 && '.-'.includes(name[end - 1]!)) end -= 1
  return name.slice(0, end)
}
