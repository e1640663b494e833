import { email } from '../../../src/connectors/email/connector';
import { startEmailStandIn, type EmailStandIn, type EmailStandInOptions } from '../../../src/connectors/email/stand-in';
import { proveConnection, type ProofReport } from '../../../src/status/connection-proof';
import type { Connector } from '../../../src/connectors/connector';

const SENDER = 'bridge@stand-in.example';
let mails: EmailStandIn;

afterEach(() => mails.stop());

async function prove(options: EmailStandInOptions, only: string): Promise<ProofReport> {
  mails = await startEmailStandIn(options);
  // The registry is as blind: a client's type is known to its connector alone.
  const connector = email as unknown as Connector;
  const proofs = (connector.connection.prove ?? []).filter(({ name }) => name === only);
  const log = { info: () => undefined, warn: () => undefined };
  const [report] = await proveConnection(connector, proofs, connector.connection.settings.parse(mails.settings), {
    given: {},
    signal: new AbortController().signal,
    log,
  });
  if (report === undefined) {
    throw new Error(`no proof ${only}`);
  }
  return report;
}

test.each<[string, EmailStandInOptions, ProofReport['verdict'], RegExp, RegExp]>([
  ['mail-greeting', {}, 'as_assumed', /takes stand-in\.example, without TLS/, /outside ASCII work/],
  ['mail-greeting', { smtpUtf8: false }, 'as_assumed', /announces/, /before the @ will be refused/],
  ['mail-foreign-sender', {}, 'differs', /any sender/, /mail by mail/],
  ['mail-foreign-sender', { senders: [SENDER] }, 'as_assumed', /MAIL FROM \(smtp_553_5\.7\.1\)/, /parks/],
  ['mail-unknown-recipient', {}, 'differs', /does not exist/, /bounce/],
  ['mail-unknown-recipient', { recipients: [SENDER] }, 'as_assumed', /smtp_550_5\.1\.1/, /which one/],
  ['mail-unknown-recipient', { senders: [] }, 'unknown', /MAIL_FROM/, /question/],
  ['mail-message-id', {}, 'as_assumed', /takes the mail/, /the same one/],
  ['mail-message-id', { ownMessageIds: true }, 'differs', /of its own/, /on_ambiguous/],
  ['mail-message-id', { recipients: [] }, 'unknown', /smtp_550|refused the recipient/, /question/],
])('%s at a server with %j: %s', async (name, options, verdict, answer, means) => {
  const report = await prove(options, name);

  expect(report).toMatchObject({ verdict, answer: expect.stringMatching(answer), means: expect.stringMatching(means) });
  expect(report.left).toHaveLength(mails.messages.length);
  expect(JSON.stringify(report)).not.toContain('@stand-in');
});
