import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { Answer, User, World } from './world.ts'

/** What hostile clients send, and what no answer and no log may say, whatever the module. */

export const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`

/** As a part of a path or query: none of them is anybody's number, and none is a UUID. */
export const badIds = [
  '', '-1', '0', '2147483648', '99999999999999999999', '1.5', 'abc', '1e3', '0x10', 'NaN', 'null', '%00', '%20',
  '1%27--', '1;drop', '%F0%9F%98%80', '..%2f1',
]

/** Syntax of search engines and of SQL, and characters that break what compares them. */
export const searchSyntax = [
  '"', "'", '*', '**', '(', ')', '()', 'AND', 'OR', 'NOT', 'NEAR(', 'NEAR(a, 5)', 'a AND', 'title:a', 'title : "',
  '^a', '-a', 'a*b', '{a}', ':', '::', '!a', '&', 'a & !b', '|', '<->', '\\', '%', '_',
  "'; drop table tracker_reports; --", "' or 1=1 --", '" OR "1"="1', '\u0000', 'a\u0000b', '\ud800', '😀', '²', 'ⅷ',
  '\u0301', '\u202e', '" * "', "''':*", '/*', 'a'.repeat(500), 'a '.repeat(250),
]

/** Bodies that are no JSON, or JSON that must not be walked. */
export const brokenBodies = [
  '{',
  'hello',
  '{"name":}',
  '{"name":"T",}',
  nested(100),
  nested(20_000),
  `[${'0,'.repeat(20_000)}0]`,
  '\ufeff{}',
]

/** An answer of the server that is documented to the key, and says nothing of its inside. */
export function checkError({ status, body, headers }: Answer, expected: number, code: string): Record<string, string> {
  const told = JSON.stringify(body)
  assert.equal(status, expected, told)
  assert.match(headers.get('content-type') ?? '', /^application\/json/)
  assert.deepEqual(Object.keys(body), ['error'])
  const { details, retry_after, ...rest } = body.error
  assert.deepEqual(Object.keys(rest), ['code', 'message'])
  assert.equal(rest.code, code)
  assert.ok(retry_after === undefined || Number.isInteger(retry_after))
  assert.ok(details === undefined || Object.values(details).every((text) => typeof text === 'string'))
  assert.doesNotMatch(told, INSIDE)
  return details ?? {}
}

/** Of stacks, libraries, SQL and tables; words of our own answers are none of these. */
export const INSIDE = new RegExp(
  [
    'node_modules|/src/|\\.ts\\b|\\bat .*:\\d+|stack|SyntaxError|position \\d|sqlite|typebox|FST_',
    'constraint|select |insert |update \\w+ set|tracker_[a-z]|workspace_[a-z]*s\\b|accounts',
  ].join('|'),
  'i',
)

/** Nothing failed in a way nobody foresaw, and no secret is in any line. */
export function checkLog({ log }: Pick<World, 'log'>, users: readonly User[]): void {
  const text = log.join('\n')
  assert.doesNotMatch(text, /eyJ[\w-]{8,}|Bearer |-password|unforeseen|uncaught|request failed/i)
  for (const { token, refreshToken } of users) {
    for (const secret of [token, token.split('.')[2]!, refreshToken]) assert.ok(!text.includes(secret))
  }
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Tokens that look like this one and are not. */
export function forgeries(token: string): Record<string, string> {
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sid: string; exp: number }
  const signed = (head: object, body: string) => {
    const text = `${part(head)}.${body}`
    return `${text}.${createHmac('sha256', 'another secret, 32 bytes or more').update(text).digest('base64url')}`
  }
  return {
    empty: '',
    'not a token': 'garbage',
    'two dots': '..',
    'a NUL': '%00',
    'very long': 'x'.repeat(10_000),
    'alg none': `${part({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
    'alg none with the signature': `${part({ alg: 'none' })}.${payload}.${signature}`,
    'no signature': `${header}.${payload}.`,
    'a signature of another secret': signed({ alg: 'HS256', typ: 'at+jwt' }, payload),
    'a changed signature': `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    'another login': `${header}.${part({ ...claims, sid: '1' })}.${signature}`,
    'a later end': `${header}.${part({ ...claims, exp: claims.exp + 3600 })}.${signature}`,
    'something behind': `${token}.x`,
  }
}
