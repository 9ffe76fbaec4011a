import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelMembers, channels } from './matrix/channels.ts'
import { documented, testMatrix } from './matrix/check.ts'
import { files } from './matrix/files.ts'
import { messages, pinsAndReading } from './matrix/messages.ts'
import { invites, members, presence, workspaces } from './matrix/workspaces.ts'

/**
 * The whole policy as one table (matrix/): every REST door, and what each kind of person is answered; the people are
 * described in matrix/testing.ts. 404: hidden, which is absent. 403: seen, but not theirs to do. 409: not as things
 * are. 400: not as it was asked, by anybody. `-`: there is no such case.
 */

testMatrix({
  'W-P1 W-P2 W-P3 the workspace': workspaces,
  'W-P3 W-P4 W-P6 its people': members,
  'W-P2 W-P3 W-P5 invitations': invites,
  'W-P1 W-P6 presence': presence,
  'W-P14 files': files,
})

test('the table has a row for every door, and no row for a door that is not there', () => {
  const all = [workspaces, members, invites, presence, channels, channelMembers, messages, pinsAndReading, files]
  const rows = new Set(all.flat().map(({ route }) => route))
  assert.deepEqual([...rows].toSorted(), [...documented.keys()].toSorted())
})
