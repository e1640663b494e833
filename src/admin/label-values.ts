/** The label value for names beyond the limit. */
export const OTHER = 'other';

const MOST = 1_000;

/**
 * Bounds the values of a label that come from an operator's files, because every value is a series in the metrics
 * database. The first names are kept; names after the limit become `other`.
 */
export class LabelValues {
  readonly #known = new Set<string>();

  constructor(private readonly most: number = MOST) {}

  /** The label value for a name: the name itself, or {@link OTHER} beyond the limit. */
  of(name: string): string {
    if (!this.#known.has(name)) {
      if (this.#known.size >= this.most) {
        return OTHER;
      }
      this.#known.add(name);
    }
    return name;
  }
}
