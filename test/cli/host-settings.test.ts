import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runBridge } from './run-bridge';

// Each command is a process of its own.
jest.setTimeout(120_000);

const RULES = `version: 1
rules:
  - name: print
    on: call_hangup
    when: { data.local: { exists: true }, data.names: { exists: true }, data.n: { exists: true } }
    if: timestamp(occurred_at).getHours() == 2 && timestamp(occurred_at).getMinutes() == 30
    do:
      - slack.post_message:
          channel: "#calls"
          text: |
            {{ occurred_at | date: '%Y-%m-%d %H:%M %z %Z %c | %x | %X' }}
            {{ occurred_at | date_to_rfc822 }}, {{ occurred_at | date_to_xmlschema }}
            {{ occurred_at | date: '%H:%M %A %B', 'America/New_York' }}
            {{ data.local | date: '%H:%M' }} {{ 'March 8, 2026 02:30' | date: '%H:%M' }}
            {{ data.names | sort | join: ' ' }}; {{ data.names | sort_natural | join: ' ' }}
            {{ data.names | join: ' ' | upcase }} {{ data.names | join: ' ' | downcase }} {{ data.names | last | capitalize }}
            {{ data.n }} {{ data.n | divided_by: 3.0 | round: 2 }}
`;
/** In New York, this hour does not exist. */
const EVENT = {
  type: 'call_hangup',
  data: {
    id: 'c',
    tm_hangup: '2026-03-08T02:30:00Z',
    local: '2026-03-08 02:30:00.123456',
    names: ['Z', 'istanbul', 'ä', 'İ', 'I', 'a'],
    n: 1234567.5,
  },
};

const folder = mkdtempSync(join(tmpdir(), 'bridge-host-'));

beforeAll(() => {
  writeFileSync(join(folder, 'rules.yaml'), RULES);
  writeFileSync(join(folder, 'event.json'), JSON.stringify(EVENT));
});

afterAll(() => rmSync(folder, { recursive: true }));

async function printed(env: Record<string, string>): Promise<string> {
  const { out, code } = await runBridge(['rules', 'explain', 'event.json', '--json'], {
    cwd: folder,
    env: { BRIDGE_RULES: 'rules.yaml', ...env },
  });
  expect(code).toBe(0);
  const [, text = ''] = /"text": "(.*)"/.exec(out) ?? [];
  return text;
}

test('what a rule prints is the same on every machine, whatever its zone and language', async () => {
  const here = await printed({ TZ: 'UTC', LC_ALL: 'C' });
  expect(here.split('\\n')).toEqual([
    '2026-03-08 02:30 +0000 UTC Sun Mar  8 02:30:00 2026 | 03/08/26 | 02:30:00',
    'Sun, 08 Mar 2026 02:30:00 +0000, 2026-03-08T02:30:00+00:00',
    '21:30 Saturday March',
    '02:30 02:30',
    'I Z a istanbul ä İ; a I istanbul İ Z ä',
    'Z ISTANBUL Ä İ I A z istanbul ä i̇ i a A',
    '1234567.5 411522.5',
    '',
  ]);
  const elsewhere = [
    { TZ: 'America/New_York', LC_ALL: 'de_DE.UTF-8' },
    { TZ: 'Asia/Seoul', LC_ALL: 'tr_TR.UTF-8' },
    { TZ: 'Asia/Seoul', LC_ALL: 'ar_EG.UTF-8', LANG: 'fa_IR.UTF-8' },
  ];
  for (const env of elsewhere) {
    expect(await printed(env)).toBe(here);
  }
});
