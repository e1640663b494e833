import type { Settings } from '../settings/settings';
import { resolveTemporal } from '../temporal/connection';
import { embeddedAddressOf, embeddedUiOf } from '../temporal/dev-server/dev-server';
import { runLink } from '../temporal/ui-link';

/** A workflow's page in the UI of the bridge's own Temporal; null while none runs, and when the bridge uses another one. */
export function linkInEmbeddedUi(settings: Settings, workflowId: string): string | null {
  const embeddedAddress = embeddedAddressOf(settings.dataDir);
  const uiUrl = embeddedUiOf(settings.dataDir);
  const temporal = resolveTemporal({ settings: settings.temporal, env: process.env, embeddedAddress });
  return uiUrl === null || temporal.kind !== 'embedded' ? null : runLink(uiUrl, temporal.namespace, workflowId);
}
