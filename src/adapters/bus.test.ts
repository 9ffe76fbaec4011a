import { busContract } from '../testing/bus-contract.ts'
import { memoryBus } from './bus-memory.ts'

busContract(
  'in memory',
  () => Promise.resolve(memoryBus()),
  () => Promise.resolve(),
)
