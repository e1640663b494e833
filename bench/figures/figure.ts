/** How much a figure measures. */
export interface Scale {
  /** Rounds of bridge and anchor, in turn. The median of the rounds counts. */
  rounds: number;
  /** Events in a round of acks, after a warm-up. */
  acks: number;
  /** How long a round at a fixed rate takes. Seconds. */
  pacedS: number;
  /** Events of a backlog that the bridge works off in a round, and the textbook program, which is slower. */
  backlog: { bridge: number; textbook: number };
  /** Events in the burst: for the bridge, and for the textbook program. */
  burst: { bridge: number; textbook: number };
  /** Calls into HubSpot: by the bridge, and by the simple program. */
  calls: { bridge: number; simple: number };
  /** How long the bridge is watched while idle. Seconds. */
  idleS: number;
}

/** The value that a figure must reach. */
export interface Target {
  better: 'higher' | 'lower';
  floor: number;
  aim: number;
  /** What is compared with the target, where it is not the ratio: a value of the bridge in this unit. */
  absolute?: { value: number; unit: string };
}

/** One line of the table. */
export interface Figure {
  title: string;
  /** The values of the bridge and of the anchor, with units. */
  bridge: string;
  anchor: string;
  /** Bridge divided by anchor. */
  ratio: number | null;
  target: Target | null;
  /** Remarks on the numbers; the first says what the anchor is. */
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
  const value = target?.absolute?.value ?? ratio;
  if (value === null || target === null) {
    return 'held';
  }
  const reaches = (wanted: number): boolean => (target.better === 'higher' ? value >= wanted : value <= wanted);
  return reaches(target.aim) ? 'aim reached' : reaches(target.floor) ? 'reached' : 'MISSED';
}
