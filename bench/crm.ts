/**
 * The CRM that both programs write to: accepts calls like HubSpot's `POST /crm/v3/objects/calls`, records each with its
 * time, by id, and answers after a given delay. `GET /seen` returns all of them, `GET /count` the number of different ids.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nowMs } from './clock';
import { argument, ready } from './child';

const seen = new Map<string, { at: number; times: number }>();

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
  }
  return text;
}

function main(answersAfterMs: number): void {
  const server = createServer((request, response) => {
    const at = nowMs();
    if (request.method === 'GET') {
      response.end(
        JSON.stringify(
          request.url === '/count' ? seen.size : [...seen].map(([id, { at: first, times }]) => [id, first, times]),
        ),
      );
      return;
    }
    void bodyOf(request).then((text) => {
      const call: { properties: { bench_id: string } } = JSON.parse(text);
      const id = call.properties.bench_id;
      const known = seen.get(id);
      seen.set(id, { at: known?.at ?? at, times: (known?.times ?? 0) + 1 });
      setTimeout(
        () =>
          response
            .writeHead(201, { 'content-type': 'application/json' })
            .end(JSON.stringify({ id: String(seen.size), properties: call.properties })),
        answersAfterMs,
      );
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const address: AddressInfo | string | null = server.address();
    ready(
      `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
      () => void server.close(),
    );
  });
}

main(Number(argument()));
