import { testMatrix } from './matrix/check.ts'
import { messages, pinsAndReading } from './matrix/messages.ts'

/** The part of the table (matrix.test.ts) that is about what is in channels. */

testMatrix({
  'W-P5 W-P6 W-P9 W-P11 W-P12 messages, threads and reactions': messages,
  'W-P5 W-P13 pins, and what one has read': pinsAndReading,
})
