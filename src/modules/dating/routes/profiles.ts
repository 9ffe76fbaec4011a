import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { notFound } from '../../../kernel/errors.ts'
import { Text } from '../../../kernel/fields.ts'
import { readOne, readPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import type { Parts } from '../actions/parts.ts'
import { putProfile, reachActor, reachDater } from '../actions/profiles.ts'
import { listProfiles, type ProfileRow } from '../lists/profiles.ts'
import { checkSeesProfile } from '../people-policy.ts'
import { findPerson } from '../store/profiles.ts'
import { Nullable, timestamp } from '../wire.ts'
import { ById, OwnProfile, PageOf, PageQuery, Profile, Ref } from './shapes.ts'

/** Code points. */
const BIO = 500

const ProfileBody = Type.Object({
  bio: Text(0, BIO),
  avatar_photo_id: Type.Optional(Nullable(Ref)),
  hidden: Type.Optional(Type.Boolean()),
})

export function profileRoutes(parts: Parts): readonly Route[] {
  const { database, clock } = parts
  const show = ({ uuid, username, display_name, bio, avatar, created_at }: ProfileRow): object => ({
    user_id: uuid,
    username,
    display_name,
    bio,
    avatar_url: avatar === null ? null : parts.photoUrls.file(avatar, clock.now()),
    created_at: timestamp(created_at),
  })
  const readOwn = (caller: { readonly accountId: number }) =>
    readOne(database, async (reader) => {
      const actor = await reachActor(reader, caller)
      if (actor.profile === null) throw notFound('Your profile')
      return { ...show(actor as ProfileRow), avatar_photo_id: actor.avatar, hidden: actor.hidden === 1 }
    })
  return [
    route(
      'PUT',
      '/profile',
      {
        summary: 'Make your profile, or all of it anew; hidden: only your matches see it',
        body: ProfileBody,
        reply: OwnProfile,
      },
      async (call) => {
        const { bio, avatar_photo_id: avatar = null, hidden = false } = call.body
        await putProfile(parts, callerOf(call), { bio, avatar, hidden })
        return readOwn(callerOf(call))
      },
    ),
    route('GET', '/profile', { summary: 'Your profile', reply: OwnProfile }, (call) => readOwn(callerOf(call))),
    route(
      'GET',
      '/profiles',
      {
        summary: 'People you may like, who came last first; not those you have matched with',
        query: Type.Object(PageQuery),
        reply: PageOf(Profile),
      },
      (call) =>
        readPage(
          database,
          async (reader) => listProfiles(reader, (await reachDater(reader, callerOf(call))).id, call.query),
          show,
        ),
    ),
    route(
      'GET',
      '/profiles/:id',
      { summary: 'The profile of a person, by the id of their account', params: ById, reply: Profile },
      (call) =>
        readOne(database, async (reader) => {
          const actor = await reachDater(reader, callerOf(call))
          const other = await reader.get(findPerson, { uuid: call.params.id, actor: actor.id })
          return show(checkSeesProfile(actor, other) as ProfileRow)
        }),
    ),
  ]
}
