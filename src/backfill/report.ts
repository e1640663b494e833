/** Recovered events of one type. */
export interface Recovered {
  /** A rule matched. */
  received: number;
  /** No rule matched. */
  ignored: number;
}

/** Counts what a pass recovered. */
export class BackfillReport {
  readonly #recovered = new Map<string, Recovered>();
  #span: { from: number; to: number } | null = null;
  /** Events that the inbox had already. */
  duplicates = 0;
  /** Bodies that are not events; they are in quarantine. */
  invalid = 0;

  /** @param occurredAt epoch milliseconds. */
  recovered(type: string, outcome: keyof Recovered, occurredAt: number): void {
    const counts = this.#recovered.get(type) ?? { received: 0, ignored: 0 };
    counts[outcome] += 1;
    this.#recovered.set(type, counts);
    this.#span = {
      from: Math.min(this.#span?.from ?? occurredAt, occurredAt),
      to: Math.max(this.#span?.to ?? occurredAt, occurredAt),
    };
  }

  /** Events that were missed and are in the inbox now. */
  get total(): number {
    return [...this.#recovered.values()].reduce((sum, { received, ignored }) => sum + received + ignored, 0);
  }

  /** How many of them a rule matched. */
  get wanted(): number {
    return [...this.#recovered.values()].reduce((sum, { received }) => sum + received, 0);
  }

  /** By type, the most frequent first. */
  byType(): Record<string, Recovered> {
    const size = ({ received, ignored }: Recovered): number => received + ignored;
    return Object.fromEntries(
      [...this.#recovered]
        .sort(([, one], [, other]) => size(other) - size(one))
        .map(([type, counts]) => [type, { ...counts }]),
    );
  }

  /** `17 events (12 call_hangup, 5 message_created) between 2026-03-02T01:00:00Z and 2026-03-02T03:00:00Z` */
  describe(): string {
    if (this.#span === null) {
      return 'no events';
    }
    const types = Object.entries(this.byType()).map(([type, { received, ignored }]) => `${received + ignored} ${type}`);
    const { from, to } = this.#span;
    return `${this.total} ${this.total === 1 ? 'event' : 'events'} (${types.join(', ')}) ${from === to ? `of ${shown(from)}` : `between ${shown(from)} and ${shown(to)}`}`;
  }
}

/** A time to the second, in UTC. */
export function shown(at: number | Date): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
