import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { insert, replace, scene, userId, type Data, type Tab } from './testing.ts'

const SAVE_MS = 20_000
const READ = 6_000
const config = {
  prdAutoSaveMs: SAVE_MS,
  prdIdleMs: 5_000,
  prdSuggestionsTold: 2,
  prdSuggestionCharacters: READ,
  accessTokenMs: 86_400_000,
}

const sample = readFileSync(new URL('lint/samples/bulk-export.md', import.meta.url), 'utf8')
const vague = 'Adoption'
const criteria = '\n## Acceptance criteria\n\n- [ ] The file has all invoices of the month\n'

test('P-S5 what could be better about a text is told after a save to all who have joined it, once until it is back', async () => {
  await using at = await scene({ config })
  const { world } = at
  const prdId = await at.prd(sample)
  const tabs = [await at.tab(at.owner), await at.tab(at.viewer, '/')] as const
  for (const tab of tabs) await tab.join(prdId)
  const others = [await at.tab(at.editor), await at.tab(at.member, '/notifications'), await at.tab(at.outsider)]
  await others[0]!.join(at.prdId)
  const [owner] = tabs
  let text = sample
  const edit = async (from: string, to: string): Promise<void> => {
    const operation = replace(text.indexOf(from), from.length, to)
    text = text.replace(from, to)
    await owner.done('content-update', { prdId, operation, stateVector: [] })
  }
  /** Somebody types, and it is saved. @returns what is told then, of which section */
  const told = async (): Promise<readonly string[]> => {
    await owner.done('content-update', { prdId, operation: insert(0, ' '), stateVector: [] })
    text = ` ${text}`
    for (const tab of [...tabs, ...others]) await tab.drained()
    await world.advance(SAVE_MS + 100)
    await world.app.unitOfWork.settled()
    const heard = await Promise.all(tabs.map((tab) => afterSave(tab, prdId)))
    assert.deepEqual(heard[0], heard[1])
    for (const tab of others) await tab.expectNothing()
    return heard[0]!.map(({ suggestion }) => `${suggestion.section}: ${suggestion.title}`)
  }
  const listed = async (query = ''): Promise<Data> => {
    const answer = await at.viewer.get(`/api/prds/${prdId}/suggestions${query}`)
    assert.equal(answer.status, 200)
    return answer.body
  }
  const dismiss = (id: string, of = prdId) => at.editor.post(`/api/prds/${of}/suggestions/${id}/dismiss`, {})

  assert.deepEqual(await told(), ['user-stories: Add acceptance criteria', 'success-metrics: Make a goal measurable'])
  const createdAt = (await listed()).items[0].createdAt as string
  assert.deepEqual(await told(), ['user-stories: Consider edge cases'], 'those that there was no room for')
  assert.deepEqual(await told(), [], 'nothing is told twice')
  const { items, nextBefore } = await listed('?limit=2')
  assert.deepEqual(items.map((item: Data) => item.rule), ['no-error-cases', 'unmeasurable-goals'])
  const { items: rest } = await listed(`?before=${nextBefore}`)
  const stories = rest[0].id as string
  assert.deepEqual(rest, [
    {
      id: stories,
      prdId,
      type: 'improvement',
      rule: 'story-without-criteria',
      section: 'user-stories',
      title: 'Add acceptance criteria',
      description: rest[0].description as string,
      confidence: 0.75,
      status: 'open',
      createdAt,
      dismissedBy: null,
    },
  ])

  const goals = items[1].id as string
  const dismissed = (await dismiss(goals)).body
  const dismissedBy = { id: userId(at.editor), name: dismissed.dismissedBy.name as string }
  assert.deepEqual(dismissed, { ...items[1], status: 'dismissed', dismissedBy })
  const again = await at.owner.post(`/api/prds/${prdId}/suggestions/${goals}/dismiss`, {})
  assert.deepEqual([again.status, again.body], [200, dismissed], 'whoever was first has done it')
  const { items: open } = await listed('?status=open')
  assert.deepEqual(open.map((item: Data) => item.rule), ['no-error-cases', 'story-without-criteria'])
  for (const [id, of] of [[stories, at.prdId], ['suggestion_999999', prdId], ['x', prdId]] as const) {
    const answer = await dismiss(id, of)
    assert.deepEqual([answer.status, answer.body.error?.code ?? answer.body], [404, 'NOT_FOUND'], id)
  }

  await edit('\n## Timeline', `${criteria}\n## Timeline`)
  await edit(vague, 'Adoption of 30 %')
  assert.deepEqual(await told(), [], 'two of them are solved')
  assert.deepEqual((await listed('?status=gone')).items.map((item: Data) => item.id), [stories])
  await edit(criteria, '')
  await edit('Adoption of 30 %', vague)
  assert.deepEqual(await told(), ['user-stories: Add acceptance criteria'], 'both are back, one was dismissed')
  const { items: last } = await listed()
  assert.deepEqual(last.map((item: Data) => item.status), ['open', 'dismissed', 'open'])
  assert.deepEqual([last[2].id, last[2].createdAt > createdAt], [stories, true])

  // One more story, with criteria: it is the same suggestion, said anew in the list only.
  const story = '- As an accountant, I want to pay. Given a bill, when I pay, then it is paid.\n'
  await edit('- As an accountant', `${story}- As an accountant`)
  assert.deepEqual(await told(), [])
  assert.match((await listed()).items[2].description, /^3 of 4 user stories have/)

  // Of a text that is longer than what is read, only the beginning counts, and nothing is said to be missing.
  const dates = 'Launch: 2026-05-04\n\nLaunch: 2026-05-05\n'
  const more = 'What they have to do for each of them, and how.\n'.repeat(READ / 48)
  await edit('## Background', `## Dates\n\n${dates}\n## More\n\n${more}\n## Background`)
  assert.deepEqual(await told(), ['dates: Settle a date'])
  assert.deepEqual((await listed('?status=open')).items.length, 1)
})

/** The save, and then what is suggested. */
async function afterSave(tab: Tab, prdId: string): Promise<readonly Data[]> {
  const events = await tab.drained()
  assert.deepEqual(events.slice(0, 2).map(([name]) => name), ['auto-save-start', 'auto-save-complete'])
  for (const event of events.slice(2)) {
    assert.equal(event[0], 'ai-suggestion')
    assert.equal((event[1] as Data).prdId, prdId)
    assert.equal((event[1] as Data).suggestion.type, 'improvement')
  }
  return events.slice(2).map(([, data]) => data)
}
