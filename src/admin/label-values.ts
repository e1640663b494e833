/** What a value is called once there are too many. */
export const OTHER = 'other';

const MOST = 1_000;

/**
 * Values of one label that come from an operator's files: each is kept as it is, until there have been so many of them
 * that a metrics store would suffer; those that come later are `other`.
 */
export class LabelValues {
  readonly #known = new Set<string>();

  constructor(private readonly most: number = MOST) {}

  /** The label's value for a name. */
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
