import { Client, Connection } from '@temporalio/client';
import type { BenchEvent } from '../events';
import { nowMs, until } from '../clock';
import { TEXTBOOK_QUEUE, type EndedCall } from './call';

/** When a start was requested, and when the server had accepted it (clock.ts). */
export interface Start {
  id: string;
  sentAt: number;
  startedAt: number;
}

/** Starts the textbook program's workflows. */
export class Starters {
  private constructor(
    private readonly connection: Connection,
    private readonly client: Client,
  ) {}

  static async connect(address: string): Promise<Starters> {
    const connection = await Connection.connect({ address });
    return new Starters(connection, new Client({ connection }));
  }

  /** Several callers, each starting the next workflow as soon as its last start was accepted. */
  async unpaced(events: readonly BenchEvent[], callers: number): Promise<Start[]> {
    const starts: Start[] = [];
    let next = 0;
    await Promise.all(
      Array.from({ length: callers }, async () => {
        for (let event = events[next++]; event !== undefined; event = events[next++]) {
          starts.push(await this.#start(event));
        }
      }),
    );
    return starts;
  }

  /** At a fixed rate, however slow the server is. */
  async paced(events: readonly BenchEvent[], perSecond: number): Promise<Start[]> {
    const starts: Promise<Start>[] = [];
    const began = nowMs();
    for (const [index, event] of events.entries()) {
      await until(began + (index * 1_000) / perSecond);
      starts.push(this.#start(event));
    }
    return Promise.all(starts);
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  async #start(event: BenchEvent): Promise<Start> {
    const sentAt = nowMs();
    await this.client.workflow.start('logEndedCall', {
      workflowId: `textbook/${event.id}`,
      taskQueue: TEXTBOOK_QUEUE,
      args: [endedCall(event)],
    });
    return { id: event.id, sentAt, startedAt: nowMs() };
  }
}

function endedCall(event: BenchEvent): EndedCall {
  const { data }: { data: { source: { target: string }; tm_hangup: string; hangup_reason: string } } = JSON.parse(
    event.body.toString('utf8'),
  );
  return { id: event.id, peer: data.source.target, occurred_at: data.tm_hangup, reason: data.hangup_reason };
}
