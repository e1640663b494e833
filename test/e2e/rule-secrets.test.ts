import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRecorder } from '../connectors/http/recorder';
import { startProviders } from './providers';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

const SECRET = 's3cret-token-of-the-crm';

test('a secret of a rule reaches the service, and is in no file, history, log or report', async () => {
  const [providers, recorder] = await Promise.all([startProviders(), startRecorder()]);
  // A service that repeats what it was sent.
  recorder.answers.push((request, response) => {
    const body = JSON.stringify({ got: request.headers.authorization });
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  const rules = `version: 1
rules:
  - name: push
    on: message_created
    do:
      - id: crm
        http.request:
          url: ${recorder.url}/crm
          headers: { Authorization: "Bearer \${env:CRM_TOKEN}" }
          body: { text: "{{ text }}", id: "{{ data.deal }}" }
    when: { text: { exists: true }, data.deal: { exists: true } }
`;
  const bridge = await RunningBridge.ready({
    rules,
    env: { ...providers.env, TEMPORAL_ADDRESS: '', BRIDGE_HTTP_ALLOW: '127.0.0.1', CRM_TOKEN: SECRET },
  });
  try {
    await bridge.post({ type: 'message_created', data: { id: 'm', text: '${env:CRM_TOKEN}', deal: 7 } });
    const shown = await bridge.eventually('the run has ended', async () => {
      const { stdout } = await bridge.run('events', 'show', 'message_created/m', '--json');
      return stdout.includes('"outcome": "done"') ? stdout : null;
    });
    expect(recorder.requests).toHaveLength(1);
    expect(recorder.requests[0]?.headers.authorization).toBe(`Bearer ${SECRET}`);
    expect(JSON.parse(recorder.requests[0]?.body ?? '')).toEqual({ text: '${env:CRM_TOKEN}', id: 7 });
    expect(shown).toContain('Bearer ***');
    await bridge.stop();
    const files = readdirSync(bridge.dataDir).map((name) => readFileSync(join(bridge.dataDir, name), 'latin1'));
    expect(files.length).toBeGreaterThan(3);
    expect([shown, bridge.output, ...files].filter((text) => text.includes(SECRET))).toEqual([]);
  } finally {
    await bridge.remove();
    await Promise.all([providers.stop(), recorder.stop()]);
  }
});
