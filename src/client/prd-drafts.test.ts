import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aiScene, until } from '../modules/prd/testing-ai.ts'
import type { User } from '../testing/world.ts'
import { PrdDrafts, type Draft } from './prd-drafts.ts'
import { PrdClient } from './prd.ts'

test('drafts keep their place while everybody edits, are accepted into the text, cancelled, refused, and found again', async () => {
  await using at = await aiScene({ config: { prdAiPromptsPerHour: 2 } })
  const { prdId } = at
  const open = async (user: User) => {
    const { socket } = await at.tab(user)
    const told: Draft[] = []
    const client = new PrdClient({ socket, prdId })
    const drafts = new PrdDrafts({ socket, prdId, client, onDraft: (draft) => told.push(draft) })
    await until(() => client.status === 'saved', 'everybody is in')
    return { socket, client, drafts, told }
  }
  const owner = await open(at.owner)
  const editor = await open(at.editor)

  const speech = at.speech()
  const jobId = await owner.drafts.ask({ prompt: 'More, please', section: 'greeting', cursorPosition: 5 })
  await at.asked(1)
  speech.say({ delta: { content: ', dear' } })
  await until(() => editor.drafts.all[0]?.text === ', dear', 'the watcher sees the draft')
  editor.client.edit({ at: 0, removed: 0, inserted: '> ' })
  await until(() => owner.client.text === '> Hello', 'the edit arrives')
  assert.equal(owner.drafts.all[0]?.position, 7)
  const late = await open(at.owner)
  await until(() => late.drafts.all[0]?.text === ', dear', 'who comes late has all of it')
  speech.say({ delta: { content: ' world' } })
  speech.end()
  await until(() => [owner, editor, late].every(({ drafts }) => drafts.all[0]?.status === 'complete'), 'all have the whole')
  for (const { drafts } of [owner, editor, late]) {
    const [{ text, position, userId, section }] = drafts.all as [Draft]
    assert.deepEqual({ text, position, userId, section }, {
      text: ', dear world',
      position: 7,
      userId: `user_${at.owner.id}`,
      section: 'greeting',
    })
  }
  editor.client.edit({ at: 2, removed: 5, inserted: 'Hi' })
  await until(() => owner.client.text === '> Hi', 'the second edit arrives')
  assert.deepEqual(owner.drafts.accept(jobId), { at: 4, removed: 0, inserted: ', dear world' })
  assert.equal(owner.drafts.accept(jobId), undefined)
  await until(() => editor.client.text === '> Hi, dear world', 'the accepted text arrives')
  editor.drafts.dismiss(jobId)
  assert.deepEqual(editor.drafts.all, [])

  const second = at.speech()
  const other = await owner.drafts.ask({ prompt: 'And more' })
  await at.asked(2)
  second.say({ delta: { content: 'Never' } })
  await until(() => owner.drafts.all[0]?.text === 'Never', 'the second draft grows')
  assert.equal(owner.drafts.accept(other), undefined)
  owner.drafts.cancel(other)
  await until(() => owner.told.at(-1)?.status === 'failed', 'the cancelling is told')
  assert.equal(owner.told.at(-1)?.error?.code, 'CANCELLED')
  assert.deepEqual(owner.drafts.all, [])

  await assert.rejects(owner.drafts.ask({ prompt: 'Once more' }), { cause: 'RATE_LIMIT_EXCEEDED' })
  owner.drafts.close()
  for (const { client } of [owner, editor, late]) client.leave()
})
