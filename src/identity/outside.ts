import type { Reader } from '../kernel/database.ts'
import { newUuid } from '../kernel/ids.ts'
import type { Unit } from '../kernel/unit-of-work.ts'
import { addAccount, roleOfNew } from './accounts.ts'
import type { Core } from './core.ts'
import { keyOf, passes, PLACEHOLDER_DOMAIN } from './fields.ts'
import type { OutsideClaims } from './provider.ts'
import { ownerOfEmail, ownerOfName } from './store/accounts.ts'
import { findOutside, insertIdentity } from './store/sessions.ts'

export const readOutside = (reader: Reader, claims: OutsideClaims) =>
  reader.get(findOutside, { issuer: claims.issuer, subject: claims.subject, session: claims.sessionId })

/**
 * The account of somebody the provider vouches for, made at first sight. Never an account that exists already: whoever
 * could claim an address at the provider would own the account that has it here (I-13).
 */
export async function admit(core: Core, unit: Unit, claims: OutsideClaims): Promise<void> {
  if (await readOutside(unit, claims)) return
  const { issuer, subject, profile } = claims
  const uuid = newUuid()
  const account = await addAccount(core, unit, {
    uuid,
    username: await freeName(unit, claims),
    email: await freeEmail(unit, profile.email, uuid),
    ...(passes('display_name', profile.name) && { display_name: profile.name }),
    hash: null,
    role: await roleOfNew(unit, core.settings.defaultRole),
  })
  await unit.run(insertIdentity, { issuer, subject, account: account.id, at: unit.now })
}

async function freeEmail(reader: Reader, email: unknown, uuid: string): Promise<string> {
  const isFree = passes('email', email) && !(await reader.get(ownerOfEmail, { key: keyOf(email) }))
  return isFree ? email : `${uuid}@${PLACEHOLDER_DOMAIN}`
}

const MAX_NAME = 32
const NUMBERED = 9

async function freeName(reader: Reader, { profile, subject }: OutsideClaims): Promise<string> {
  const local = typeof profile.email === 'string' ? profile.email.split('@')[0] : undefined
  const wanted = [profile.username, local, subject].map(asName).find((name) => passes('username', name)) ?? 'user'
  for (let n = 1; n <= NUMBERED; n += 1) {
    const name = n === 1 ? wanted : `${wanted.slice(0, MAX_NAME - 2)}-${n}`
    if (!(await reader.get(ownerOfName, { key: keyOf(name) }))) return name
  }
  return `${wanted.slice(0, MAX_NAME - 9)}-${newUuid().slice(0, 8)}`
}

function asName(value: unknown): string {
  if (typeof value !== 'string') return ''
  const letters = value.slice(0, 255).normalize('NFKD').replaceAll(/\p{M}/gu, '')
  return letters.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').slice(0, MAX_NAME)
}
