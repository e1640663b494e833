import { z } from 'zod';
import { OperationFailed, WrongUse } from '../errors/operator-errors';
import { ApiClient } from '../operations/api-client';
import type { KnownSecrets } from '../rules/tools/check-secrets';
import type { SecretState } from '../settings/rule-secrets';
import type { Settings } from '../settings/settings';

/** A bridge whose worker hangs answers after half a minute; what this machine knows is said sooner. */
const ANSWER_WITHIN_MS = 5_000;

const secretState: z.ZodType<SecretState> = z.union([
  z.object({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), kind: z.enum(['missing', 'refused']), message: z.string(), hint: z.string() }),
]);
/** As `POST /secrets/check` answers; null in mode receiver. */
const secretsAnswer = z.object({ secrets: z.record(z.string(), secretState).nullable() });

/**
 * Asks the bridge that runs with these settings which secrets its worker has. Where none runs, or it cannot say, the
 * environment of this command and the files of this machine count.
 */
export async function knownSecrets(references: readonly string[], settings: Settings): Promise<KnownSecrets> {
  const answer = await askBridge(references, settings);
  return {
    of: answer === null ? 'machine' : 'worker',
    lookUp: (reference) => answer?.[reference] ?? settings.ruleSecrets.lookUp(reference),
  };
}

async function askBridge(
  references: readonly string[],
  settings: Settings,
): Promise<Record<string, SecretState> | null> {
  const client = new ApiClient(settings);
  try {
    if (!(await client.answers())) {
      return null;
    }
    const answer = secretsAnswer.safeParse(await client.post('/secrets/check', { references }, ANSWER_WITHIN_MS));
    return answer.success ? answer.data.secrets : null;
  } catch (error) {
    if (!(error instanceof OperationFailed || error instanceof WrongUse)) {
      throw error;
    }
    return null;
  }
}
