import type { PartState } from '../admin/server';

/** The parts of /readyz that tell of a worker's connections and of Temporal. */
export function workerParts(state: { temporal: string | null; parked: Record<string, string> }): {
  temporal: PartState;
  connections: PartState;
} {
  const parked = Object.entries(state.parked);
  return {
    temporal: temporalPart(state.temporal),
    connections:
      parked.length === 0
        ? { ok: true, detail: 'none parked' }
        : { ok: false, detail: parked.map(([name, why]) => `${name} parked: ${why}`).join('; ') },
  };
}

/** @param problem why Temporal cannot be used, or null. */
export function temporalPart(problem: string | null): PartState {
  return problem === null
    ? { ok: true, detail: 'answers' }
    : { ok: false, detail: `${problem} (events and runs wait, nothing is lost)` };
}
