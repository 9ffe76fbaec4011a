/**
 * Where a text stands in another, from left to right, those that overlap too (Knuth, Morris and Pratt). In linear time,
 * whatever the two are; `indexOf` may take their product.
 */
export function* occurrencesIn(text: string, sought: string): Generator<number> {
  if (sought === '') return
  const borders = bordersOf(sought)
  let matched = 0
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    while (matched > 0 && sought.charCodeAt(matched) !== unit) matched = borders[matched - 1]!
    if (sought.charCodeAt(matched) === unit) matched += 1
    if (matched < sought.length) continue
    yield i + 1 - matched
    matched = borders[matched - 1]!
  }
}

/** Of each beginning of a text the length of the longest shorter one that also ends it. */
function bordersOf(text: string): Int32Array {
  const borders = new Int32Array(text.length)
  let length = 0
  for (let i = 1; i < text.length; i += 1) {
    while (length > 0 && text.charCodeAt(i) !== text.charCodeAt(length)) length = borders[length - 1]!
    if (text.charCodeAt(i) === text.charCodeAt(length)) length += 1
    borders[i] = length
  }
  return borders
}
