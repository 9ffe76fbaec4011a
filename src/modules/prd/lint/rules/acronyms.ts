import type { Draft, Line } from '../draft.ts'
import type { FindingsOf } from '../finding.ts'

/** Known to whoever reads product documents, and words that are written in capitals. */
const KNOWN = new Set(
  `AB AC AD AI AJAX AKA ALL AM AMD AND ANY API APIS APP ASAP ASCII ATM AWS BBC BC BETA BI BMW BOTH BR CA CAD CC CD CDN
CEO CEST CET CFO CI CIO CLI CMO CMS COO CPU CRM CRUD CSS CSV CTA CTO CTR CV DB DE DEV DHL DIY DNS DO DOC DOCX DONE
DPI DVD EDT EN EOD EOF ERP ES EST ETA EU EUR EVERY FAQ FAQS FBI FI FR FTP FYI GB GBP GDPR GET GIF GIT GMT GPS GPT GPU
GUI HD HEAD HEIC HIGH HP HQ HR HTML HTTP HTTPS IBM ID IDE IDEA IDS IE IF II III IMPORTANT INR IOS IP IPO ISO IT IV IX
JA JPEG JPG JPY JS JSON KB KPI KPIS KR LAN LG LINUX LLM LLMS LOW MAC MAY MB MD MIME MIT ML MMS MP MS MUST MVP NA NASA
NASDAQ NATO NEVER NEW NFC NO NONE NOT NOTE NPM NULL OCR OK OKR OKRS ON ONE ONLY OPEN OR ORG OS OTA PATCH PC PDF PDFS
PDT PHP PIN PL PM PNG PO POC POST PR PRD PRDS PROD PS PST PT PUT QA QR RAM README REST ROI RSS RSVP SAAS SAP SD SDK
SDKS SEO SHALL SIM SLA SMS SQL SSD SSH SSL SVG TB TBA TBC TBD TCP TH THE TLS TODO TSV TV TXT UDP UI UK UN UNIX UPS
URI URL URLS US USA USB USD USER UTC UTF UUID UX VAT VI VII VIII VIP VM VP VPN VR VS WEB WIFI WILL WIP XI XII XL XLS
XLSX XML XXX YAML YES YOU YTD ZIP`.split(/\s+/),
)
/** Used once, it is explained no more often than looked up. */
const USES = 2
/** Findings for one document. */
const MOST = 5
/** That are looked for written out. */
const CANDIDATES = 20
const CAPITALS = /[A-Z]{2}/
const WORD = /[\p{L}\p{N}_&/.+#@-]+/gu
const ACRONYM = /^[A-Z]{2,6}s?$/
const EXPLAINED_AFTER =
  /^ ?(?:\([^)]{0,40}[a-z]{4}|stands for|means|is short for|refers to|is an? |is the |are the |, (?:or|short for) |= )/
const DEFINED_AFTER = /^ ?(?:[:=–—]|- )/

interface Use {
  readonly section: string
  count: number
}

/** What is written of acronyms, and which of them are explained. */
class Uses {
  private readonly uses = new Map<string, Use>()
  private readonly explained = new Set<string>()

  read(line: Line, section: string, isGlossary: boolean): void {
    if (!CAPITALS.test(line.text)) return
    const words = [...line.text.matchAll(WORD)]
    const isShouted = words.filter(([word]) => /^[A-Z]{2,}$/.test(word)).length * 2 > words.length
    for (const { 0: word, index } of words) {
      const trimmed = word.replace(/^[./-]/, '').replace(/[./-]$/, '')
      if (!ACRONYM.test(trimmed)) continue
      const acronym = trimmed.replace(/s$/, '')
      if (isGlossary || isExplained(line, index, index + word.length)) this.explained.add(acronym)
      if (isShouted || line.kind === 'header') continue
      const use = this.uses.get(acronym)
      if (use) use.count += 1
      else this.uses.set(acronym, { section, count: 1 })
    }
  }

  /** Used and not explained, the most used first. */
  unexplained(): readonly (readonly [acronym: string, use: Use])[] {
    return [...this.uses]
      .filter(([acronym, { count }]) => count >= USES && !KNOWN.has(acronym) && !this.explained.has(acronym))
      .toSorted(([, a], [, b]) => b.count - a.count)
      .slice(0, CANDIDATES)
  }
}

/** Of all words in their order: the initial of one that begins with a capital, a point for any other. */
function initialsOf({ parts }: Draft): string {
  let initials = ''
  for (const { lines } of parts) {
    for (const { text } of lines) {
      for (const [word] of text.matchAll(/\p{L}+/gu)) initials += /^\p{Lu}(?!\p{Lu})/u.test(word) ? word[0]! : '.'
      initials += '.'
    }
  }
  return initials
}

/** `Single Sign-On (SSO)`, `SSO (single sign-on)`, `SSO stands for …`, or `SSO: …` at the beginning of a line. */
function isExplained({ text }: Line, start: number, end: number): boolean {
  const before = text.slice(Math.max(0, start - 40), start)
  if (/\p{Ll}[^()]{0,3}\([^()]{0,20}$/u.test(before)) return true
  const after = text.slice(end, end + 60)
  return EXPLAINED_AFTER.test(after) || (start === 0 && DEFINED_AFTER.test(after))
}

/** Names of the product are no acronyms. */
const namesIn = ({ title }: Draft): ReadonlySet<string> => new Set(title.match(/[A-Z]{2,}/g))

/**
 * An acronym of two to six capitals that is used more than once and explained nowhere, but for those that everybody
 * knows. Explained is what stands in brackets, has brackets behind it, is in a glossary, or is written out with
 * capitals somewhere. At most five, the most used first. Confidence 0.6.
 */
export const unexplainedAcronyms: FindingsOf = (draft) => {
  if (!draft.isWhole) return []
  const found = new Uses()
  for (const { key, roles, lines } of draft.parts) {
    for (const line of lines) found.read(line, key, roles.has('glossary'))
  }
  const names = namesIn(draft)
  const candidates = found.unexplained().filter(([acronym]) => !names.has(acronym))
  const initials = candidates.length > 0 ? initialsOf(draft) : ''
  return candidates
    .filter(([acronym]) => !initials.includes(acronym))
    .slice(0, MOST)
    .map(([acronym, { section }]) => ({
      rule: 'unexplained-acronym',
      subject: acronym,
      section,
      title: `Explain ${acronym}`,
      description: `${acronym} is used without saying what it stands for. Write it out where it comes first.`,
      confidence: 0.6,
    }))
}
