import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOutgoing } from '../../../adapters/outgoing.ts'
import { fails, ModelDouble, PROVIDERS_WORDS, says } from '../../../testing/outside/model.ts'
import { probeModel } from './probe.ts'

test('the test of a model finds it in the list or has it write, and says what is wrong in our words', async (t) => {
  const double = await new ModelDouble().start()
  const outgoing = createOutgoing({ hosts: ['*'], privateHosts: ['127.0.0.1'], ports: [] })
  t.after(async () => {
    await outgoing.close()
    await double.stop()
  })
  double.apiKey = 'sk-right'
  const probe = (model = 'model-of-tests', apiKey = 'sk-right', baseUrl = `${double.baseUrl}/`): Promise<string> =>
    probeModel({ baseUrl, apiKey, model }, (url, init) => outgoing.fetch(url, init, { timeoutMs: 5_000 }))
  const wrong = async (probed: Promise<string>): Promise<string> => {
    const error = await probed.then(assert.fail, (cause: unknown) => cause as Error)
    assert.ok(!error.message.includes(PROVIDERS_WORDS) && !error.message.includes('sk-'), error.message)
    return error.message
  }
  assert.equal(await probe(), 'The provider answers, and lists the model model-of-tests')
  assert.equal(double.requests.length, 0)
  assert.match(await wrong(probe('model-of-tests', 'sk-wrong')), /refused the key \(HTTP 401\)/)

  double.next(says('y'))
  assert.equal(await probe('another'), 'The provider answers, and writes with the model another')
  assert.equal(double.requests.at(-1)!.body!['max_tokens'], 1)
  double.models = undefined
  double.next(says('y'), fails(404), { body: '<html>' }, { status: 200, body: '{}' }, fails(500))
  assert.match(await probe(), /writes with/)
  assert.match(await wrong(probe()), /does not know this address or model/)
  assert.match(await wrong(probe()), /no chat completion/)
  assert.match(await wrong(probe()), /no chat completion/)
  assert.match(await wrong(probe()), /failed \(HTTP 500\)/)
  assert.match(await wrong(probe('x', 'y', 'http://127.0.0.1:1/v1')), /cannot be reached/)
})
