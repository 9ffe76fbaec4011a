import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { findProgram } from './programs.ts'

const names = ['chromium', 'chromium-browser', 'google-chrome']

/** For `skip` of a test: false, or what is missing. */
export const browserMissing: string | false =
  findProgram(...names) === undefined && 'no browser is installed (package chromium)'

const args = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A camera that shows a clock and a microphone that beeps, given without asking.
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  // Calls find each other over the loopback, by addresses and not by names nobody resolves here.
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  // Nobody is there to click before sound may be played.
  '--autoplay-policy=no-user-gesture-required',
  // Pages behind others go on at full speed.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
]

/** The browser of the system with pages in it, each of which may use a camera and a microphone. */
export class TestBrowser implements AsyncDisposable {
  private readonly browser: Browser
  private readonly context: BrowserContext
  /** What pages threw and nobody caught. */
  readonly errors: string[] = []

  constructor(browser: Browser, context: BrowserContext) {
    this.browser = browser
    this.context = context
    context.on('weberror', (thrown) => this.errors.push(String(thrown.error())))
  }

  async open(url: string): Promise<Page> {
    const page = await this.context.newPage()
    page.setDefaultTimeout(PATIENCE_MS)
    await page.goto(url)
    return page
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close()
  }
}

/** Milliseconds until a wait in a page is given up. */
const PATIENCE_MS = 20_000

/** One is enough for a test file: starting it is what costs. @throws Error when it does not start */
export async function startBrowser(): Promise<TestBrowser> {
  const executablePath = findProgram(...names)
  if (executablePath === undefined) throw new Error(String(browserMissing))
  const browser = await chromium.launch({ executablePath, args, headless: true, timeout: PATIENCE_MS })
  const context = await browser.newContext({ permissions: ['camera', 'microphone'] })
  return new TestBrowser(browser, context)
}
