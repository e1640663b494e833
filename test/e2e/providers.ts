import type { Connector, RunningStandIn } from '../../src/connectors/connector';
import { email } from '../../src/connectors/email/connector';
import { startEmailStandIn, type EmailStandIn } from '../../src/connectors/email/stand-in';
import { hubspot } from '../../src/connectors/hubspot/connector';
import { startHubSpotStandIn, type HubSpotStandIn } from '../../src/connectors/hubspot/stand-in/server';
import { slack } from '../../src/connectors/slack/connector';
import { startSlackStandIn, type SlackStandIn } from '../../src/connectors/slack/stand-in';
import { voipbin } from '../../src/connectors/voipbin/connector';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../src/connectors/voipbin/stand-in/server';

/**
 * All providers, played in the test's own process: the bridge reaches them over the wire, the test sees what they did.
 */
export interface Providers {
  email: EmailStandIn;
  hubspot: HubSpotStandIn;
  slack: SlackStandIn;
  voipbin: VoipbinStandIn;
  /** What points a bridge at them. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

/** Starts them all. */
export async function startProviders(): Promise<Providers> {
  const running = {
    email: await startEmailStandIn(),
    hubspot: await startHubSpotStandIn(),
    // The tests count effects, and send more in a second than one channel takes.
    slack: await startSlackStandIn({ clientMsgId: 'recognised', rate: { perSecond: 1_000, burst: 1_000 } }),
    voipbin: await startVoipbinStandIn({ unknownRecordingsExist: false }),
  };
  return {
    ...running,
    env: {
      ...environmentOf(email, running.email),
      ...environmentOf(hubspot, running.hubspot),
      ...environmentOf(slack, running.slack),
      ...environmentOf(voipbin, running.voipbin),
      BRIDGE_HTTP_ALLOW: '127.0.0.1',
    },
    stop: async () => {
      await Promise.all(Object.values(running).map((standIn) => standIn.stop()));
    },
  };
}

function environmentOf(connector: Pick<Connector, 'connection'>, standIn: RunningStandIn): Record<string, string> {
  return Object.fromEntries(
    Object.entries(standIn.settings).flatMap(([key, value]) => {
      const variable = connector.connection.environment[key];
      return variable === undefined || typeof value !== 'string' ? [] : [[variable, value]];
    }),
  );
}
