import { OperationFailed, WrongUse } from '../errors/operator-errors';
import { ApiClient } from '../operations/api-client';
import type { KnownSecrets } from '../rules/tools/check-secrets';
import type { SecretsAnswer } from '../service/connections-api';
import type { Settings } from '../settings/settings';

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

async function askBridge(references: readonly string[], settings: Settings): Promise<SecretsAnswer['secrets']> {
  const client = new ApiClient(settings);
  try {
    return (await client.answers())
      ? ((await client.post('/secrets/check', { references })) as SecretsAnswer).secrets
      : null;
  } catch (error) {
    if (!(error instanceof OperationFailed || error instanceof WrongUse)) {
      throw error;
    }
    return null;
  }
}
