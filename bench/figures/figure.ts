/** How much is measured. */
export interface Scale {
  /** Rounds of bridge and anchor, in turns; of each figure the median of its rounds counts. */
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

/** What a figure must be. */
export interface Target {
  better: 'higher' | 'lower';
  floor: number;
  aim: number;
}

/** One line of the table. */
export interface Figure {
  title: string;
  /** What was measured of the bridge and of the anchor, with unit. */
  bridge: string;
  anchor: string;
  /** Bridge by anchor; null where there is no anchor. */
  ratio: number | null;
  target: Target | null;
  /** What must be said beside the numbers. */
  notes: string[];
  /** What went wrong: events lost, done twice, answered wrongly. A figure with faults is worth nothing. */
  faults: string[];
  /** All that was measured, round by round. */
  raw: Record<string, unknown>;
}

/** Says on stderr what is being done. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Whether a figure is as it must be; `held`: it has no number to reach, and nothing went wrong. */
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
