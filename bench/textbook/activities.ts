import type { EndedCall } from './call';

/** The same request to the CRM as the bridge's rule makes. */
export function createActivities(crm: string) {
  return {
    async logCall(call: EndedCall): Promise<string> {
      const response = await fetch(`${crm}/crm/v3/objects/calls`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': call.id },
        body: JSON.stringify({
          properties: {
            bench_id: call.id,
            hs_call_title: `Call with ${call.peer}`,
            hs_timestamp: call.occurred_at,
            hs_call_body: `Ended: ${call.reason}`,
          },
        }),
      });
      if (!response.ok) {
        throw new Error(`the CRM answered ${response.status}`);
      }
      const { id }: { id: string } = JSON.parse(await response.text());
      return id;
    },
  };
}
