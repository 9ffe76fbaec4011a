/** Values that a schema must not take, made from the schema itself. */

interface Shape {
  readonly type?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Shape[]
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly items?: Shape
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly maxItems?: number
}

/** JSON text of a value that has no other way to be written. */
export class Raw {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const proto = new Raw('{"__proto__":{"polluted":1},"length":1,"0":"x"}')
const objects: readonly unknown[] = [{}, { $ne: null }, { toString: 1, length: 1 }, proto]
const notText: readonly unknown[] = [0, 1, -0, 1.5, true, false, null, [], ['x'], [['x']], ...objects]

export function badValues(shape: Shape): readonly unknown[] {
  if (shape.anyOf) {
    const nullable = shape.anyOf.some(({ type }) => type === 'null')
    const values = shape.anyOf.flatMap((one) => (one.type === 'null' ? [] : badValues(one)))
    return values.filter((one) => !nullable || one !== null)
  }
  if (shape.enum) {
    const first = String(shape.enum[0])
    return [...notText, '', 'x', `${first} `, first.toUpperCase(), [first], `${first}\u0000`]
  }
  switch (shape.type) {
    case 'string':
      return [...notText, ...badTexts(shape)]
    case 'integer': {
      const { minimum, maximum } = shape
      const outside = [
        ...(minimum === undefined ? [] : [minimum - 1, -1, -(2 ** 53)]),
        ...(maximum === undefined ? [] : [maximum + 1, 2 ** 31, 2 ** 53]),
      ]
      const endless = [new Raw('1e400'), new Raw('-1e400')]
      return [...outside, 1.5, '1', '', true, null, [], [1], ...objects, ...endless]
    }
    case 'boolean':
      return ['true', '', 0, 1, null, [], [true], ...objects]
    case 'array': {
      const items = badValues(shape.items ?? {}).map((one) => (one instanceof Raw ? new Raw(`[${one.text}]`) : [one]))
      const many = shape.maxItems === undefined ? [] : [Array.from({ length: shape.maxItems + 1 }, (_, n) => `x${n}`)]
      return ['', 'x', 1, true, null, ...objects, ...items, ...many, new Raw(`[${'0,'.repeat(9_000)}0]`)]
    }
    default:
      throw new Error(`no bad values are known for ${JSON.stringify(shape)}`)
  }
}

function badTexts({ pattern, minLength = 0, maxLength }: Shape): readonly string[] {
  const texts = ['', ' ', '\u0000', 'a\u0000', '../x', 'a b', 'a/b', '%00', 'ü', '\ud800', 'x'.repeat(65), '<', '\n']
  const refused = pattern === undefined ? [] : texts.filter((text) => !new RegExp(pattern, 'u').test(text))
  const long = maxLength === undefined ? [] : ['x'.repeat(maxLength + 1), '😀'.repeat(maxLength + 1)]
  return [...refused, ...long, ...(minLength > 0 ? [''] : [])]
}

/** The same for what arrives as text: in queries and paths. */
export function badQueries(shape: Shape): readonly string[] {
  if (shape.enum) return ['', 'x', `${String(shape.enum[0])}%20`, '%00', String(shape.enum[0]).toUpperCase()]
  switch (shape.type) {
    case 'integer':
      return ['', '0', '-1', '201', '1e9', '9'.repeat(20), '1.5', 'all', '%00', '0x10', '%2B1', '%201', '1%20', 'NaN']
    case 'boolean':
      return ['', '1', 'yes', 'TRUE', 'true%20', '%00']
    case 'string':
      return badTexts(shape).map((text) => (text.isWellFormed() ? encodeURIComponent(text) : '%ff%00'))
    default:
      throw new Error(`no bad queries are known for ${JSON.stringify(shape)}`)
  }
}

/** Something that the schema takes; `given` where ids must be those of something. */
export function goodValue(shape: Shape, name: string, given: Readonly<Record<string, unknown>>): unknown {
  if (name in given) return given[name]
  if (shape.anyOf) return goodValue(shape.anyOf[0]!, name, given)
  if (shape.enum) return shape.enum[0]
  switch (shape.type) {
    case 'string':
      return 'x'.repeat(Math.max(1, shape.minLength ?? 1))
    case 'integer':
      return shape.minimum ?? 1
    case 'boolean':
      return true
    case 'array':
      return []
    default:
      throw new Error(`no good value is known for ${JSON.stringify(shape)}`)
  }
}

/** JSON text, with what only text can say in it. */
export function write(body: Readonly<Record<string, unknown>>): string {
  const members = Object.entries(body).map(([key, value]) => {
    return `${JSON.stringify(key)}:${value instanceof Raw ? value.text : JSON.stringify(value)}`
  })
  return `{${members.join(',')}}`
}
