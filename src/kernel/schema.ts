import type { Static, TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { invalid, type ErrorDetails } from './errors.ts'

/** Outside data in, ours out. @throws CommandError invalid */
export type Decode<T> = (input: unknown) => T

/**
 * Compiles a schema to the only way by which outside data becomes ours: checked, then **rebuilt** from the schema.
 * Unknown members are dropped, `__proto__` with them; what handlers get is never the client's own object.
 *
 * @param options.coerce for query strings and path parameters, where everything arrives as text.
 * @throws CommandError invalid, with a detail for each bad field
 * @throws Error at once for a schema that cannot be rebuilt
 */
export function compile<S extends TSchema>(schema: S, options: { coerce?: boolean } = {}): Decode<Static<S>> {
  checkShape(schema, 'the value')
  // With the first that comes: most doors of a server that has just started are not knocked at for a while.
  let validator: Validator | undefined
  return (input) => {
    validator ??= Compile(schema)
    const value = options.coerce ? coerce(schema, input) : input
    if (!validator.Check(value)) throw invalid(describe(schema, validator.Errors(value)))
    return rebuild(schema, value) as Static<S>
  }
}

/** Text to the numbers and flags the schema names, and its defaults; what cannot be converted is left to be refused. */
function coerce(shape: Shape, input: unknown): unknown {
  const given = (input ?? {}) as Record<string, unknown>
  const value: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(shape.properties ?? {})) {
    const text = Object.hasOwn(given, key) ? given[key] : inner.default
    if (text !== undefined) value[key] = typeof text === 'string' ? fromText(inner, text) : text
  }
  return value
}

function fromText(shape: Shape, text: string): unknown {
  if (shape.type === 'integer' || shape.type === 'number') return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
  if (shape.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  return text
}

interface Shape {
  readonly '~bytes'?: true
  readonly type?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Shape[]
  readonly properties?: Readonly<Record<string, Shape>>
  readonly items?: Shape
  readonly additionalProperties?: unknown
  readonly default?: unknown
  readonly description?: string
}

/**
 * Rebuilding follows members, items and the one part of a choice that has any: what a record or a choice between
 * objects holds would be lost in silence.
 */
function checkShape(shape: Shape, at: string): void {
  if (isFree(shape)) return
  if (shape.type === 'object' && shape.properties) {
    for (const [key, inner] of Object.entries(shape.properties)) checkShape(inner, `${at}.${key}`)
  } else if (shape.type === 'array' && shape.items && !Array.isArray(shape.items)) {
    checkShape(shape.items, `${at}[]`)
  } else if (structured(shape).length === 1) {
    checkShape(structured(shape)[0]!, at)
  } else if (!isScalar(shape)) {
    throw new Error(
      `${at} cannot be rebuilt; use objects with named members, arrays of one kind, scalars and choices between ` +
        'scalars and at most one object or array',
    )
  }
}

/** The objects and arrays of a choice. */
const structured = (choice: Shape): readonly Shape[] => choice.anyOf?.filter((shape) => !isScalar(shape)) ?? []

/** What describes an object or array that has passed the check: of a choice, the only part that it can be. */
function fitting(shape: Shape): Shape {
  const [part] = structured(shape)
  return part ? fitting(part) : shape
}

/** `FreeObject` of wire/free-object.ts: the client's own, kept as it is. */
const isFree = (shape: Shape): boolean => shape.type === 'object' && shape.additionalProperties === true

const SCALARS: readonly unknown[] = ['string', 'integer', 'number', 'boolean', 'null']

const isScalar = (shape: Shape): boolean =>
  isBytes(shape) || SCALARS.includes(shape.type) || shape.enum !== undefined || (shape.anyOf?.every(isScalar) ?? false)

/** `Bytes` of wire/bytes.ts. */
const isBytes = (shape: Shape): boolean => shape['~bytes'] === true

const takesBytes = (choice: Shape): boolean => isBytes(choice) || (choice.anyOf?.some(takesBytes) ?? false)

function rebuild(choice: Shape, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return takesBytes(choice) ? value : refuseBytes()
  const shape = fitting(choice)
  if (Array.isArray(value)) return shape.items ? value.map((item) => rebuild(shape.items!, item)) : []
  if (isFree(shape)) return copyOf(value)
  const built: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(shape.properties ?? {})) {
    const member = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : inner.default
    if (member !== undefined) built[key] = rebuild(inner, member)
  }
  return built
}

/** All of it, but what would be a prototype. No deeper than the gate has let through. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (value instanceof Uint8Array) return refuseBytes()
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).filter(([key]) => key !== '__proto__')
  return Object.fromEntries(members.map(([key, inner]) => [key, copyOf(inner)]))
}

/** They pass for an object: with a million members, if one asks. */
function refuseBytes(): never {
  throw invalid({ frame: 'must have bytes only where they are asked for' })
}

interface Fault {
  readonly instancePath: string
  readonly message: string
  readonly keyword: string
  readonly params: object
}

/**
 * First fault of each field; a missing member is named itself, not its parent. Of a choice, what is wrong in its object
 * or array says more than that it is not one of the others.
 */
function describe(schema: Shape, faults: readonly Fault[]): ErrorDetails {
  const details: Record<string, string> = {}
  const choices: Fault[] = []
  for (const fault of faults) {
    for (const name of missing(fault)) details[[...pathOf(fault), name].join('.')] ??= 'is required'
    if (fault.keyword === 'required') continue
    if (shapeAt(schema, fault)?.anyOf) choices.push(fault)
    else details[nameOf(fault)] ??= wordsFor(schema, fault)
  }
  const named = Object.keys(details)
  for (const fault of choices) {
    const within = [...pathOf(fault), ''].join('.')
    if (!named.some((name) => name.startsWith(within))) details[nameOf(fault)] ??= wordsFor(schema, fault)
  }
  return details
}

const pathOf = (fault: Fault): readonly string[] => fault.instancePath.split('/').slice(1)
const nameOf = (fault: Fault): string => pathOf(fault).join('.') || 'body'

function shapeAt(schema: Shape, fault: Fault): Shape | undefined {
  let shape: Shape | undefined = schema
  for (const name of pathOf(fault)) {
    const within: Shape | undefined = shape && fitting(shape)
    shape = within?.properties?.[name] ?? within?.items
  }
  return shape
}

/** Neither a pattern nor a choice says anything to a person; the description of what has it does. */
function wordsFor(schema: Shape, fault: Fault): string {
  const shape = shapeAt(schema, fault)
  if (fault.keyword !== 'pattern' && !shape?.anyOf) return fault.message + allowed(fault)
  return shape?.description === undefined ? fault.message + allowed(fault) : `must be ${shape.description}`
}

function missing(fault: Fault): readonly string[] {
  const names = (fault.params as { requiredProperties?: readonly string[] }).requiredProperties
  return fault.keyword === 'required' ? (names ?? []) : []
}

function allowed(fault: Fault): string {
  const values = (fault.params as { allowedValues?: readonly unknown[] }).allowedValues
  return values ? `: ${values.join(', ')}` : ''
}
