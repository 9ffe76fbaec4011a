import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import type { User } from '../../testing/world.ts'
import { each, Team } from './day/testing.ts'
import { made } from './testing.ts'

/** W-E1 … W-P14 as people meet them: a working day of a team of five, by what each of them sees. */

test('a working day of a team of five', async (t) => {
  await using team = await Team.gather(['ana', 'bo', 'cy', 'di', 'ed', 'gil', 'eve'])
  const { world } = team
  const user = (name: string): User => team.user(name)
  const [ana, bo, cy, di, ed, gil, eve] = [user('ana'), user('bo'), user('cy'), user('di'), user('ed'), user('gil'), user('eve')]
  const everybody = ['ana', 'bo', 'cy', 'di', 'ed']
  let general = ''
  let design = ''
  let leads = ''

  await t.test('08:30 Ana makes the workspace and asks the others in: three by a link, Ed by his address', async () => {
    team.workspaceId = (await made(ana, '/api/workspaces', { name: 'Acme' })).id
    general = (await ana.get(team.in('/channels'))).body.items[0].id
    team.knows(general, '#general')
    assert.deepEqual(await team.sits('ana'), ['ana is online'])
    const { token } = await made(ana, team.in('/invites'), { max_uses: 3 })
    for (const guest of [bo, cy, di]) await made(guest, '/api/invites/accept', { token })
    // It was good for three.
    assert.equal((await eve.post('/api/invites/accept', { token })).status, 404)
    await made(ana, team.in('/invites'), { email: 'ed@example.com' })
    const [invitation] = (await ed.get('/api/invites')).body.items
    assert.deepEqual([invitation.workspace_name, invitation.invited_by], ['Acme', 'ana'])
    await made(ed, `/api/invites/${invitation.id}/accept`, {})
    assert.equal((await ana.patch(team.in(`/members/${bo.uuid}`), { role: 'admin' })).status, 200)
    await team.see({ ana: ['bo', 'cy', 'di', 'ed'].map((name) => `${name} comes into #general`) })
    const members = ['ed, member', 'di, member', 'cy, member', 'bo, admin', 'ana, owner']
    assert.deepEqual(await team.finds('ed', team.in('/members')), members)
  })

  await t.test('09:00 they come in one after the other; Cy has a laptop and a phone', async () => {
    assert.deepEqual(await team.sits('bo'), ['bo is online', 'ana is online'])
    await team.sits('cy')
    await team.sits('di')
    assert.deepEqual((await team.sits('ed')).toSorted(), everybody.map((name) => `${name} is online`))
    await team.sits('cy phone')
    await team.see({
      ana: ['bo is online', 'cy is online', 'di is online', 'ed is online'],
      bo: ['cy is online', 'di is online', 'ed is online'],
      cy: ['di is online', 'ed is online'],
      di: ['ed is online'],
    })
    await team.says('ana', general, 'Good morning!')
    await team.see(each([...everybody, 'cy phone'], '#general ana: Good morning!'))
    const { id } = (await bo.get(`/api/channels/${general}/messages`)).body.items[0]
    await bo.post(`/api/messages/${id}/reactions`, { emoji: '☕' })
    await team.see(each([...everybody, 'cy phone'], 'bo ☕ "Good morning!"'))
  })

  await t.test('09:30 Bo makes #design for everybody, Ana #leads for Bo and herself', async () => {
    design = await team.channel('bo', 'design', 'public')
    await team.see(each([...everybody, 'cy phone'], 'there is #design'))
    leads = await team.channel('ana', 'leads', 'private', ['bo'])
    await team.see(each(['ana', 'bo'], 'there is #leads', 'bo comes into #leads'))
    await cy.post(`/api/channels/${design}/members`)
    await team.see(each(['bo', 'cy', 'cy phone'], 'cy comes into #design'))
    await bo.post(`/api/channels/${design}/members`, { user_id: di.uuid })
    await team.see(each(['bo', 'cy', 'cy phone', 'di'], 'di comes into #design'))
    // Everybody finds #design, nobody but those two #leads.
    assert.deepEqual(await team.finds('ed', team.in('/channels')), ['#design', '#general'])
    assert.deepEqual(await team.finds('ana', team.in('/channels')), ['#leads', '#design', '#general'])
    for (const door of ['', '/messages', '/members']) {
      assert.equal((await ed.get(`/api/channels/${leads}${door}`)).status, 404)
    }
    await bo.patch(`/api/channels/${design}`, { description: 'How it looks' })
    await team.see(each([...everybody, 'cy phone'], '#design is #design: How it looks'))
  })

  await t.test('10:00 Bo types, calls Cy, and Cy reads it on the phone: the laptop knows', async () => {
    team.screen('bo').send({ type: 'typing', channel_id: design, is_typing: true })
    await team.see(each(['cy', 'cy phone', 'di'], 'bo types in #design'))
    await team.says('bo', design, 'Is the logo done, @cy?')
    await team.see({
      ...each(['cy', 'cy phone', 'di'], '#design bo: Is the logo done, @cy?', 'bo stops typing in #design'),
      bo: ['#design bo: Is the logo done, @cy?'],
    })
    assert.equal(await team.badge('cy', design), '1 unread, 1 for me')
    assert.equal(await team.badge('di', design), '1 unread, 0 for me')
    assert.equal(await team.badge('bo', design), '0 unread, 0 for me')
    assert.deepEqual(await team.finds('cy', team.in('/mentions')), ['bo: Is the logo done, @cy?'])
    // On the phone.
    await cy.post(`/api/channels/${design}/read`)
    assert.equal(await team.badge('cy', design), '0 unread, 0 for me')
    assert.equal(await team.badge('di', design), '1 unread, 0 for me')
    await team.see({})
  })

  let question = ''
  await t.test('10:30 a thread: those who take part follow it', async () => {
    question = (await cy.get(`/api/channels/${design}/messages`)).body.items[0].id
    const reply = (by: User, content: string) => made(by, `/api/messages/${question}/replies`, { content })
    const inDesign = ['bo', 'cy', 'cy phone', 'di']
    await reply(cy, 'Nearly. Blue or green?')
    await reply(di, 'Green')
    await team.see(
      each(
        inDesign,
        '#design cy: ↳ Nearly. Blue or green?',
        '"Is the logo done, @cy?" has 1 replies',
        '#design di: ↳ Green',
        '"Is the logo done, @cy?" has 2 replies',
      ),
    )
    assert.deepEqual(await team.finds('bo', team.in('/threads')), ['bo: Is the logo done, @cy? (2 new replies)'])
    assert.deepEqual(await team.finds('cy', team.in('/threads')), ['bo: Is the logo done, @cy? (1 new replies)'])
    assert.deepEqual(await team.finds('ana', team.in('/threads')), [])
    assert.deepEqual(await team.finds('bo', `/api/messages/${question}/replies`), ['di: Green', 'cy: Nearly. Blue or green?'])
    await bo.post(`/api/messages/${question}/read-thread`)
    assert.deepEqual(await team.finds('bo', team.in('/threads')), ['bo: Is the logo done, @cy? (0 new replies)'])
    // The channel itself shows the question only.
    assert.deepEqual(await team.finds('di', `/api/channels/${design}/messages`), ['bo: Is the logo done, @cy?'])
  })

  await t.test('11:00 Cy sends the logo; who is not in #design does not get it, not even by its address', async () => {
    const png = await sharp({ create: { width: 320, height: 200, channels: 3, background: 'green' } }).png().toBuffer()
    const form = new FormData()
    form.append('file', new Blob([new Uint8Array(png)], { type: 'text/html' }), 'logo.png')
    const { status, body: file } = await cy.post(team.in('/attachments'), form)
    assert.equal(status, 201)
    assert.deepEqual([file.mime_type, file.width, file.height, file.size], ['image/png', 320, 200, png.length])
    await team.says('cy', design, 'Here it is', { attachment_ids: [file.id] })
    await team.see(each(['bo', 'cy', 'cy phone', 'di'], '#design cy: Here it is [logo.png]'))
    const download = ({ token }: User) =>
      fetch(world.url + (file.url as string), { headers: { authorization: `Bearer ${token}` } })
    const answer = await download(di)
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), png)
    assert.match(answer.headers.get('content-disposition')!, /logo\.png/)
    // A public channel is open to all but guests, whether they have joined or not; a stranger does not get in.
    assert.equal((await download(ed)).status, 200)
    assert.equal((await download(eve)).status, 404)
    assert.equal((await fetch(world.url + (file.url as string))).status, 401)
  })

  await t.test('11:30 hearts, also one too many and one taken back; a pin', async () => {
    const { id } = (await di.get(`/api/channels/${design}/messages`)).body.items[0]
    await di.post(`/api/messages/${id}/reactions`, { emoji: '❤️' })
    await di.post(`/api/messages/${id}/reactions`, { emoji: '❤' })
    await bo.post(`/api/messages/${id}/reactions`, { emoji: '🎉' })
    await bo.delete(`/api/messages/${id}/reactions/${encodeURIComponent('🎉')}`)
    await team.see(
      each(['bo', 'cy', 'cy phone', 'di'], 'di ❤️ "Here it is"', 'bo 🎉 "Here it is"', 'bo no longer 🎉 "Here it is"'),
    )
    const { reactions } = (await cy.get(`/api/messages/${id}`)).body
    assert.deepEqual(reactions, [{ emoji: '❤️', user_id: di.uuid }])
    // Ed only looks in.
    assert.equal((await ed.post(`/api/messages/${id}/reactions`, { emoji: '👀' })).status, 403)
    assert.equal((await di.post(`/api/messages/${id}/pin`)).status, 200)
    assert.deepEqual(await team.finds('bo', `/api/channels/${design}/pins`), ['cy: Here it is'])
    await team.see({})
  })

  await t.test('12:00 Di and Ed talk of lunch between themselves; then with Cy, which is another conversation', async () => {
    const two = await team.direct('di', ['ed'])
    await team.see(each(['di', 'ed'], 'there is (di,ed)', 'ed comes into (di,ed)'))
    await team.says('di', two, 'Noodles?')
    await team.see(each(['di', 'ed'], '(di,ed) di: Noodles?'))
    assert.equal(await team.direct('ed', ['di']), two)
    const three = await team.direct('ed', ['di', 'cy'])
    const came = ['di comes into (cy,di,ed)', 'cy comes into (cy,di,ed)']
    await team.see(each(['di', 'ed', 'cy', 'cy phone'], 'there is (cy,di,ed)', ...came))
    assert.equal((await team.finds('cy', `/api/channels/${three}/members`)).length, 3)
    for (const boss of [ana, bo]) assert.equal((await boss.get(`/api/channels/${two}/messages`)).status, 404)
    // Lunch.
    await world.advance(6 * 60_000)
    const away = everybody.map((name) => `${name} is away`)
    for (const device of [...everybody, 'cy phone']) assert.deepEqual((await team.looks(device)).toSorted(), away)
    await team.says('cy', three, 'Back')
    await team.see({
      ...each(['di', 'ed', 'cy', 'cy phone'], 'cy is online', '(cy,di,ed) cy: Back'),
      ...each(['ana', 'bo'], 'cy is online'),
    })
  })

  await t.test('13:30 Ed takes the train: what he missed comes when there is a network again, and only that', async () => {
    await team.loses('ed')
    const { position } = (await ed.get(team.in('/channels'))).body
    const id = await team.says('ana', general, 'The customr comes at three')
    await ana.patch(`/api/messages/${id}`, { content: 'The customer comes at three' })
    const secret = await team.says('ana', leads, 'We must not lose them')
    const slip = await team.says('ana', general, 'their password is 1234')
    await ana.delete(`/api/messages/${slip}`)
    const edited = '"The customr comes at three" now says: The customer comes at three'
    const both = ['ana is online', '#general ana: The customr comes at three', edited]
    const rest = ['#general ana: their password is 1234', '"their password is 1234" is deleted']
    await team.see({
      ...each(['cy', 'cy phone', 'di'], ...both, ...rest),
      ...each(['ana', 'bo'], ...both, '#leads ana: We must not lose them', ...rest),
    })
    // Within ten seconds: nobody has noticed that he was gone.
    await world.advance(5_000)
    const missed = await team.sits('ed', `&since=${position}`)
    assert.deepEqual(missed.slice(0, 3), [
      '#general ana: The customr comes at three',
      edited,
      '"their password is 1234" is deleted',
    ])
    // Then, as for everybody who comes, who is there; the others are still at lunch.
    const present = everybody.map((name) => `${name} is ${['bo', 'di'].includes(name) ? 'away' : 'online'}`)
    assert.deepEqual(missed.slice(3).toSorted(), present)
    assert.equal((await ed.get(`/api/messages/${secret}`)).status, 404)
    await team.see(each(['ana', 'bo', 'cy', 'cy phone', 'di'], 'ed is online'))
  })

  await t.test('14:00 everybody looks for the customer, each in what they see', async () => {
    await team.says('bo', leads, 'What does the customer pay?')
    await team.see({
      ...each(['ana', 'bo'], 'bo is online', '#leads bo: What does the customer pay?'),
      ...each(['cy', 'cy phone', 'di', 'ed'], 'bo is online'),
    })
    const search = (name: string, q: string) => team.finds(name, team.in(`/search?q=${q}`))
    const [told, asked] = ['ana: The customer comes at three', 'bo: What does the customer pay?']
    assert.deepEqual(await search('ana', 'customer'), [asked, told])
    assert.deepEqual(await search('ed', 'custom'), [told])
    for (const gone of ['customr', 'password']) assert.deepEqual(await search('ana', gone), [])
    assert.deepEqual(await search('ed', 'noodles'), ['di: Noodles?'])
    assert.deepEqual(await search('ana', 'noodles'), [])
  })

  await t.test('14:30 Gil of the agency comes as a guest, for #design alone', async () => {
    const { token } = await made(ana, team.in('/invites'), { role: 'guest', channel_ids: [design], max_uses: 1 })
    await made(gil, '/api/invites/accept', { token })
    await team.see(each(['bo', 'cy', 'cy phone', 'di'], 'gil comes into #design'))
    const present = await team.sits('gil')
    assert.deepEqual(present.toSorted(), ['bo is online', 'cy is online', 'di is away', 'gil is online'])
    await team.see(each([...everybody, 'cy phone'], 'gil is online'))
    assert.deepEqual(await team.finds('gil', team.in('/channels')), ['#design'])
    const known = ['bo, admin', 'cy, member', 'di, member', 'gil, guest']
    assert.deepEqual((await team.finds('gil', team.in('/members'))).toSorted(), known)
    const history = ['cy: Here it is', 'bo: Is the logo done, @cy?']
    assert.deepEqual(await team.finds('gil', `/api/channels/${design}/messages`), history)
    await team.says('gil', design, 'Green is fine with us, @di')
    await team.see(each(['bo', 'cy', 'cy phone', 'di', 'gil'], '#design gil: Green is fine with us, @di'))
    // Since this morning: the question, Cy's answer to it, the logo, and this.
    assert.equal(await team.badge('di', design), '4 unread, 1 for me')
    const refused = [
      gil.post(team.in('/channels'), { name: 'mine' }),
      gil.post(`/api/channels/${design}/messages`, { content: 'hey @channel' }),
      gil.post(`/api/channels/${design}/members`, { user_id: ed.uuid }),
      gil.post(team.in('/invites'), {}),
    ]
    for (const { status } of await Promise.all(refused)) assert.equal(status, 403)
    const hidden = [
      gil.get(`/api/channels/${general}/messages`),
      gil.post(`/api/channels/${general}/members`),
      gil.get(team.in(`/members/${ed.uuid}`)),
    ]
    for (const { status } of await Promise.all(hidden)) assert.equal(status, 404)
    await team.see({})
  })

  await t.test('16:00 a mistake is taken back by an admin; the thread under the question stays when the question goes', async () => {
    const { id } = (await gil.get(`/api/channels/${design}/messages`)).body.items[0]
    assert.equal((await di.delete(`/api/messages/${id}`)).status, 403)
    await bo.delete(`/api/messages/${id}`)
    await bo.delete(`/api/messages/${question}`)
    // Having tried is having done something.
    const deleted = ['"Green is fine with us, @di"', '"Is the logo done, @cy?"'].map((what) => `${what} is deleted`)
    await team.see({
      ...each(['ana', 'ed'], 'di is online'),
      ...each(['bo', 'cy', 'cy phone', 'di', 'gil'], 'di is online', ...deleted, '"Is the logo done, @cy?" has 2 replies'),
    })
    assert.deepEqual(await team.finds('di', `/api/channels/${design}/messages`), ['cy: Here it is', 'bo: (deleted)'])
    assert.deepEqual(await team.finds('cy', team.in('/mentions')), [])
  })

  await t.test('17:00 Cy leaves the team: gone everywhere at once, what was said stays', async () => {
    await ana.delete(team.in(`/members/${cy.uuid}`))
    for (const device of ['cy', 'cy phone']) await team.shutOut(device, 4403)
    await team.see({
      ana: ['cy leaves #general', 'cy is offline'],
      bo: ['cy leaves #general', 'cy leaves #design', 'cy is offline'],
      di: ['cy leaves #general', 'cy leaves #design', 'cy leaves (cy,di,ed)', 'cy is offline'],
      ed: ['cy leaves #general', 'cy leaves (cy,di,ed)', 'cy is offline'],
      gil: ['cy leaves #design', 'cy is offline'],
    })
    for (const path of [team.in(''), `/api/channels/${design}/messages`, team.in('/search?q=logo')]) {
      assert.equal((await cy.get(path)).status, 404, path)
    }
    assert.deepEqual((await cy.get('/api/workspaces')).body.items, [])
    assert.deepEqual(await team.finds('di', `/api/channels/${design}/messages`), ['cy: Here it is', 'bo: (deleted)'])
  })

  await t.test('18:00 they go home', async () => {
    for (const device of ['bo', 'di', 'ed', 'gil']) await team.loses(device)
    await world.advance(11_000)
    const offline = ['bo', 'di', 'ed', 'gil'].map((name) => `${name} is offline`)
    assert.deepEqual((await team.looks('ana')).toSorted(), offline)
    assert.deepEqual(await team.finds('ana', team.in('/presence')), ['ana is online'])
  })
})
