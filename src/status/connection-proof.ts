import { randomBytes } from 'node:crypto';
import { ActionError } from '../connectors/action-error';
import type { ActionLog } from '../connectors/action-log';
import type { Connector } from '../connectors/connector';
import type { Proof, ProofResult } from '../connectors/proof';

const PROOF_WITHIN_MS = 120_000;
const UNDO_WITHIN_MS = 30_000;

/** The result of one proof. The names are the JSON keys of `connections prove --json`. */
export interface ProofReport extends ProofResult {
  connection: string;
  proof: string;
  question: string;
  /** What the proof made and could not remove again. */
  left: { what: string; why: string }[];
}

/** What the proofs of a connection run with. */
export interface ProofRun {
  /** By name; a proof whose `needs` are not all in it is not run. */
  given: Readonly<Record<string, string>>;
  /** Ends the proof in progress and runs no further one. What was made is removed all the same. */
  signal: AbortSignal;
  log: ActionLog;
}

/**
 * Runs proofs against a connection, one after the other. Each removes what it made, the latest first, before the next
 * begins. Never throws.
 *
 * Not guaranteed: that everything is removed. What could not be is in the report, as long as the process lives.
 *
 * @param settings the connection's settings, or those of its stand-in.
 */
export async function proveConnection(
  { name, connection }: Connector,
  proofs: readonly Proof<unknown>[],
  settings: unknown,
  run: ProofRun,
): Promise<ProofReport[]> {
  const client = await connection.open(settings);
  try {
    const reports: ProofReport[] = [];
    for (const proof of proofs) {
      reports.push({
        connection: name,
        proof: proof.name,
        question: proof.question,
        ...(await prove(proof, client, run)),
      });
    }
    return reports;
  } finally {
    await connection.close?.(client);
  }
}

/** The names that a proof needs and nobody gave. */
export function missingNeeds(proof: Proof<unknown>, given: ProofRun['given']): string[] {
  return Object.keys(proof.needs ?? {}).filter((need) => given[need] === undefined);
}

async function prove(
  proof: Proof<unknown>,
  client: unknown,
  { given, signal, log }: ProofRun,
): Promise<ProofResult & Pick<ProofReport, 'left'>> {
  const missing = missingNeeds(proof, given);
  if (missing.length > 0 || signal.aborted) {
    const answer = signal.aborted ? 'not asked: stopped before' : `not asked: it needs --with ${missing.join(', ')}`;
    return { answer, verdict: 'unknown', means: 'Run it again to know.', left: [] };
  }
  const undos: { what: string; undo: (signal: AbortSignal) => Promise<void> }[] = [];
  const result = await proof
    .run(client, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(proof.timeoutMs ?? PROOF_WITHIN_MS)]),
      log,
      mark: `bridgeproof${randomBytes(4).toString('hex')}`,
      given,
      cleanup: (what, undo) => void undos.push({ what, undo }),
    })
    .catch((error: unknown): ProofResult => ({
      answer: `the proof failed: ${describeFailure(error)}`,
      verdict: 'unknown',
      means: 'The account did not get as far as the question.',
    }));
  const left: ProofReport['left'] = [];
  for (const { what, undo } of undos.reverse()) {
    await undo(AbortSignal.timeout(UNDO_WITHIN_MS)).catch((error: unknown) => {
      left.push({ what, why: describeFailure(error) });
    });
  }
  return { ...result, left };
}

/** Other errors than ActionError are bugs: only their type is printed, as their message may contain personal data. */
function describeFailure(error: unknown): string {
  return error instanceof ActionError
    ? `${error.message} (${error.detail.code})`
    : `unexpected ${error instanceof Error ? error.name : typeof error} in the bridge`;
}
