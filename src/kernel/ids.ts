import { randomBytes, randomUUID } from 'node:crypto'

/** 60 bits in base 36: enough that two logs never share one. */
export const newEpoch = (): string => BigInt(`0x${randomBytes(8).toString('hex')}`).toString(36).slice(0, 12)

export const newUuid = (): string => randomUUID()

/** 256 bits: for anything whose knowledge is a right. */
export const newSecret = (): string => randomBytes(32).toString('base64url')
