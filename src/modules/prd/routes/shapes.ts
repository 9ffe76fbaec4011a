import Type, { type TSchema } from 'typebox'
import { camelPageOf, pageQuery, type Page } from '../../../kernel/page.ts'
import { AnyId, IdOf, prefixes, rowOf, type Kind } from '../ids.ts'
import { accesses, collaboratorRoles, organizationRoles, prdStatuses } from '../tables.ts'
import { exact, Nullable, StateVector, Timestamp, VersionNumber } from '../wire.ts'

/** An id of one kind as a client gives it, no higher than the databases can number. */
export const RefTo = (kind: Kind) =>
  Type.String({ pattern: `^${prefixes[kind]}_[1-9]\\d{0,8}$`, description: `an id, like ${prefixes[kind]}_1` })

/** In a path: what names nothing is not found. */
export const ById = Type.Object({ id: AnyId })
export const OfPerson = Type.Object({ id: AnyId, userId: AnyId })
/** A list whose pages are told by the ids of its rows. */
export const pageBy = (kind: Kind) => pageQuery(RefTo(kind))
export const PageOf = (item: TSchema) => camelPageOf(item, Type.String())

export const Person = Type.Object({ id: IdOf('user'), name: Type.String() }, exact)

export const OrganizationRole = Type.Enum([...organizationRoles], {
  description: 'admin: everything in the organization; member: makes PRDs; viewer: reads and comments',
})

/** An organisation as one of its members sees it. */
export const Organization = Type.Object(
  {
    id: IdOf('organization'),
    name: Type.String(),
    /** Of the one who asks. */
    role: OrganizationRole,
    memberCount: Type.Integer({ minimum: 1 }),
    createdAt: Timestamp,
  },
  exact,
)

export const Member = Type.Object(
  {
    userId: IdOf('user'),
    username: Type.String(),
    name: Type.String(),
    role: OrganizationRole,
    addedBy: IdOf('user'),
    addedAt: Timestamp,
  },
  exact,
)

export const Access = Type.Enum([...accesses], {
  description: 'What everybody in the organization may do with it who it was not shared with by name',
})
export const PrdStatus = Type.Enum([...prdStatuses])
export const CollaboratorRole = Type.Enum([...collaboratorRoles])

const prd = {
  id: IdOf('prd'),
  organizationId: IdOf('organization'),
  title: Type.String(),
  status: PrdStatus,
  access: Access,
  version: VersionNumber,
  owner: Person,
  createdBy: Person,
  /** Of the one who asks. */
  right: Type.Enum(['view', 'edit', 'manage']),
  createdAt: Timestamp,
  /** When its title, status or text last changed. */
  updatedAt: Timestamp,
}

/** A PRD as one person sees it. */
export const Prd = Type.Object(prd, exact)
export const PrdWithContent = Type.Object({ ...prd, content: Type.String(), stateVector: StateVector }, exact)

export const Collaborator = Type.Object(
  {
    userId: IdOf('user'),
    name: Type.String(),
    role: CollaboratorRole,
    addedBy: IdOf('user'),
    addedAt: Timestamp,
  },
  exact,
)

const template = {
  /** template_1, or the name of one that every organisation has. */
  id: Type.String(),
  name: Type.String(),
  isBuiltIn: Type.Boolean(),
  createdBy: Nullable(IdOf('user')),
  createdAt: Nullable(Timestamp),
}
export const Template = Type.Object(template, exact)
export const TemplateWithContent = Type.Object({ ...template, content: Type.String() }, exact)

/** A page by rows, of one by ids. */
export const pageFrom = (kind: Kind, { limit, before }: Page): Page<number> => ({
  limit,
  before: before === undefined ? undefined : rowOf(kind, before),
})
