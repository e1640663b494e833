/** A number with what is counted: `1 event`, `2 events`. @param unit in the singular; its plural has an s. */
export function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
