import type { Expected } from './audit';
import { TEXTS } from './witness';

/** A rule file, and what it does for a call and for a message. */
export interface Rules {
  text: string;
  expected: Expected;
}

/**
 * A call is logged in HubSpot and posted to Slack; an inbound message is answered by text, whichever of its twins
 * comes first, and however late: the budget of a reply counts by the clock, which may jump here.
 */
export const CALLS_AND_MESSAGES: Rules = {
  text: `version: 1
rules:
  - name: log-and-post
    on: call_hangup
    do:
      - hubspot.log_call: { unknown_contact: create }
      - slack.post_message: { channel: "#calls", text: "${TEXTS.slack}" }
  - name: answer
    on: [message_created, conversation_message_created]
    when: { direction: inbound }
    do:
      - voipbin.send_message: { text: "${TEXTS.sms}", cooldown: 0s }
        retry: { for: 3d }
`,
  expected: { call: ['hubspot.log_call', 'slack.post_message'], message: ['voipbin.send_message'] },
};

/** A call is posted to Slack, and nothing else happens. */
export const CALLS: Rules = {
  text: `version: 1
rules:
  - name: post
    on: call_hangup
    do:
      - slack.post_message: { channel: "#calls", text: "${TEXTS.slack}" }
`,
  expected: { call: ['slack.post_message'], message: [] },
};
