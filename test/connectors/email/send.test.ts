import { createHash } from 'node:crypto';
import { ActionError } from '../../../src/connectors/action-error';
import { readMailbox } from '../../../src/connectors/email/addresses';
import { Mailer, type MailTimeouts } from '../../../src/connectors/email/mailer';
import { sendMail } from '../../../src/connectors/email/send';
import { readSmtpUrl, type SmtpServer } from '../../../src/connectors/email/smtp-url';
import { startEmailStandIn, type EmailStandIn, type MailTrouble } from '../../../src/connectors/email/stand-in';
import { VoipbinClient } from '../../../src/connectors/voipbin/client';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../../src/connectors/voipbin/stand-in/server';
import type { JsonObject } from '../../../src/events/json';
import { HostList } from '../../../src/net/host-list';
import { Secret } from '../../../src/settings/secret';
import { finishedRecording, inboundText, runAttempt, type StepSetting } from '../voipbin/run-action';

const MINUTE = 60_000;
const MAIL = { to: 'ann@example.com', subject: 'Recording', text: 'A call was recorded.' };
let mails: EmailStandIn;
let voipbin: VoipbinStandIn;
let voipbinClient: VoipbinClient;
let mailer: Mailer;

beforeEach(async () => {
  mails = await startEmailStandIn();
  voipbin = await startVoipbinStandIn({ unknownRecordingsExist: false });
  voipbinClient = new VoipbinClient({
    apiUrl: voipbin.url,
    accessKey: new Secret('vb_stand-in'),
    downloadAllow: HostList.EMPTY,
  });
  mailer = open(mails.url);
});

afterEach(async () => {
  mailer.close();
  await Promise.all([voipbinClient.close(), mails.stop(), voipbin.stop()]);
});

function open(url: string, timeouts?: Partial<MailTimeouts>): Mailer {
  const from = readMailbox('Bridge <bridge@example.org>');
  if (from === null) {
    throw new Error('a test with a wrong sender');
  }
  return new Mailer(serverOf(url), from, 1_000_000, { connect: 2_000, greeting: 2_000, silence: 2_000, ...timeouts });
}

function serverOf(url: string): SmtpServer {
  const server = readSmtpUrl(url);
  if (server === null) {
    throw new Error('a test with a wrong URL');
  }
  return server;
}

function attempt(setting: Partial<StepSetting<Mailer>> = {}, input: JsonObject = {}) {
  const event = finishedRecording('r-1');
  return runAttempt(
    sendMail,
    { client: mailer, event, clients: { voipbin: voipbinClient }, ...setting },
    { ...MAIL, ...input },
  );
}

async function failureOf(running: Promise<unknown>): Promise<ActionError> {
  const error: unknown = await running.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ActionError)) {
    throw new Error('expected an ActionError');
  }
  return error;
}

function ago(ms: number): Date {
  return new Date(Date.now() - ms);
}

describe('a mail', () => {
  test('arrives as it was written, marked as automatic, under an id of its own', async () => {
    const outcome = await attempt(
      {},
      {
        to: ['Ann <ann@example.com>', 'bob@example.com'],
        cc: ['', 'cy@example.com'],
        html: '<p>A call &amp; more</p>',
        subject: 'Hi\r\nBcc: evil@example.com',
      },
    );
    const messageId = `<${createHash('sha256').update('recording_finished/r-1/reply/step#1').digest('hex')}@example.org>`;

    expect(outcome).toEqual({
      outcome: 'done',
      result: { message_id: messageId, accepted: 3, rejected: 0, recording: 'none' },
    });
    expect(mails.messages).toHaveLength(1);
    expect(mails.messages[0]).toMatchObject({
      messageId,
      from: 'bridge@example.org',
      to: ['ann@example.com', 'bob@example.com'],
      cc: ['cy@example.com'],
      recipients: ['ann@example.com', 'bob@example.com', 'cy@example.com'],
      subject: 'Hi Bcc: evil@example.com',
      attachments: [],
    });
    expect(mails.messages[0]?.text.trim()).toBe('A call was recorded.');
    expect(mails.messages[0]?.html?.trim()).toBe('<p>A call &amp; more</p>');
    expect(mails.messages[0]?.headers.get('auto-submitted')).toBe('auto-generated');
    expect(mails.messages[0]?.headers.get('x-auto-response-suppress')).toBe('All');
  });

  test.each<[string, JsonObject, string]>([
    ['two recipients in one entry', { to: 'ann@example.com, evil@example.net' }, 'invalid_address'],
    ['two in angle brackets', { to: 'Ann <ann@example.com> <evil@example.net>' }, 'invalid_address'],
    ['a group', { to: 'all: ann@example.com, evil@example.net;' }, 'invalid_address'],
    ['a semicolon', { to: ['ann@example.com;evil@example.net'] }, 'invalid_address'],
    ['a line break', { to: 'ann@example.com\r\nBcc: evil@example.net' }, 'invalid_address'],
    ['an address in the name', { to: 'evil@example.net, Ann <ann@example.com>' }, 'invalid_address'],
    ['a wrong one in cc', { cc: ['bob@example.com', 'bob'] }, 'invalid_address'],
    ['nobody', { to: ' ' }, 'no_recipient'],
  ])('%s is refused', async (_what, input, code) => {
    const failure = await failureOf(attempt({}, input));

    expect(failure).toMatchObject({ errorClass: 'permanent', detail: { code, remedy: expect.any(String) } });
    expect(JSON.stringify([failure.message, failure.detail])).not.toMatch(/evil|ann@example.com,|bob$/);
    expect(mails.messages).toHaveLength(0);
  });

  test('recipients that the server refuses are counted, the others get it', async () => {
    mails.failNext({ stage: 'rcpt', code: 550, recipient: 'bob@example.com' });

    expect(await attempt({}, { to: ['ann@example.com', 'bob@example.com'] })).toMatchObject({
      outcome: 'done',
      result: { accepted: 1, rejected: 1 },
    });
    expect(mails.messages[0]?.recipients).toEqual(['ann@example.com']);
  });
});

describe('classes of errors', () => {
  test.each<[MailTrouble, string, string]>([
    [{ stage: 'auth', code: 535 }, 'credential', 'smtp_535'],
    [{ stage: 'auth', code: 454 }, 'transient', 'smtp_454'],
    [{ stage: 'mail', code: 530 }, 'credential', 'smtp_530'],
    [{ stage: 'mail', code: 550 }, 'permanent', 'smtp_550'],
    [{ stage: 'rcpt', code: 550 }, 'permanent', 'smtp_550'],
    [{ stage: 'rcpt', code: 451 }, 'transient', 'smtp_451'],
    [{ stage: 'data', code: 554 }, 'permanent', 'smtp_554'],
    [{ stage: 'data', code: 451 }, 'transient', 'smtp_451'],
    [{ stage: 'greeting', code: 421 }, 'transient', 'smtp_421'],
    ['drop_in_data', 'transient', 'connection_lost'],
  ])('%j', async (trouble, errorClass, code) => {
    mails.failNext(trouble);
    const progress = { last: null };
    // More than the connection can swallow before the server breaks it.
    const failure = await failureOf(
      attempt({ progress }, { text: trouble === 'drop_in_data' ? 'x\n'.repeat(8_000_000) : 'x' }),
    );

    expect(failure).toMatchObject({ errorClass, detail: { connection: 'email', code } });
    expect(JSON.stringify([failure.message, failure.detail])).not.toContain('ann@');
    expect(progress.last).toEqual({ maybe_sent: 0, attempt: 1 });
    expect(mails.messages).toHaveLength(0);
  });

  test('a server that is not there', async () => {
    await mails.stop();
    expect(await failureOf(attempt())).toMatchObject({ errorClass: 'transient', detail: { code: 'network' } });
  });

  test("TLS is demanded of every server but this machine's own", async () => {
    const demanding = new Mailer({ ...serverOf(mails.url), requireTLS: true }, mailer.from, 0);
    const failure = await failureOf(attempt({ client: demanding }));
    demanding.close();

    expect(failure).toMatchObject({ errorClass: 'credential', detail: { code: 'tls' } });
    expect(mails.messages).toHaveLength(0);
  });
});

describe('a lost answer', () => {
  test.each(['drop_after_data', 'silent_after_data'] as const)(
    '%s: once more under the same Message-ID',
    async (trouble) => {
      const progress = { last: null };
      const impatient = open(mails.url, { silence: 200 });
      mails.failNext(trouble);
      const failure = await failureOf(attempt({ progress, client: impatient }));
      expect(failure).toMatchObject({ errorClass: 'transient', detail: { code: 'answer_lost', retryAfterMs: MINUTE } });

      expect(await attempt({ progress, attempt: 2 })).toMatchObject({ outcome: 'done' });
      impatient.close();
      expect(mails.messages).toHaveLength(2);
      expect(new Set(mails.messages.map(({ messageId }) => messageId)).size).toBe(1);
    },
  );

  test('twice: ambiguous, and never a third time', async () => {
    const progress = { last: null };
    mails.failNext('drop_after_data');
    mails.failNext('drop_after_data');
    await failureOf(attempt({ progress }));

    expect(await failureOf(attempt({ progress, attempt: 2 }))).toMatchObject({
      errorClass: 'ambiguous',
      detail: { remedy: expect.any(String) },
    });
    expect(await failureOf(attempt({ progress, attempt: 3 }))).toMatchObject({ errorClass: 'ambiguous' });
    expect(mails.messages).toHaveLength(2);
  });

  test('on_ambiguous: fail fails at once', async () => {
    mails.failNext('drop_after_data');

    expect(await failureOf(attempt({}, { on_ambiguous: 'fail' }))).toMatchObject({ errorClass: 'ambiguous' });
    expect(mails.messages).toHaveLength(1);
  });

  test('an attempt whose progress was lost counts as one that may have sent it', async () => {
    const older = { last: { maybe_sent: 0, attempt: 1 } };
    expect(await failureOf(attempt({ attempt: 2 }, { on_ambiguous: 'fail' }))).toMatchObject({
      errorClass: 'ambiguous',
    });
    expect(await failureOf(attempt({ attempt: 3, progress: older }, { on_ambiguous: 'fail' }))).toMatchObject({
      errorClass: 'ambiguous',
    });
    expect(mails.messages).toHaveLength(0);
    mails.failNext('drop_after_data');
    expect(await failureOf(attempt({ attempt: 2 }))).toMatchObject({ errorClass: 'ambiguous' });
    expect(mails.messages).toHaveLength(1);
  });

  test('an attempt that was put off does not count', async () => {
    const progress = { last: null };
    mails.failNext({ stage: 'data', code: 451 });
    await failureOf(attempt({ progress }, { on_ambiguous: 'fail' }));

    expect(await attempt({ progress, attempt: 2 }, { on_ambiguous: 'fail' })).toMatchObject({ outcome: 'done' });
    expect(mails.messages).toHaveLength(1);
  });

  test('a step cancelled while the server is silent may have sent it', async () => {
    const progress = { last: null };
    const controller = new AbortController();
    mails.failNext('silent_after_data');
    const running = failureOf(attempt({ progress, signal: controller.signal }));
    await waitFor(() => mails.messages.length > 0);
    controller.abort();

    expect(await running).toMatchObject({ errorClass: 'transient', detail: { code: 'answer_lost' } });
    expect(progress.last).toEqual({ maybe_sent: 1, attempt: 1 });
  });
});

describe('recordings', () => {
  test.each([
    [0, 5_000],
    [8_000, 5_000],
    [30_000, 15_000],
    [10 * MINUTE, MINUTE],
    [15 * MINUTE - 3_000, 3_000],
  ])('not stored after %d ms: the step waits, longer and longer, and not past the end', async (waited, delay) => {
    voipbin.addRecording({ id: 'r-1' });
    const failure = await failureOf(attempt({ startedAt: ago(waited) }, { recording: 'attach' }));

    expect(failure).toMatchObject({ errorClass: 'transient', detail: { code: 'recording_not_stored' } });
    expect(failure.detail.retryAfterMs).toBeLessThanOrEqual(delay + 1);
    expect(failure.detail.retryAfterMs).toBeGreaterThan(delay - 1_000);
    expect(mails.messages).toHaveLength(0);
  });

  test('half stored is not stored; once stored, both legs are attached byte by byte', async () => {
    const progress = { last: null };
    voipbin.addRecording({ id: 'r-1', sizeBytes: 60_000 });
    voipbin.store('r-1', 1);
    await failureOf(attempt({ progress }, { recording: 'attach', on_ambiguous: 'fail' }));
    voipbin.store('r-1');

    expect(await attempt({ progress, attempt: 2 }, { recording: 'attach', on_ambiguous: 'fail' })).toMatchObject({
      result: { recording: 'attached' },
    });
    const attached = mails.messages[0]?.attachments.map(({ filename, content }) => ({ name: filename, content }));
    expect(attached).toEqual(voipbin.wavs('r-1'));
    expect(mails.messages[0]?.text).toContain('r-1_in.wav, r-1_out.wav');
  });

  test('never stored: after the wait the mail goes and says so', async () => {
    voipbin.addRecording({ id: 'r-1' });

    expect(
      await attempt(
        { startedAt: ago(MINUTE), attempt: 9, progress: { last: { maybe_sent: 0, attempt: 8 } } },
        { recording: 'attach', wait: '1m', html: '<b>x</b>' },
      ),
    ).toMatchObject({
      result: { recording: 'missing' },
    });
    expect(mails.messages[0]?.text).toContain('not stored recording r-1 within 1 min');
    expect(mails.messages[0]?.html).toContain('not stored recording r-1 within 1 min');
  });

  test.each([
    ['larger than the bridge attaches', 700_000, undefined, 'too large'],
    ['larger than the mail server takes', 400_000, 500_000, 'does not accept a mail of this size'],
  ])('%s: the reason and links that expire', async (_why, sizeBytes, largestMailBytes, reason) => {
    const small = await startEmailStandIn(largestMailBytes === undefined ? {} : { largestMailBytes });
    const other = open(small.url);
    voipbin.addRecording({ id: 'r-1', stored: true, sizeBytes });
    const outcome = await attempt({ client: other }, { recording: 'attach' });
    other.close();
    await small.stop();

    expect(outcome).toMatchObject({ result: { recording: 'linked' } });
    const [mail] = small.messages;
    expect(mail?.attachments).toEqual([]);
    expect(mail?.text).toContain(reason);
    expect(mail?.text).toMatch(/the link works until 20\d\d-/);
    const links = mail?.text.match(/http\S+/g) ?? [];
    expect(links).toHaveLength(2);
    expect(Buffer.from(await (await fetch(links[0] ?? '')).arrayBuffer())).toEqual(voipbin.wavs('r-1')[0]?.content);
  });

  test('link: links in text and HTML, nothing attached', async () => {
    voipbin.addRecording({ id: 'r-1', stored: true });
    await attempt({}, { recording: 'link', html: '<p>x</p>' });

    expect(mails.messages[0]?.attachments).toEqual([]);
    expect(mails.messages[0]?.html?.match(/<a href="http[^"]+&amp;X-Goog-Signature=/g)).toHaveLength(2);
  });

  test('no credential of the account is ever in a mail', async () => {
    for (const [index, uri] of [
      'https://s.example/x_in.wav?token=vb_stand-in',
      'https://s.example/x_in.wav?accesskey=vb_stand-in',
      'https://s.example/vb_stand-in/x_in.wav',
    ].entries()) {
      const item = {
        id: String(index),
        reference_type: 'recording',
        reference_id: 'r-1',
        filesize: 5_000_000,
        uri_download: uri,
      };
      voipbin.addRecording({ id: 'r-1' });
      voipbin.failNext({
        path: '/storage_files',
        how: { status: 200, body: { result: [item, { ...item, filename: 'x_out.wav' }] } },
      });
      expect(await attempt({}, { recording: index % 2 === 0 ? 'attach' : 'link' })).toMatchObject({
        result: { recording: 'missing' },
      });
    }
    voipbin.addRecording({ id: 'r-1', stored: true });
    await attempt({}, { recording: 'attach' });
    await attempt({}, { recording: 'link' });

    expect(mails.messages).toHaveLength(5);
    for (const { source } of mails.messages) {
      expect(source.replace(/=\r\n/g, '')).not.toMatch(/vb_stand-in|accesskey|[?&]token/i);
    }
  });

  test('the recordings of a call', async () => {
    voipbin.addRecording({ id: 'r-1', stored: true });
    voipbin.addRecording({ id: 'r-2', stored: true, referenceType: 'confbridge' });
    const nil = '00000000-0000-0000-0000-000000000000';
    const event = inboundText({
      type: 'call_hangup',
      event_id: 'call_hangup/c',
      id: 'c',
      data: { recording_id: 'r-1', recording_ids: ['r-1', 'r-2', nil] },
    });
    await attempt({ event }, { recording: 'attach' });

    expect(mails.messages[0]?.attachments.map(({ filename }) => filename)).toEqual([
      'r-1_in.wav',
      'r-1_out.wav',
      'r-2_in.wav',
    ]);
  });

  test.each([
    [
      'a call without one',
      inboundText({ type: 'call_hangup', data: { recording_id: '00000000-0000-0000-0000-000000000000' } }),
      'none',
      'There is no recording.',
    ],
    ['one that VoIPBIN does not know', finishedRecording('r-gone'), 'missing', 'does not have recording r-gone'],
  ])('%s: the mail goes and says so', async (_what, event, state, text) => {
    expect(await attempt({ event }, { recording: 'attach' })).toMatchObject({
      outcome: 'done',
      result: { recording: state },
    });
    expect(mails.messages[0]?.text).toContain(text);
  });

  test('trouble with VoIPBIN is waited for, then told in the mail; it never parks the mail server', async () => {
    voipbin.addRecording({ id: 'r-1', stored: true });
    voipbin.failNext({ path: '/recordings/r-1', times: 2, how: { status: 401 } });
    expect(await failureOf(attempt({}, { recording: 'attach' }))).toMatchObject({
      errorClass: 'transient',
      detail: { connection: 'email', code: 'recording_not_stored' },
    });

    expect(await attempt({ startedAt: ago(15 * MINUTE) }, { recording: 'attach' })).toMatchObject({
      result: { recording: 'missing' },
    });
    expect(mails.messages[0]?.text).toContain('could not be fetched from VoIPBIN (http_401)');
  });
});

async function waitFor(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 1_000 && !condition(); turns += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
