import Type from 'typebox'
import { Bytes } from '../../wire/bytes.ts'
import { FreeObject } from '../../wire/free-object.ts'
import { AnyId } from './ids.ts'
import { modes, Nullable, resolutions, statuses, versionTypes } from './wire.ts'

/** What client events bring, as schemas; unknown keys are dropped. */

/** What the client names an edit by, so that the same again makes no second one. An addition. */
const ClientId = Type.Optional(
  Type.String({ pattern: '^[\\x21-\\x7e]{1,64}$', description: '1 to 64 visible ASCII characters' }),
)
/** Operations counted by replica, as a client knows them. */
export const vectorOf = (slots: number) =>
  Type.Array(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), {
    maxItems: slots,
    description: `at most ${slots} whole numbers from 0 up`,
  })
const Position = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

export const JoinPrd = Type.Object({ prdId: AnyId, mode: Type.Optional(Nullable(Type.Enum([...modes]))) })
export const LeavePrd = Type.Object({ prdId: AnyId })

export const contentUpdate = (slots: number, bytes: number) =>
  Type.Object({
    prdId: AnyId,
    /** Looked at by merge.ts: its faults have a code of their own. */
    operation: Type.Optional(FreeObject),
    update: Type.Optional(Bytes(bytes)),
    stateVector: Type.Optional(Nullable(vectorOf(slots))),
    clientId: ClientId,
  })

export const syncRequest = (slots: number, bytes: number) =>
  Type.Object({ prdId: AnyId, stateVector: Type.Union([vectorOf(slots), Bytes(bytes)]) })

const SelectionRange = Type.Object({ start: Position, end: Position })
export const PresenceUpdate = Type.Object({
  prdId: AnyId,
  status: Type.Optional(Type.Enum([...statuses])),
  cursorPosition: Type.Optional(Nullable(Position)),
  selection: Type.Optional(Nullable(SelectionRange)),
})

export const CreateVersion = Type.Object({
  prdId: AnyId,
  changelog: Type.String(),
  versionType: Type.Enum([...versionTypes]),
})

export const ResolveConflict = Type.Object({
  prdId: AnyId,
  conflictId: AnyId,
  resolution: Type.Enum([...resolutions]),
  mergedContent: Type.Optional(Nullable(Type.String())),
})

const comment = {
  position: Position,
  content: Type.String(),
  selection: Type.Optional(
    Nullable(Type.Object({ start: Position, end: Position, text: Type.Optional(Nullable(Type.String())) })),
  ),
}
export const NewComment = Type.Object(comment)
export const AddComment = Type.Object({ prdId: AnyId, ...comment })
export const ReplyComment = Type.Object({ commentId: AnyId, content: Type.String() })
/** Of resolve-comment, reopen-comment and delete-comment. */
export const OfComment = Type.Object({ commentId: AnyId })
export const DeleteReply = Type.Object({ commentId: AnyId, replyId: AnyId })

export const Subscribe = Type.Object({ organizationId: AnyId })

const AnyText = Type.Optional(Nullable(Type.String()))
/** Section 4.1; only the prompt is needed. */
const prompt = {
  prompt: Type.String(),
  section: Type.Optional(Nullable(Type.String({ maxLength: 200 }))),
  context: Type.Optional(
    Nullable(
      Type.Object({
        currentContent: AnyText,
        selectedText: AnyText,
        cursorPosition: Type.Optional(Nullable(Position)),
      }),
    ),
  ),
}
export const NewPrompt = Type.Object(prompt)
export const AiPrompt = Type.Object({ prdId: AnyId, ...prompt })
export const AiCancel = Type.Object({ prdId: AnyId, jobId: AnyId })
