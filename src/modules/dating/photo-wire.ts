import Type, { type Static } from 'typebox'
import { exact, Id, Timestamp } from './wire.ts'

/** An uploaded photo, as REST shows it: an addition of ours, of which the document has only the URL. */
export const Photo = Type.Object(
  {
    id: Id,
    kind: Type.Enum(['photo', 'photo_ephemeral']),
    /** Pixels, upright. */
    width: Type.Integer({ minimum: 1 }),
    height: Type.Integer({ minimum: 1 }),
    mime_type: Type.Enum(['image/jpeg', 'image/webp']),
    /** Bytes. */
    size: Type.Integer({ minimum: 1 }),
    /** Relative to this server, like the next. The `content` of a message that is to show it. */
    url: Type.String(),
    thumbnail_url: Type.String(),
    /** Of the two addresses; others can be had for as long as the photo may be seen. */
    expires_at: Timestamp,
  },
  exact,
)
export type Photo = Static<typeof Photo>

/** The one address of an ephemeral photo: the first GET uses it up. */
export const Opened = Type.Object({ url: Type.String(), expires_at: Timestamp }, exact)
export type Opened = Static<typeof Opened>
