import Type from 'typebox'
import { route, type Route } from '../../../kernel/route.ts'
import { exact } from '../wire.ts'

/** Virtual gifts: a message of type `gift` names one in `metadata.gift_id`, and may name others that a client knows. */
const gifts = [
  { id: 'rose', name: 'A rose', symbol: '🌹' },
  { id: 'coffee', name: 'A cup of coffee', symbol: '☕' },
  { id: 'cake', name: 'A piece of cake', symbol: '🍰' },
  { id: 'teddy', name: 'A teddy bear', symbol: '🧸' },
  { id: 'song', name: 'A song', symbol: '🎵' },
  { id: 'star', name: 'A star', symbol: '⭐' },
] as const

const Gift = Type.Object({ id: Type.String(), name: Type.String(), symbol: Type.String() }, exact)

export const giftRoutes = (): readonly Route[] => [
  route(
    'GET',
    '/gifts',
    { summary: 'Virtual gifts that every client can show', reply: Type.Object({ items: Type.Array(Gift) }, exact) },
    async () => ({ items: gifts }),
  ),
]
