import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRecorder, raw } from '../connectors/http/recorder';
import { startProviders } from './providers';
import { RunningBridge } from './running-bridge';

jest.setTimeout(300_000);

const DEAL = '9007199254740993';

test('a number keeps its digits from the webhook through the inbox and Temporal to the service, and from step to step', async () => {
  const [providers, recorder] = await Promise.all([startProviders(), startRecorder()]);
  recorder.answers.push(raw(200, `{"id":${DEAL}1}`, { 'content-type': 'application/json' }));
  const rules = `version: 1
rules:
  - name: push
    on: call_hangup
    when: { data.metadata.deal_id: "${DEAL}" }
    if: data.metadata.deal_id == ${DEAL}
    do:
      - id: crm
        http.request:
          url: "${recorder.url}/{{ data.metadata.deal_id }}"
          body: { id: "{{ data.metadata.deal_id }}", all: "{{ data.metadata | default: nil }}" }
      - http.request:
          url: ${recorder.url}/second
          body: { id: "{{ steps.crm.body.id | default: nil }}" }
        if: steps.crm.body.id > data.metadata.deal_id
`;
  const bridge = await RunningBridge.ready({
    rules,
    env: { ...providers.env, BRIDGE_HTTP_ALLOW: '127.0.0.1' },
  });
  try {
    const file = join(bridge.dataDir, '..', 'event.json');
    writeFileSync(
      file,
      `{ "type": "call_hangup", "data": { "id": "c", "metadata": { "deal_id": ${DEAL}, "price": 19.90 } } }`,
    );
    await bridge.run('send', file);
    const shown = await bridge.eventually('the run has ended', async () => {
      const { stdout } = await bridge.run('events', 'show', 'call_hangup/c', '--json');
      return stdout.includes('"report": null') ? null : stdout;
    });
    expect(recorder.requests.map(({ path, body }) => [path, body])).toEqual([
      [`/${DEAL}`, `{"id":${DEAL},"all":{"deal_id":${DEAL},"price":19.90}}`],
      ['/second', `{"id":${DEAL}1}`],
    ]);
    expect(shown).toContain(`"deal_id": ${DEAL},`);
    expect(shown).toContain(`"id": ${DEAL}1`);
  } finally {
    await bridge.remove();
    await Promise.all([providers.stop(), recorder.stop()]);
  }
});
