/** How much a figure measures. */
export interface Scale {
  /** Rounds of bridge and anchor, in turn. The median of the rounds counts. */
  rounds: number;
  /** Events in a round of acks, after a warm-up. */
  acks: number;
  /** How long a round at a fixed rate takes. Seconds. */
  pacedS: number;
  /** Events in a round of effects. */
  effects: number;
  /** Events in the burst. */
  burst: number;
  /** How long the bridge is watched while idle. Seconds. */
  idleS: number;
}

/** The value that a figure must reach. */
export interface Target {
  better: 'higher' | 'lower';
  floor: number;
  aim: number;
}

/** One line of the table. */
export interface Figure {
  title: string;
  /** The values of the bridge and of the anchor, with units. */
  bridge: string;
  anchor: string;
  /** Bridge divided by anchor; null without an anchor. */
  ratio: number | null;
  target: Target | null;
  /** Remarks on the numbers. */
  notes: string[];
  /** Errors: events lost, done twice, answered wrongly. A figure with errors is invalid. */
  faults: string[];
  /** All values, round by round. */
  raw: Record<string, unknown>;
}

/** Prints progress to stderr. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Compares a figure with its target. `held`: it has no target, and no errors. */
export function verdictOf({
  ratio,
  target,
  faults,
}: Pick<Figure, 'ratio' | 'target' | 'faults'>): 'FAULTY' | 'MISSED' | 'reached' | 'aim reached' | 'held' {
  if (faults.length > 0) {
    return 'FAULTY';
  }
  if (ratio === null || target === null) {
    return 'held';
  }
  const reaches = (wanted: number): boolean => (target.better === 'higher' ? ratio >= wanted : ratio <= wanted);
  return reaches(target.aim) ? 'aim reached' : reaches(target.floor) ? 'reached' : 'MISSED';
}
