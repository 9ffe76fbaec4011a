import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { DEFAULT_USAGE, DONE, ModelDouble, type ModelRequest, type ModelStep } from '../../testing/outside/model.ts'
import type { WorldOptions } from '../../testing/world.ts'
import { scene, type Data, type Scene, type Tab } from './testing.ts'

/** An answer that goes on when the test says so. */
export class Speech {
  readonly steps: AsyncIterable<ModelStep>
  private readonly queue: (ModelStep | undefined)[] = []
  private wake: () => void = () => undefined

  constructor() {
    this.steps = this.all()
  }

  say(...steps: readonly ModelStep[]): void {
    this.queue.push(...steps)
    this.wake()
  }

  /** It ends as answers do. */
  end(tokens = DEFAULT_USAGE.total_tokens): void {
    this.say({ finish: 'stop' }, { usage: { ...DEFAULT_USAGE, total_tokens: tokens } }, DONE)
    this.queue.push(undefined)
  }

  private async *all(): AsyncGenerator<ModelStep> {
    for (;;) {
      while (this.queue.length === 0) await new Promise<void>((resolve) => (this.wake = resolve))
      const step = this.queue.shift()
      if (step === undefined) return
      yield step
    }
  }
}

export interface AiScene extends Scene {
  readonly model: ModelDouble
  /** What the model does with the next request. */
  speech(): Speech
  /** Asks, and takes off what tells that it is queued. @returns the job */
  ask(tab: Tab, prompt?: string, more?: Data): Promise<string>
  /** The model has been asked for the `count`th time. */
  asked(count: number): Promise<ModelRequest>
}

/** A scene with a model of the server's. */
export async function aiScene({ config, ...options }: WorldOptions = {}): Promise<AiScene & AsyncDisposable> {
  const model = await new ModelDouble().start()
  let at: (Scene & AsyncDisposable) | undefined
  const close = async (): Promise<void> => {
    await at?.close()
    await model.stop()
  }
  try {
    at = await scene({ ...options, config: { aiBaseUrl: model.baseUrl, aiModel: 'model-of-tests', ...config } })
  } catch (error) {
    await close()
    throw error
  }
  const { prdId } = at
  return {
    ...at,
    model,
    speech() {
      const speech = new Speech()
      model.next(speech)
      return speech
    },
    async ask(tab, prompt = 'Add requirements', more = {}) {
      const { jobId } = await tab.done('ai-prompt', { prdId, prompt, ...more })
      await tab.expect('ai-job-created', { jobId })
      return jobId as string
    },
    asked: (count) => model.requested(count),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** What is committed and done once nothing more is on its way that was begun. */
export async function until(done: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!(await done())) {
    assert.ok(Date.now() < deadline, `${what} does not come about`)
    await turn()
  }
}
