import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { z } from 'zod';
import { defineConnector, type Connector } from '../../src/connectors/connector';
import { formatFinding } from '../../src/yaml/format-findings';
import { RuleSecrets } from '../../src/settings/rule-secrets';
import { CERTIFICATE, KEY } from '../receiver/self-signed';
import { loadSettings, missingCredentials } from '../../src/settings/load';
import { Secret, secret } from '../../src/settings/secret';
import type { Settings } from '../../src/settings/settings';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'settings-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const crm = defineConnector({
  name: 'crm',
  summary: 'A CRM.',
  connection: {
    settings: z.strictObject({
      access_token: secret().describe('Token.'),
      base_url: z.url().default('https://crm.example.com').describe('Where.'),
      retries: z.int().default(3).describe('How often.'),
    }),
    environment: { access_token: 'CRM_TOKEN', base_url: 'CRM_URL' },
    credentials: ['access_token'],
    open: () => null,
  },
  actions: {},
});

const web = defineConnector({
  name: 'web',
  summary: 'The web.',
  connection: {
    settings: z.strictObject({
      allow: z
        .union([z.string(), z.array(z.string())])
        .default('')
        .describe('Whom.'),
    }),
    environment: { allow: 'WEB_ALLOW' },
    credentials: [],
    open: () => null,
  },
  actions: {},
});

/** Its schema would do without the credential. */
const pager = defineConnector({
  name: 'pager',
  summary: 'A pager.',
  connection: {
    settings: z.strictObject({ key: secret().optional() }),
    environment: { key: 'PAGER_KEY' },
    credentials: ['key'],
    open: () => null,
  },
  actions: {},
});

const connectors: readonly Connector[] = [crm, web, pager];

function load(yaml: string | null, env: Record<string, string> = {}) {
  mkdirSync(join(directory, 'config'), { recursive: true });
  if (yaml !== null) {
    writeFileSync(join(directory, 'config/bridge.yaml'), yaml);
  }
  return loadSettings({ env, connectors, directory });
}

function settings(yaml: string | null, env: Record<string, string> = {}): Settings {
  const loaded = load(yaml, env);
  if (!loaded.ok) {
    throw new Error(loaded.findings.map(formatFinding).join('\n'));
  }
  return loaded.settings;
}

function findings(yaml: string | null, env: Record<string, string> = {}): string[] {
  const loaded = load(yaml, env);
  return loaded.ok ? [] : loaded.findings.map(formatFinding);
}

describe('settings', () => {
  test('are all there by default, without a file and in an empty environment', () => {
    expect(settings(null)).toEqual({
      environment: 'development',
      dataDir: join(directory, '.bridge'),
      rulesFile: join(directory, 'config/rules.yaml'),
      ruleSecrets: expect.any(RuleSecrets),
      country: null,
      numbers: [],
      credentialsEnd: {},
      receiver: {
        host: '0.0.0.0',
        port: 5000,
        adminHost: '127.0.0.1',
        adminPort: 5001,
        adminAllowedHosts: [],
        webhookSecrets: [],
        webhookSecretSource: null,
        publicUrl: null,
        ipAllow: [],
        trustProxy: false,
        unauthenticatedPerMinute: 60,
      },
      retention: { maxAgeMs: 30 * 86_400_000, maxBytes: 5e9, quarantineMaxBytes: 1e8 },
      temporal: {
        configured: false,
        address: null,
        namespace: null,
        apiKey: null,
        cliPath: null,
        port: 7233,
        uiPort: 8233,
      },
      dispatch: { maxInFlight: 20, batches: true },
      backfill: { enabled: true, everyMs: 900_000, longestGapMs: 86_400_000 },
      connections: {
        crm: { settings: null, missing: ['access_token'], readFrom: {} },
        web: { settings: { allow: '' }, missing: [], readFrom: {} },
        pager: { settings: null, missing: ['key'], readFrom: {} },
      },
    });
    expect(settings('')).toEqual(settings(null));
    expect(settings('# nothing\n')).toEqual(settings(null));
    expect(settings('receiver:\n  port:\nnumbers: []\n')).toEqual(settings(null));
  });

  test('are the same from the file and from the environment', () => {
    writeFileSync(join(directory, 'tls.pem'), `${CERTIFICATE}\n${KEY}`);
    const fromFile = settings(
      `
environment: production
data_dir: /var/lib/bridge
rules_file: other.yaml
country: kr
numbers: [+15559876543, 0231234567, "02-312-3456", 15551]
receiver:
  host: 127.0.0.1
  port: 8080
  admin_host: "::1"
  admin_port: 0
  webhook_secrets: [the-first-secret, the-second-secret]
  public_url: https://bridge.example.com/voipbin/webhook
  ip_allow: [203.0.113.0/24, "2001:db8::1"]
  trust_proxy: [10.0.0.1]
  tls: { cert_file: tls.pem, key_file: tls.pem }
  unauthenticated_per_minute: 5
retention: { max_age: 12h, max_size: 1.5GB, quarantine_max_size: 2000000 }
temporal: { cli_path: bin/temporal, port: 7000, ui_port: 7001 }
dispatch: { max_in_flight: 7 }
backfill: { enabled: false, every: 5m, longest_gap: 2d }
connections:
  crm: { access_token: t, base_url: "http://127.0.0.1:1/" }
  web: { allow: "a, b" }
`,
    );
    const fromEnvironment = settings('', {
      BRIDGE_ENV: 'production',
      BRIDGE_DATA_DIR: '/var/lib/bridge',
      BRIDGE_RULES: 'other.yaml',
      BRIDGE_COUNTRY: 'KR',
      VOIPBIN_NUMBERS: '+15559876543, 0231234567,02-312-3456, 15551',
      BRIDGE_HOST: '127.0.0.1',
      PORT: '8080',
      BRIDGE_ADMIN_HOST: '::1',
      BRIDGE_ADMIN_PORT: '0',
      VOIPBIN_WEBHOOK_SECRET: 'the-first-secret,the-second-secret,',
      BRIDGE_PUBLIC_URL: 'https://bridge.example.com/voipbin/webhook',
      BRIDGE_IP_ALLOW: '203.0.113.0/24, 2001:db8::1',
      BRIDGE_TRUST_PROXY: '10.0.0.1',
      BRIDGE_TLS_CERT_FILE: 'tls.pem',
      BRIDGE_TLS_KEY_FILE: 'tls.pem',
      BRIDGE_UNAUTHENTICATED_PER_MINUTE: '5',
      BRIDGE_RETENTION_MAX_AGE: '12h',
      BRIDGE_RETENTION_MAX_SIZE: '1500MB',
      BRIDGE_QUARANTINE_MAX_SIZE: '2MB',
      TEMPORAL_CLI_PATH: 'bin/temporal',
      BRIDGE_TEMPORAL_PORT: '7000',
      BRIDGE_TEMPORAL_UI_PORT: '7001',
      BRIDGE_MAX_IN_FLIGHT: '7',
      BRIDGE_BACKFILL: 'false',
      BRIDGE_BACKFILL_EVERY: '5m',
      BRIDGE_BACKFILL_LONGEST_GAP: '48h',
      CRM_TOKEN: 't',
      CRM_URL: 'http://127.0.0.1:1/',
      WEB_ALLOW: 'a, b',
    });
    const withoutPlaces = (read: Settings): object => ({
      ...read,
      connections: Object.values(read.connections).map((connection) => ({ ...connection, readFrom: {} })),
    });
    expect(withoutPlaces(fromEnvironment)).toEqual(withoutPlaces(fromFile));
    expect(fromFile.receiver.webhookSecrets.map((one) => one.reveal())).toEqual([
      'the-first-secret',
      'the-second-secret',
    ]);
    expect(fromEnvironment.receiver.webhookSecrets.map((one) => one.reveal())).toEqual([
      'the-first-secret',
      'the-second-secret',
    ]);
    expect(fromFile).toMatchObject({
      country: 'KR',
      numbers: ['+15559876543', '0231234567', '02-312-3456', '15551'],
      receiver: {
        port: 8080,
        adminPort: 0,
        trustProxy: ['10.0.0.1'],
        tls: { keyFile: join(directory, 'tls.pem'), cert: `${CERTIFICATE}\n${KEY}` },
      },
      retention: { maxAgeMs: 43_200_000, maxBytes: 1.5e9, quarantineMaxBytes: 2e6 },
      temporal: { cliPath: join(directory, 'bin/temporal') },
      backfill: { enabled: false, everyMs: 300_000, longestGapMs: 43_200_000 },
      connections: { crm: { missing: [] } },
    });
    expect(inspect(fromFile, { depth: 9 }) + JSON.stringify(fromFile)).not.toContain('-secret');
  });

  test('the file wins over the environment, an empty value in it does not', () => {
    const env = { PORT: '1111', VOIPBIN_NUMBERS: '+15551234567', CRM_TOKEN: 'env' };
    expect(settings('receiver: { port: 2222 }', env).receiver.port).toBe(2222);
    expect(settings('receiver: { port: "" }\nnumbers: [""]', env)).toMatchObject({
      receiver: { port: 1111 },
      numbers: ['+15551234567'],
    });
    const token = (yaml: string) => settings(yaml, env).connections['crm']?.settings;
    const revealed = (value: unknown): unknown =>
      z
        .object({ access_token: z.instanceof(Secret) })
        .parse(value)
        .access_token.reveal();
    expect(revealed(token('connections: { crm: { access_token: file } }'))).toBe('file');
    expect(revealed(token('connections: { crm: { access_token: "${env:NOPE:-}" } }'))).toBe('env');
  });

  test('an empty variable counts as not set', () => {
    expect(settings(null, { PORT: '', BRIDGE_ENV: ' ', CRM_TOKEN: '', BRIDGE_CONFIG: '' })).toEqual(settings(null));
  });

  test.each(['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'])(
    '%s configures a Temporal server',
    (name) => {
      expect(settings(null, { [name]: 'x:7233' }).temporal.configured).toBe(true);
      expect(settings(null, { [name]: '' }).temporal.configured).toBe(false);
    },
  );

  test('so does an address in the file', () => {
    const { temporal } = settings(
      'temporal: { address: "t.example.com:7233", namespace: mine, api_key: "${env:KEY}" }',
      { KEY: 'k' },
    );
    expect(temporal).toMatchObject({ configured: true, address: 't.example.com:7233', namespace: 'mine' });
    expect(temporal.apiKey?.reveal()).toBe('k');
  });

  describe('the file that is read', () => {
    test('is the one that is named, before BRIDGE_CONFIG, before the default', () => {
      mkdirSync(join(directory, 'config'));
      for (const [name, port] of [
        ['named', 1],
        ['variable', 2],
        ['config/bridge', 3],
      ] as const) {
        writeFileSync(join(directory, `${name}.yaml`), `receiver: { port: ${port} }`);
      }
      const ports = [
        { configFile: 'named.yaml', env: { BRIDGE_CONFIG: 'variable.yaml' } },
        { env: { BRIDGE_CONFIG: 'variable.yaml' } },
        { env: {} },
      ].map((options) => {
        const loaded = loadSettings({ ...options, connectors, directory });
        return loaded.ok ? loaded.settings.receiver.port : null;
      });
      expect(ports).toEqual([1, 2, 3]);
    });

    test('must be there when it is named', () => {
      expect(findings(null, { BRIDGE_CONFIG: 'nowhere.yaml' })).toEqual([
        'environment BRIDGE_CONFIG  the settings file nowhere.yaml cannot be read (ENOENT)',
      ]);
    });
  });

  describe('references', () => {
    test('put in variables, defaults and files, anywhere in a text', () => {
      mkdirSync(join(directory, 'config'));
      writeFileSync(join(directory, 'config/token'), 'from-file\n');
      const loaded = settings(
        'data_dir: /data/${env:NAME}/${env:NONE:-x}\nreceiver: { port: ${env:MY_PORT:-6000}, webhook_secrets: ["${file:token}", "$${literal}"] }\ntemporal: { namespace: "${env:EMPTY:-d}" }'.replace(
          '${env:MY_PORT:-6000}',
          '"${env:MY_PORT:-6000}"',
        ),
        { NAME: '${env:NONE}', EMPTY: '' },
      );
      expect(loaded.dataDir).toBe('/data/${env:NONE}/x');
      expect(loaded.receiver.port).toBe(6000);
      expect(loaded.receiver.webhookSecrets.map((one) => one.reveal())).toEqual(['from-file', '${literal}']);
      expect(loaded.temporal.namespace).toBe('d');
    });

    test('of the webhook secret say where a new one belongs: the first file, or else the variable', () => {
      mkdirSync(join(directory, 'config'));
      writeFileSync(join(directory, 'config/token'), 'from-file\n');
      const sourceOf = (secrets: string): unknown =>
        settings(`receiver: { webhook_secrets: ${secrets} }`, { OLD: 'x' }).receiver.webhookSecretSource;
      expect(sourceOf('["${env:OLD}", "${file:token}"]')).toEqual({
        kind: 'file',
        path: join(directory, 'config/token'),
      });
      expect(sourceOf('"${env:OLD:-none}"')).toEqual({ kind: 'variable', name: 'OLD' });
      expect(sourceOf('[literal]')).toBeNull();
    });

    test('a file gives all but the newline at its end', () => {
      mkdirSync(join(directory, 'config'));
      writeFileSync(join(directory, 'config/token'), ' a\nb \r\n');
      const { settings: read } =
        settings('connections: { crm: { access_token: "${file:token}" } }').connections['crm'] ?? {};
      expect(
        z
          .object({ access_token: z.instanceof(Secret) })
          .parse(read)
          .access_token.reveal(),
      ).toBe(' a\nb ');
    });

    test('that cannot be resolved are errors, each once', () => {
      expect(
        findings(
          'environment: production\ndata_dir: ${env:NOPE}\nreceiver:\n  webhook_secrets: ["${file:/no/such/file}"]\n  host: ${vault:x}\nconnections:\n  crm:\n    access_token: ${env:CRM_KEY}\n',
        ),
      ).toEqual([
        'config/bridge.yaml:2:11  data_dir: the environment variable NOPE is not set; set it, or give a default: ${env:NOPE:-...}',
        'config/bridge.yaml:4:21  receiver.webhook_secrets.0: the file /no/such/file cannot be read (ENOENT); check its path and permissions',
        'config/bridge.yaml:5:9  receiver.host: unknown kind of reference; write ${env:NAME}, ${env:NAME:-default} or ${file:/path}; for a literal ${ write $${',
        'config/bridge.yaml:8:19  connections.crm.access_token: the environment variable CRM_KEY is not set; set it, or give a default: ${env:CRM_KEY:-...}',
      ]);
    });
  });

  test.each([
    ['connections: { crm: { access_token: xoxb-123-abc } }', 'xoxb'],
    ['connections: { crm: { access_token: pat-na1-123-abc } }', 'pat-'],
    ['receiver: { webhook_secrets: [vb_0123456789abcdef0123] }', 'vb_'],
    ['data_dir: smtp://user:hunter2@mail.example.com:587', 'hunter2'],
  ])('a token in the file is an error: %s', (yaml, part) => {
    const [line, ...more] = findings(yaml);
    expect(line).toMatch(/a token or password is written in the file; move it to the environment and refer to it/);
    expect(line).not.toContain(part);
    expect(more).toEqual([]);
  });

  test('all findings are reported at once, with place and hint, and never a value', () => {
    const lines = findings(
      `enviroment: prod
country: Korea
numbers: [12345678, "+15551234567"]
reciever: { port: 1 }
receiver:
  prot: 80
  port: 99999
  ip_allow: [10.0.0.0/8, hunter2]
  trust_proxy: true
  max_age: 3d
  tls: { cert_file: /no/such.pem }
retention: 5
connections:
  crm: { acces_token: x, base_url: hunter2 }
  cmr: {}
  web: hunter2
`,
      {
        PORT: 'ignored',
        BRIDGE_ADMIN_PORT: 'hunter2',
        BRIDGE_RETENTION_MAX_AGE: '5',
        BRIDGE_ENV: 'live',
        VOIPBIN_NUMBERS: 'ignored',
      },
    );
    expect(lines).toEqual([
      'config/bridge.yaml:1:1  enviroment: there is no such setting; did you mean environment?',
      'config/bridge.yaml:2:10  country (BRIDGE_COUNTRY): expected a country of two letters (ISO 3166-1), such as KR or US',
      'config/bridge.yaml:4:1  reciever: there is no such setting; did you mean receiver?',
      'config/bridge.yaml:6:3  receiver.prot: there is no such setting; did you mean receiver.port?',
      'config/bridge.yaml:7:9  receiver.port (PORT): expected a port from 0 to 65535',
      'config/bridge.yaml:8:26  receiver.ip_allow (BRIDGE_IP_ALLOW): expected an IP address or CIDR range, such as 203.0.113.7 or 203.0.113.0/24',
      'config/bridge.yaml:9:16  receiver.trust_proxy (BRIDGE_TRUST_PROXY): expected the addresses of the proxies; with true, anyone could forge X-Forwarded-For',
      'config/bridge.yaml:10:3  receiver.max_age: there is no such setting; did you mean retention.max_age?',
      'config/bridge.yaml:11:21  receiver.tls.cert_file (BRIDGE_TLS_CERT_FILE): the file cannot be read (ENOENT)',
      'config/bridge.yaml:12:12  retention: retention must be a block of "key: value" lines',
      'config/bridge.yaml:14:10  connections.crm.acces_token: there is no such setting; did you mean connections.crm.access_token?',
      'config/bridge.yaml:14:36  connections.crm.base_url (CRM_URL): Invalid URL',
      'config/bridge.yaml:15:3  connections.cmr: there is no such connector; did you mean connections.crm?',
      'config/bridge.yaml:16:8  connections.web: expected a block of "key: value" lines',
      'environment BRIDGE_ENV  environment: expected development or production',
      'environment BRIDGE_ADMIN_PORT  receiver.admin_port: expected a port from 0 to 65535',
      'environment BRIDGE_RETENTION_MAX_AGE  retention.max_age: expected a duration of at least 1m, such as 30d or 12h',
      'settings  receiver.tls.key_file (BRIDGE_TLS_KEY_FILE): is missing: TLS needs both the certificate and its key',
    ]);
    expect(lines.join()).not.toContain('hunter2');
  });

  test('of numbers without a country code that the country does not have, a warning says so', () => {
    const said = (yaml: string): string[] => {
      const loaded = load(yaml);
      return (loaded.ok ? loaded.warnings : loaded.findings).map(formatFinding);
    };
    expect(
      said('country: DE\nnumbers: ["+49305550100", "030 5550101"]\nagent_numbers: ["0171 50006001", "010-5000-6000"]'),
    ).toEqual([
      'config/bridge.yaml:3:34  warning: agent_numbers (VOIPBIN_AGENT_NUMBERS): entry 2 is read as a number of DE, which has no such number; if it is of another country, write it with that country\'s code, such as "+821050006000"',
    ]);
    expect(said('country: KR\nagent_numbers: ["010-5000-6000"]')).toEqual([]);
  });

  test('so are contradictions between settings', () => {
    expect(
      findings(
        'numbers: [12345678, "+15551234567", "012"]\nreceiver: { port: 5001, tls: { cert_file: /no/such.pem } }\ntemporal: { ui_port: 7233 }',
        { BRIDGE_ENV: 'production' },
      ),
    ).toEqual([
      'config/bridge.yaml:1:11  numbers (VOIPBIN_NUMBERS): entry 1 is not a phone number; write it with its country code, "+15551234567", or set country',
      'config/bridge.yaml:2:43  receiver.tls.cert_file (BRIDGE_TLS_CERT_FILE): the file cannot be read (ENOENT)',
      'config/bridge.yaml:3:22  temporal.ui_port (BRIDGE_TEMPORAL_UI_PORT): is the same port as temporal.port; give each its own port; 0 takes a free one',
      'settings  receiver.admin_port (BRIDGE_ADMIN_PORT): is the same port as receiver.port; give each its own port; 0 takes a free one',
      'settings  receiver.tls.key_file (BRIDGE_TLS_KEY_FILE): is missing: TLS needs both the certificate and its key',
      'settings  receiver.webhook_secrets (VOIPBIN_WEBHOOK_SECRET): production requires a webhook secret, or addresses in receiver.ip_allow (BRIDGE_IP_ALLOW); otherwise anyone could send events; VoIPBIN shows the secret in GET /customer',
    ]);
  });

  test.each([
    ['a: b: c', /^config\/bridge\.yaml:1:4 {2}a second colon in this line starts another key/],
    ['country: KR\ncountry: US', /^config\/bridge\.yaml:2:1 {2}this key appears twice/],
    ['- a', /^config\/bridge\.yaml:1:1 {2}.*block/],
    ['just text', /^config\/bridge\.yaml:1:1 {2}.*block/],
    [
      'data_dir: &x y\nrules_file: *x',
      /^config\/bridge\.yaml:1:14 {2}data_dir: anchors and aliases .*\nconfig\/bridge\.yaml:2:13 {2}rules_file: anchors and aliases /,
    ],
    ['? [a]\n: b', /a key must be a text/],
    [`a: ${'['.repeat(50)}${']'.repeat(50)}`, /nested more than/],
    [
      'receiver: { host: "http://x", port: { a: 1 } }',
      /receiver\.host \(BRIDGE_HOST\): expected an IP address or a host name/,
    ],
  ])('%.30j', (yaml, expected) => {
    const lines = findings(yaml);
    expect(lines.join('\n')).toMatch(expected);
    expect(lines.every((line) => line.startsWith('config/bridge.yaml:'))).toBe(true);
  });

  test('production starts with an allow-list alone', () => {
    expect(settings(null, { BRIDGE_ENV: 'production', BRIDGE_IP_ALLOW: '203.0.113.7' }).environment).toBe('production');
  });

  test('a connection without its credential is checked all the same', () => {
    expect(findings('connections: { crm: { retries: often } }')).toEqual([
      'config/bridge.yaml:1:32  connections.crm.retries: Invalid input: expected number, received string',
    ]);
    expect(settings('connections: { crm: { retries: 5 } }').connections['crm']).toEqual({
      settings: null,
      missing: ['access_token'],
      readFrom: {},
    });
  });

  test('a connection says where its credential was read, without its value', () => {
    const fromFile = settings('connections:\n  crm: { access_token: a-token }', { CRM_TOKEN: 'another-token' });
    expect(fromFile.connections['crm']?.readFrom).toEqual({ access_token: 'config/bridge.yaml:2' });
    expect(settings('', { CRM_TOKEN: 'a-token' }).connections['crm']?.readFrom).toEqual({
      access_token: 'environment CRM_TOKEN',
    });
  });

  test('credentials are demanded in production only, for connectors that are used', () => {
    const development = settings(null);
    const production = settings(null, { BRIDGE_ENV: 'production', VOIPBIN_WEBHOOK_SECRET: 'sixteen-letters.' });
    const complete = settings(null, {
      BRIDGE_ENV: 'production',
      VOIPBIN_WEBHOOK_SECRET: 'sixteen-letters.',
      CRM_TOKEN: 't',
    });
    const missing = (from: Settings, used: string[]) => missingCredentials(from, connectors, used).map(formatFinding);
    expect(missing(development, ['crm', 'web'])).toEqual([]);
    expect(missing(production, ['web'])).toEqual([]);
    expect(missing(complete, ['crm', 'web'])).toEqual([]);
    expect(missing(production, ['crm', 'web'])).toEqual([
      'settings  connections.crm.access_token (CRM_TOKEN): is not set, and live rules use crm; set CRM_TOKEN, or set the mode of those rules to shadow or off',
    ]);
  });
});
