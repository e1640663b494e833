import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmailStandIn } from '../../src/connectors/email/stand-in';
import { AUTHORITY, VALID } from '../connectors/email/certificates';
import { runBridge } from './run-bridge';

test.each([{ implicitTls: false }, { implicitTls: true }])(
  'a mail server whose certificate is by a private authority is named, and trusted with NODE_EXTRA_CA_CERTS (%j)',
  async ({ implicitTls }) => {
    const cwd = await mkdtemp(join(tmpdir(), 'bridge-'));
    const mails = await startEmailStandIn({ tls: VALID, implicitTls });
    const ca = join(cwd, 'ca.pem');
    await writeFile(ca, AUTHORITY);
    const env = { SMTP_URL: mails.url, MAIL_FROM: 'bridge@example.com' };
    const check = ['connections', 'check', '--json'];

    const refused = await runBridge(check, { cwd, env });
    const trusted = await runBridge(check, { cwd, env: { ...env, NODE_EXTRA_CA_CERTS: ca } });
    await mails.stop();
    await rm(cwd, { recursive: true });

    expect(emailOf(refused.out)).toMatchObject({ ok: false });
    expect(refused.out).toContain('certificate of the mail server is not accepted');
    expect(refused.out).toContain('NODE_EXTRA_CA_CERTS');
    expect(emailOf(trusted.out)).toMatchObject({ ok: true });
  },
  120_000,
);

function emailOf(out: string): unknown {
  const checks: unknown = JSON.parse(out);
  return Array.isArray(checks) ? checks.find(({ connection }: { connection: string }) => connection === 'email') : null;
}
