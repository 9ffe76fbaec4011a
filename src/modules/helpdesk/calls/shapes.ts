import Type from 'typebox'
import { CommandError } from '../../../kernel/errors.ts'
import { compile } from '../../../kernel/schema.ts'
import { FreeObject } from '../../../wire/free-object.ts'
import { IdArgument, toId } from '../arguments.ts'
import { CallType, Nullable } from '../wire.ts'

/**
 * What the call events bring. Offers, answers and candidates are the browsers' own affair: objects of a bounded size
 * that are passed on as they came.
 */

/** An `RTCSessionDescription` of the client. */
export type Description = Readonly<Record<string, unknown>>
/** An `RTCIceCandidate` of the client; null: no more will come. */
export type Candidate = Readonly<Record<string, unknown>> | null

/** UTF-16 units of a candidate as JSON: one has some two hundred, with every extension less than a thousand. */
const CANDIDATE_CHARACTERS = 4_096

/** One that is not ours is simply not there. */
const CallId = Type.String({ minLength: 1, maxLength: 64 })

export const InviteArgument = Type.Object({ targetUserId: IdArgument, callType: CallType, offer: FreeObject })
/** `targetUserId` is not looked at: whose call it is the server knows. */
export const AcceptArgument = Type.Object({ callId: CallId, answer: FreeObject })
/** Of reject and end: a caller who was told no id names the other party instead. */
export const NamedCallArgument = Type.Object({
  callId: Type.Optional(Nullable(CallId)),
  targetUserId: Type.Optional(Nullable(IdArgument)),
})
export const CandidateArgument = Type.Object({ targetUserId: IdArgument, candidate: Nullable(FreeObject) })

const decodeInvite = compile(InviteArgument)
const decodeAccept = compile(AcceptArgument)
const decodeNamed = compile(NamedCallArgument)
const decodeCandidate = compile(CandidateArgument)

export interface Invitation {
  readonly target: number
  readonly callType: CallType
  readonly offer: Description
}

export interface Acceptance {
  readonly callId: string
  readonly answer: Description
}

/** Which call is meant. */
export interface NamedCall {
  readonly callId: string | undefined
  readonly target: number | undefined
}

export interface FoundCandidate {
  /** The party that may try it. */
  readonly target: number
  readonly candidate: Candidate
}

/** @param maxCharacters of the offer as JSON. @throws CommandError invalid, too_large */
export function readInvitation(data: unknown, maxCharacters: number): Invitation {
  const { targetUserId, callType, offer } = decodeInvite(data)
  checkSize('offer', offer, maxCharacters)
  return { target: toId(targetUserId), callType, offer }
}

/** @param maxCharacters of the answer as JSON. @throws CommandError invalid, too_large */
export function readAcceptance(data: unknown, maxCharacters: number): Acceptance {
  const { callId, answer } = decodeAccept(data)
  checkSize('answer', answer, maxCharacters)
  return { callId, answer }
}

/** @throws CommandError invalid */
export function readNamedCall(data: unknown): NamedCall {
  const { callId, targetUserId } = decodeNamed(data)
  const target = targetUserId === null || targetUserId === undefined ? undefined : toId(targetUserId)
  return { callId: callId ?? undefined, target }
}

/** @throws CommandError invalid, too_large */
export function readCandidate(data: unknown): FoundCandidate {
  const { targetUserId, candidate } = decodeCandidate(data)
  checkSize('candidate', candidate, CANDIDATE_CHARACTERS)
  return { target: toId(targetUserId), candidate }
}

function checkSize(field: string, value: unknown, maxCharacters: number): void {
  if (JSON.stringify(value).length <= maxCharacters) return
  const details = { [field]: `must not have more than ${maxCharacters} characters as JSON` }
  throw new CommandError('too_large', 'Invalid request data', { details })
}
