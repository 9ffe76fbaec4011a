import Type, { type TSchema } from 'typebox'
import { pageOf, pageQuery } from '../../../kernel/page.ts'
import { Id } from '../wire.ts'

export const ById = Type.Object({ id: Id })
export const PageQuery = pageQuery(Id)
export const PageOf = (item: TSchema) => pageOf(item, Id)
