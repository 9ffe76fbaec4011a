import { channelMembers, channels } from './matrix/channels.ts'
import { testMatrix } from './matrix/check.ts'

/** The part of the table (matrix.test.ts) that is about channels. */

testMatrix({
  'W-P5 W-P6 W-P7 W-P8 channels': channels,
  'W-P5 W-P6 W-P7 W-P8 W-P10 who is in a channel': channelMembers,
})
