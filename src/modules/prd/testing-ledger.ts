import assert from 'node:assert/strict'
import type { Random } from '../../testing/random.ts'
import type { Edit } from './merge.ts'

/** Who typed what between what: letters that are found nowhere else tell what became of every edit. */

interface Birth {
  readonly typist: string
  /** Nearest letters on either side, as its typist saw them. */
  readonly left: string | undefined
  readonly right: string | undefined
}

const BMP = 0xe000
const BMP_LETTERS = 0xf8ff - BMP
const PLANE = 0xf0000

/** Letters of the private use areas: of one UTF-16 unit, and of two. */
const isLetter = (character: string | undefined): character is string => {
  const point = character?.codePointAt(0) ?? 0
  return (point >= BMP && point <= BMP + BMP_LETTERS) || point >= PLANE
}

const lettersOf = (text: string): readonly string[] => [...text].filter(isLetter)

export class Ledger {
  private readonly births = new Map<string, Birth>()
  private readonly deleted = new Set<string>()
  /** What one person typed without going elsewhere. */
  private readonly runs: string[][] = []
  private readonly current = new Map<string, string[]>()
  private readonly random: Random
  private ones = 0
  private twos = 0

  constructor(random: Random) {
    this.random = random
  }

  get size(): number {
    return this.births.size
  }

  /** Letters nobody has used. */
  letters(count: number): string {
    return Array.from({ length: count }, () => {
      if (this.ones < BMP_LETTERS && this.random.int(4) > 0) return String.fromCodePoint(BMP + (this.ones += 1))
      return String.fromCodePoint(PLANE + (this.twos += 1))
    }).join('')
  }

  /** The letter this person typed last. */
  lastOf(typist: string): string | undefined {
    return this.current.get(typist)?.at(-1)
  }

  /** @param edit as it was made, on the text its typist saw */
  record(typist: string, text: string, { at, removed, inserted }: Edit): void {
    const [before, taken, after] = [text.slice(0, at), text.slice(at, at + removed), text.slice(at + removed)]
    for (const letter of lettersOf(taken)) this.deleted.add(letter)
    const left = lettersOf(before).at(-1)
    const right = lettersOf(after)[0]
    const made = lettersOf(inserted)
    for (const [i, letter] of made.entries()) this.births.set(letter, { typist, left: made[i - 1] ?? left, right })
    let run = this.current.get(typist)
    const goesOn = run && removed === 0 && made.length > 0 && left === run.at(-1) && before.endsWith(left!)
    if (!run || !goesOn) {
      run = []
      this.current.set(typist, run)
      this.runs.push(run)
    }
    run.push(...made)
  }

  /** The text when all edits have been acknowledged and nobody knows less than another. */
  check(text: string): void {
    const places = new Map<string, number>()
    for (const [place, letter] of lettersOf(text).entries()) {
      assert.ok(!places.has(letter), `${name(letter)} is there twice`)
      assert.ok(this.births.has(letter), `${name(letter)} was never typed`)
      places.set(letter, place)
    }
    for (const [letter, { typist, left, right }] of this.births) {
      const place = places.get(letter)
      const isDeleted = this.deleted.has(letter)
      assert.equal(place === undefined, isDeleted, `${name(letter)} of ${typist} is ${isDeleted ? 'back' : 'lost'}`)
      if (place === undefined) continue
      const [from, to] = [left, right].map((other) => (other === undefined ? undefined : places.get(other)))
      assert.ok(from === undefined || from < place, `${name(letter)} of ${typist} was typed behind ${name(left)}`)
      assert.ok(to === undefined || place < to, `${name(letter)} of ${typist} was typed before ${name(right)}`)
    }
  }

  /**
   * Nobody else's letters are in a run, but what was typed next to one of its letters. Of clients that send operations,
   * where nothing was deleted.
   */
  checkRuns(text: string): void {
    const order = lettersOf(text)
    const places = new Map(order.map((letter, place) => [letter, place]))
    for (const run of this.runs) {
      const members = new Set(run)
      const found = run.map((letter) => places.get(letter)!)
      for (const letter of order.slice(found[0], found.at(-1)! + 1)) {
        if (members.has(letter)) continue
        const { typist, left, right } = this.births.get(letter)!
        const isInvited = (left && members.has(left)) || (right && members.has(right))
        if (isInvited) members.add(letter)
        assert.ok(isInvited, `${name(letter)} of ${typist} is in the midst of ${run.map(name).join(' ')}`)
      }
    }
  }
}

const name = (letter: string | undefined): string => (letter ? `U+${letter.codePointAt(0)!.toString(16)}` : 'nothing')
