/**
 * Anchor: the textbook program's webhook. It starts one workflow per event and answers when Temporal has accepted it:
 * before that, it could lose the event.
 */
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { argument } from '../child';
import { serveSignedRoute } from '../signed-route';
import { TEXTBOOK_QUEUE, type EndedCall } from './call';

async function main(): Promise<void> {
  const { address } = z.object({ address: z.string() }).parse(argument());
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  await serveSignedRoute(
    async ({ data }) => {
      const call: EndedCall = {
        id: data.id,
        peer: data.source.target,
        occurred_at: data.tm_hangup,
        reason: data.hangup_reason,
      };
      await client.workflow.start('logEndedCall', {
        workflowId: `textbook/${data.id}`,
        taskQueue: TEXTBOOK_QUEUE,
        args: [call],
      });
    },
    () => connection.close(),
  );
}

void main();
