import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectors } from '../../src/connectors/registry';
import { allButWebhookSecret, loadSettings } from '../../src/settings/load';
import { KEY as OTHER_KEY } from '../net/certificate';
import { CERTIFICATE, KEY } from '../receiver/self-signed';
import { formatFinding } from '../../src/yaml/format-findings';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'production-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const LONG = 'a-secret-of-VoIPBIN';
const NO_TLS = 'without TLS, anyone on the way can read the credential';
const SHORT = 'has fewer than 16 characters';

/** Errors and warnings, with the secrets that are in force. */
function load(env: Record<string, string>, yaml = '') {
  writeFileSync(join(directory, 'bridge.yaml'), yaml);
  const loaded = loadSettings({ configFile: 'bridge.yaml', env, connectors, directory });
  return {
    errors: loaded.ok ? [] : loaded.findings.map(formatFinding),
    warnings: loaded.ok ? loaded.warnings.map(formatFinding) : [],
    secrets: loaded.ok ? loaded.settings.receiver.webhookSecrets.map((secret) => secret.reveal()) : [],
  };
}

const production = (env: Record<string, string>, yaml?: string) =>
  load({ BRIDGE_ENV: 'production', VOIPBIN_WEBHOOK_SECRET: LONG, ...env }, yaml);

describe('webhook secrets', () => {
  test.each(['', 'receiver: { webhook_secrets: ["${file:/no/such/file}"] }', 'receiver: { webhook_secrets: [short] }'])(
    'may be missing for the command that fetches them, and for no other: %j',
    (yaml) => {
      const env = { BRIDGE_ENV: 'production' };
      expect(load(env, yaml).errors).not.toEqual([]);
      const options = { configFile: 'bridge.yaml', env, connectors, directory };
      expect(loadSettings({ ...options, isNeeded: allButWebhookSecret }).ok).toBe(true);
    },
  );

  test('are no concern of a caller that needs the data folder only, which must be certain', () => {
    const yaml = 'receiver: { port: no, webhook_secrets: ["${file:/no/such/file}"] }\n';
    const forDataDir = (more: string) => {
      load({}, yaml + more);
      const options = { configFile: 'bridge.yaml', env: {}, connectors, directory };
      const loaded = loadSettings({ ...options, isNeeded: (setting) => setting === 'data_dir' });
      return loaded.ok ? loaded.settings.dataDir : loaded.findings.map(({ code }) => code);
    };

    expect(forDataDir('data_dir: elsewhere\n')).toBe(join(directory, 'elsewhere'));
    expect(forDataDir('data_dir: "${env:NO_SUCH}"\n')).toEqual(['reference']);
    expect(forDataDir('data_dri: elsewhere\n')).toEqual(['unknown-setting']);
  });

  test('of fewer than 16 characters are refused in production, a warning in development', () => {
    const env = { VOIPBIN_WEBHOOK_SECRET: 'fifteen-letters' };
    expect(production(env).errors).toEqual([expect.stringContaining(`receiver.webhook_secrets: secret 1 ${SHORT}`)]);
    expect(load(env)).toMatchObject({
      errors: [],
      warnings: [expect.stringMatching(/warning: .*secret 1 has fewer than 16 characters/)],
      secrets: ['fifteen-letters'],
    });
    expect(production({ VOIPBIN_WEBHOOK_SECRET: 'sixteen-letters.' })).toMatchObject({ errors: [], warnings: [] });
  });

  test('a comma in the variable separates: a short part is a finding that says so, and shows no part', () => {
    const { errors } = production({ VOIPBIN_WEBHOOK_SECRET: `${LONG},hunter2` });
    expect(errors).toEqual([
      expect.stringMatching(/secret 2 of 2 has fewer than 16 characters.*commas separate secrets/),
    ]);
    expect(errors.join()).not.toMatch(/hunter2|VoIPBIN-/);
    expect(production({ VOIPBIN_WEBHOOK_SECRET: `${LONG}, another-${LONG}` }).secrets).toEqual([
      LONG,
      `another-${LONG}`,
    ]);
  });

  test('an item of the list in the file is one secret, commas included', () => {
    const yaml = 'receiver: { webhook_secrets: ["${env:MY_SECRET}", "${env:OTHER}"] }';
    expect(production({ MY_SECRET: 'one,secret,with,commas', OTHER: LONG }, yaml)).toEqual({
      errors: [],
      warnings: [],
      secrets: ['one,secret,with,commas', LONG],
    });
    expect(production({ MY_SECRET: LONG, OTHER: 'short' }, yaml).errors).toEqual([
      expect.stringMatching(/^bridge\.yaml:1:51 .*secret 2 has fewer/),
    ]);
  });
});

describe('the address of a service without TLS', () => {
  const CREDENTIALS = {
    HUBSPOT_ACCESS_TOKEN: 't',
    SLACK_BOT_TOKEN: 't',
    VOIPBIN_ACCESS_KEY: 't',
    MAIL_FROM: 'bridge@example.com',
    SMTP_URL: 'smtps://u:p@mail.example.com:465',
  };
  const plain: [string, string, string][] = [
    ['HUBSPOT_BASE_URL', 'connections.hubspot.base_url', 'http://crm.internal'],
    ['SLACK_API_URL', 'connections.slack.api_url', 'http://crm.internal/api/'],
    ['VOIPBIN_API_URL', 'connections.voipbin.api_url', 'http://crm.internal/v1.0'],
    ['SMTP_URL', 'connections.email.smtp_url', 'smtp://u:p@crm.internal:25?ignoreTLS=true'],
    ['SMTP_URL', 'connections.email.smtp_url', 'smtp://u:p@crm.internal:587?requireTLS=false'],
  ];

  test.each(plain)('%s is refused in production, a warning in development', (variable, setting, url) => {
    const env = { ...CREDENTIALS, [variable]: url };
    const { errors } = production(env);
    expect(errors).toEqual([expect.stringContaining(`environment ${variable}  ${setting}: ${NO_TLS}`)]);
    expect(errors.join()).not.toContain('crm.internal');
    expect(load(env)).toMatchObject({
      errors: [],
      warnings: [expect.stringContaining(`warning: ${setting}: ${NO_TLS}`)],
    });
  });

  test.each(plain)('%s may be this machine, or a host that BRIDGE_HTTP_ALLOW names', (variable, _, url) => {
    for (const host of ['localhost', '127.0.0.1', '127.8.8.8', '[::1]', '[::ffff:127.0.0.1]']) {
      expect(production({ ...CREDENTIALS, [variable]: url.replace('crm.internal', host) }).errors).toEqual([]);
    }
    const env = { ...CREDENTIALS, [variable]: url, BRIDGE_HTTP_ALLOW: 'crm.internal' };
    expect(production(env).errors).toEqual([]);
    const range = { ...env, [variable]: url.replace('crm.internal', '10.1.2.3'), BRIDGE_HTTP_ALLOW: '10.0.0.0/8' };
    expect(production(range).errors).toEqual([]);
    expect(production({ ...range, BRIDGE_HTTP_ALLOW: '10.2.0.0/16' }).errors).toHaveLength(1);
  });

  test('all are reported at once, together with other findings; without a credential nothing is sent', () => {
    const env = { HUBSPOT_BASE_URL: 'http://a.internal', SLACK_API_URL: 'http://a.internal/api/' };
    expect(production({ ...env, ...CREDENTIALS, VOIPBIN_WEBHOOK_SECRET: 'short' }).errors).toHaveLength(3);
    expect(production(env).errors).toEqual([]);
  });
});

test('a ${file:...} or TLS file that is a FIFO, a device or a folder is a finding, and is not waited for', () => {
  execFileSync('mkfifo', [join(directory, 'fifo')]);
  const { errors } = load(
    { BRIDGE_TLS_CERT_FILE: join(directory, 'fifo'), BRIDGE_TLS_KEY_FILE: '/dev/zero' },
    'country: ${file:fifo}\ndata_dir: ${file:/dev/zero}\nrules_file: ${file:.}\n',
  );
  expect(errors).toEqual([
    expect.stringContaining('country: the file fifo is not a regular file'),
    expect.stringContaining('data_dir: the file /dev/zero is not a regular file'),
    expect.stringContaining('rules_file: the file . is a folder'),
    expect.stringContaining('receiver.tls.cert_file: the file is not a regular file'),
    expect.stringContaining('receiver.tls.key_file: the file is not a regular file'),
  ]);
});

describe('the files of TLS', () => {
  const withFiles = (cert: string, key: string) => {
    writeFileSync(join(directory, 'cert.pem'), cert);
    writeFileSync(join(directory, 'key.pem'), key);
    return load({ BRIDGE_TLS_CERT_FILE: 'cert.pem', BRIDGE_TLS_KEY_FILE: 'key.pem' });
  };

  test('are taken when they fit, and read once: later changes of the files do not matter', () => {
    expect(withFiles(CERTIFICATE, KEY).errors).toEqual([]);
    const loaded = loadSettings({
      env: { BRIDGE_TLS_CERT_FILE: 'cert.pem', BRIDGE_TLS_KEY_FILE: 'key.pem' },
      connectors,
      directory,
    });
    const tls = loaded.ok ? loaded.settings.receiver.tls : undefined;
    expect([tls?.cert, tls?.key.reveal()]).toEqual([CERTIFICATE, KEY]);
  });

  const encrypted = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  }).privateKey;

  test.each([
    ['of somebody else', CERTIFICATE, OTHER_KEY, 'key_file', 'the key is not that of the certificate'],
    ['in the wrong setting', KEY, KEY, 'cert_file', 'the file is not PEM'],
    ['of another kind', CERTIFICATE, 'hunter2', 'key_file', 'the file is not PEM'],
    ['with a passphrase', CERTIFICATE, encrypted, 'key_file', 'the key is encrypted'],
  ])('%s are a finding that shows nothing of them', (_case, cert, key, name, message) => {
    const { errors } = withFiles(cert, key);
    expect(errors).toEqual([expect.stringContaining(`receiver.tls.${name}`)]);
    expect(errors[0]).toContain(message);
    expect(errors[0]).not.toContain('hunter2');
  });
});

describe('what is missing', () => {
  const missing = (env: Record<string, string>, used: readonly string[]) => {
    writeFileSync(join(directory, 'bridge.yaml'), '');
    const loaded = loadSettings({
      configFile: 'bridge.yaml',
      env: { BRIDGE_ENV: 'production', ...env },
      connectors,
      directory,
      usedConnectors: (file) => (file === join(directory, 'config/rules.yaml') ? used : []),
    });
    return loaded.ok ? [] : loaded.findings.map((finding) => finding.subject?.setting);
  };

  test('is named at once: the secret and the credentials that live rules need', () => {
    expect(missing({}, ['slack', 'voipbin'])).toEqual([
      'receiver.webhook_secrets',
      'connections.slack.bot_token',
      'connections.voipbin.access_key',
    ]);
    expect(missing({ VOIPBIN_WEBHOOK_SECRET: LONG }, [])).toEqual([]);
  });

  test('is named although another setting is invalid', () => {
    expect(missing({ PORT: 'x' }, ['slack'])).toEqual([
      'receiver.port',
      'receiver.webhook_secrets',
      'connections.slack.bot_token',
    ]);
    expect(missing({ BRIDGE_IP_ALLOW: '10.0.0.300' }, [])).toEqual(['receiver.ip_allow']);
  });
});
