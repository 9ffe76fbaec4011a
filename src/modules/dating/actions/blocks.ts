import { perform, type Caller } from '../../../kernel/action.ts'
import type { Unit } from '../../../kernel/unit-of-work.ts'
import type { Person } from '../live.ts'
import type { Other } from '../people-policy.ts'
import { deleteBlock, deleteLike, insertBlock } from '../store/matching.ts'
import { endConversation, reachOther, unlike } from './matching.ts'
import type { Parts } from './parts.ts'
import { reachActor } from './profiles.ts'

/**
 * From the moment this is committed nothing of one reaches the other. Whom it is about is told nothing, and answered as
 * if they had been unmatched, or had never met.
 * @param uuid of the account
 */
export async function blockPerson(parts: Parts, caller: Caller, uuid: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const actor = await reachActor(unit, caller)
    await block(unit, parts, actor, await reachOther(unit, actor, uuid, 'blocks'))
  })
}

/** Somebody else, as who asks stands to them. */
type Met = Person & Other & { readonly conversation_id: number | null }

export async function block(unit: Unit, parts: Pick<Parts, 'live'>, actor: Person, other: Met): Promise<void> {
  if (other.blocks_them === null) await unit.run(insertBlock, { user: actor.id, other: other.id, now: unit.now })
  const { conversation_id: id, conversation: uuid } = other
  if (id === null || uuid === null) await unlike(unit, actor, other)
  else await endConversation(unit, parts, { id, uuid }, actor, other)
}

/**
 * They may like each other again; nothing of before comes back. A like from behind the block never was one, so that it
 * makes no match now.
 */
export async function unblockPerson(parts: Parts, caller: Caller, uuid: string): Promise<void> {
  await perform(parts.unitOfWork, caller, async (unit) => {
    const actor = await reachActor(unit, caller)
    const other = await reachOther(unit, actor, uuid, 'blocks')
    const lifted = await unit.run(deleteBlock, { user: actor.id, other: other.id })
    if (lifted > 0) await unit.run(deleteLike, { user: other.id, other: actor.id })
  })
}
