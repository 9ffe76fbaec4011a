import type { Spread } from './stats.ts'

/** Columns padded to their widest cell: the first to the left, the others to the right. */
export const table = (head: string[], rows: string[][]): string => {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ').trimEnd()
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}

/** Three significant digits or whole thousands: more would be a claim the spread does not support. */
export const figure = (value: number): string => {
  if (!Number.isFinite(value)) return '-'
  if (value >= 1000) return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ' ')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** A median with its range: "8.91 [8.80-9.10]". */
export const ranged = ({ median, min, max }: Spread): string =>
  max === 0 ? '-' : `${figure(median)} [${figure(min)}-${figure(max)}]`

export const percent = (share: number): string => `${Math.round(share * 100)}%`
