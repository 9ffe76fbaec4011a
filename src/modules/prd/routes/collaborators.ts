import Type from 'typebox'
import { callerOf } from '../../../kernel/action.ts'
import { readCamelPage } from '../../../kernel/page.ts'
import { route, type Route } from '../../../kernel/route.ts'
import { removeShare, saveShare } from '../actions/collaborators.ts'
import { reachPrd, type Parts } from '../actions/parts.ts'
import { rowOf } from '../ids.ts'
import { listCollaborators } from '../lists/collaborators.ts'
import { ById, Collaborator, CollaboratorRole, OfPerson, pageBy, PageOf, pageFrom } from './shapes.ts'

export function collaboratorRoutes(parts: Parts): readonly Route[] {
  return [
    route(
      'GET',
      '/prds/:id/collaborators',
      {
        summary: 'Whom a PRD was shared with by name, the newest account first; its owner is not among them',
        params: ById,
        query: Type.Object(pageBy('user')),
        reply: PageOf(Collaborator),
      },
      (call) =>
        readCamelPage(
          parts.database,
          async (reader) => {
            const { id } = await reachPrd(reader, callerOf(call), idOf(call))
            return listCollaborators(reader, id, pageFrom('user', call.query))
          },
          (collaborator) => collaborator,
        ),
    ),
    route(
      'PUT',
      '/prds/:id/collaborators/:userId',
      {
        summary: 'Share a PRD with a member of its organization, or give them another role (its owner, admins)',
        params: OfPerson,
        body: Type.Object({ role: CollaboratorRole }),
        reply: Collaborator,
      },
      (call) => saveShare(parts, callerOf(call), idOf(call), rowOf('user', call.params.userId), call.body.role),
    ),
    route(
      'DELETE',
      '/prds/:id/collaborators/:userId',
      { summary: 'Share a PRD with somebody no more (its owner, admins), or give up your own share', params: OfPerson },
      (call) => removeShare(parts, callerOf(call), idOf(call), rowOf('user', call.params.userId)),
    ),
  ]
}

const idOf = ({ params }: { readonly params: { readonly id: string } }): number => rowOf('prd', params.id)
