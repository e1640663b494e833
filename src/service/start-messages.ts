import { Proxies } from '../net/proxies';
import type { Settings } from '../settings/settings';

/** The webhook's line. It warns when events need no signature. */
export function webhookLine(webhookUrl: string, { receiver }: Settings): string {
  if (receiver.webhookSecrets.length > 0) {
    return `Webhook   ${webhookUrl}`;
  }
  const who = receiver.ipAllow.length === 0 ? 'anyone who can reach it' : 'every program on the allowed addresses';
  return `Webhook   ${webhookUrl}   (no VOIPBIN_WEBHOOK_SECRET is set: ${who} can send events)`;
}

/** The admin port's line. */
export function adminLine(adminUrl: string): string {
  return `Admin     ${adminUrl}/readyz and /metrics`;
}

/** Temporal's line. @param detail in parentheses, such as where the address was configured. */
export function temporalLine({ address, namespace }: { address: string; namespace: string }, detail?: string): string {
  return `Temporal  ${address}, namespace ${namespace}${detail === undefined ? '' : ` (${detail})`}`;
}

/** The warning for connections without credentials. */
export function standInsLine(standIns: readonly string[]): string {
  return `Stand-ins ${standIns.join(', ')}: no credentials are set for these, so nothing reaches the real services`;
}

/** The line about the proxies of outgoing requests; null when the environment names none. */
export function proxiesLine(env: NodeJS.ProcessEnv): string | null {
  const proxies = new Proxies(env).describe();
  return proxies === null ? null : `Proxies   ${proxies}; e-mail is sent without`;
}
