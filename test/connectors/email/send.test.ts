import { createHash } from 'node:crypto';
import { TIMEOUTS } from '../../../src/connectors/email/mailer';
import { sendMail } from '../../../src/connectors/email/send';
import { startEmailStandIn, type MailTrouble } from '../../../src/connectors/email/stand-in';
import type { JsonObject } from '../../../src/events/json';
import { durationMs } from '../../../src/yaml/duration';
import { finishedRecording, inboundText } from '../voipbin/run-action';
import { ago, failureOf, MailStep, MINUTE } from './mail-step';

let step: MailStep;

beforeEach(async () => {
  step = await MailStep.start();
});

afterEach(async () => {
  jest.restoreAllMocks();
  await step.stop();
});

describe('a mail', () => {
  test('arrives as it was written, marked as automatic, under an id of its own', async () => {
    const outcome = await step.attempt(
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
      result: { message_id: messageId, accepted: 3, recording: 'none' },
    });
    expect(step.mails.messages).toHaveLength(1);
    expect(step.mails.messages[0]).toMatchObject({
      messageId,
      from: 'bridge@example.org',
      to: ['ann@example.com', 'bob@example.com'],
      cc: ['cy@example.com'],
      recipients: ['ann@example.com', 'bob@example.com', 'cy@example.com'],
      subject: 'Hi Bcc: evil@example.com',
      attachments: [],
    });
    expect(step.mails.messages[0]?.text.trim()).toBe('A call was recorded.');
    expect(step.mails.messages[0]?.html?.trim()).toBe('<p>A call &amp; more</p>');
    expect(step.mails.messages[0]?.headers.get('auto-submitted')).toBe('auto-generated');
    expect(step.mails.messages[0]?.headers.get('x-auto-response-suppress')).toBe('All');
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
    ['a mail that says nothing', { text: ' \n', html: ' ' }, 'empty_text'],
  ])('%s is refused', async (_what, input, code) => {
    const failure = await failureOf(step.attempt({}, input));

    expect(failure).toMatchObject({ errorClass: 'permanent', detail: { code, remedy: expect.any(String) } });
    expect(JSON.stringify([failure.message, failure.detail])).not.toMatch(/evil|ann@example.com,|bob$/);
    expect(step.mails.messages).toHaveLength(0);
  });
});

test.each([
  ['an html body alone', { text: '', html: '<p>x</p>' }, 'Recording'],
  ['a recording alone', { text: '', recording: 'attach' }, 'Recording'],
  ['a subject of 300 characters', { subject: '😀'.repeat(300) }, `${'😀'.repeat(127)}…`],
])('%s is sent', async (_what, input, subject) => {
  step.voipbin.addRecording({ id: 'r-1', stored: true });
  await step.attempt({}, input);
  expect(step.mails.messages[0]?.subject).toBe(subject);
});

describe('classes of errors', () => {
  test.each<[MailTrouble, string, string]>([
    [{ stage: 'auth', code: 535 }, 'credential', 'smtp_535'],
    [{ stage: 'auth', code: 454 }, 'transient', 'smtp_454'],
    [{ stage: 'mail', code: 530 }, 'credential', 'smtp_530'],
    [{ stage: 'mail', code: 550 }, 'credential', 'smtp_550'],
    [{ stage: 'rcpt', code: 550 }, 'permanent', 'smtp_550'],
    [{ stage: 'rcpt', code: 451 }, 'transient', 'smtp_451'],
    [{ stage: 'data', code: 554 }, 'permanent', 'smtp_554'],
    [{ stage: 'data', code: 451 }, 'transient', 'smtp_451'],
    [{ stage: 'greeting', code: 421 }, 'transient', 'smtp_421'],
    ['drop_in_data', 'transient', 'connection_lost'],
  ])('%j', async (trouble, errorClass, code) => {
    step.mails.failNext(trouble);
    const progress = { last: null };
    // More than the connection can swallow before the server breaks it.
    const failure = await failureOf(
      step.attempt({ progress }, { text: trouble === 'drop_in_data' ? 'x\n'.repeat(8_000_000) : 'x' }),
    );

    expect(failure).toMatchObject({ errorClass, detail: { connection: 'email', code } });
    expect(JSON.stringify([failure.message, failure.detail])).not.toContain('ann@');
    expect(progress.last).toMatchObject({ maybe_sent: 0, attempt: 1, done: [] });
    expect(step.mails.messages).toHaveLength(0);
  });

  test('a server that is not there', async () => {
    await step.mails.stop();
    expect(await failureOf(step.attempt())).toMatchObject({ errorClass: 'transient', detail: { code: 'network' } });
  });

  test("TLS is demanded of every server but this machine's own", async () => {
    const demanding = step.open(step.mails.url, {}, { requireTLS: true });
    const failure = await failureOf(step.attempt({ client: demanding }));
    await demanding.close();

    expect(failure).toMatchObject({ errorClass: 'credential', detail: { code: 'tls' } });
    expect(step.mails.messages).toHaveLength(0);
  });
});

describe('a lost answer', () => {
  test.each(['drop_after_data', 'silent_after_data'] as const)(
    '%s: once more under the same Message-ID',
    async (trouble) => {
      const progress = { last: null };
      const impatient = step.open(step.mails.url, { silence: 200 });
      step.mails.failNext(trouble);
      const failure = await failureOf(step.attempt({ progress, client: impatient }));
      expect(failure).toMatchObject({ errorClass: 'transient', detail: { code: 'answer_lost', retryAfterMs: MINUTE } });

      expect(await step.attempt({ progress, attempt: 2 })).toMatchObject({ outcome: 'done' });
      await impatient.close();
      expect(step.mails.messages).toHaveLength(2);
      expect(new Set(step.mails.messages.map(({ messageId }) => messageId)).size).toBe(1);
    },
  );

  test('twice: ambiguous, and never a third time', async () => {
    const progress = { last: null };
    step.mails.failNext('drop_after_data');
    step.mails.failNext('drop_after_data');
    await failureOf(step.attempt({ progress }));

    expect(await failureOf(step.attempt({ progress, attempt: 2 }))).toMatchObject({
      errorClass: 'ambiguous',
      detail: { remedy: expect.any(String) },
    });
    expect(await failureOf(step.attempt({ progress, attempt: 3 }))).toMatchObject({ errorClass: 'ambiguous' });
    expect(step.mails.messages).toHaveLength(2);
  });

  test('on_ambiguous: fail fails at once', async () => {
    step.mails.failNext('drop_after_data');

    expect(await failureOf(step.attempt({}, { on_ambiguous: 'fail' }))).toMatchObject({ errorClass: 'ambiguous' });
    expect(step.mails.messages).toHaveLength(1);
  });

  test('an attempt whose progress was lost counts as one that may have sent it', async () => {
    const older = { last: { maybe_sent: 0, attempt: 1 } };
    expect(await failureOf(step.attempt({ attempt: 2 }, { on_ambiguous: 'fail' }))).toMatchObject({
      errorClass: 'ambiguous',
    });
    expect(await failureOf(step.attempt({ attempt: 3, progress: older }, { on_ambiguous: 'fail' }))).toMatchObject({
      errorClass: 'ambiguous',
    });
    expect(step.mails.messages).toHaveLength(0);
    step.mails.failNext('drop_after_data');
    expect(await failureOf(step.attempt({ attempt: 2 }))).toMatchObject({ errorClass: 'ambiguous' });
    expect(step.mails.messages).toHaveLength(1);
  });

  test('a mail that waits behind servers which do not answer was not sent, and says so', async () => {
    const patient = step.open(step.mails.url, { begin: 300, silence: 600_000 });
    const stop = new AbortController();
    const stuck = [1, 2, 3].map((n) => {
      step.mails.failNext('silent_after_data');
      return failureOf(step.attempt({ client: patient, rule: `stuck-${n}`, signal: stop.signal }));
    });
    await waitFor(() => step.mails.messages.length === 3);
    const progress = { last: null };

    expect(await failureOf(step.attempt({ client: patient, progress }))).toMatchObject({
      errorClass: 'transient',
      detail: { code: 'timeout' },
    });
    expect(progress.last).toMatchObject({ maybe_sent: 0 });
    stop.abort();
    await Promise.all(stuck);
    await patient.close();
    expect(step.mails.messages).toHaveLength(3);
  });

  test('the server has the time that RFC 5321 gives it, and the attempt lasts longer', () => {
    expect(TIMEOUTS.silence).toBeGreaterThanOrEqual(10 * MINUTE);
    expect(durationMs(sendMail.attemptTimeout)).toBeGreaterThan(TIMEOUTS.begin + TIMEOUTS.silence);
  });

  test('an attempt that was put off does not count', async () => {
    const progress = { last: null };
    step.mails.failNext({ stage: 'data', code: 451 });
    await failureOf(step.attempt({ progress }, { on_ambiguous: 'fail' }));

    expect(await step.attempt({ progress, attempt: 2 }, { on_ambiguous: 'fail' })).toMatchObject({ outcome: 'done' });
    expect(step.mails.messages).toHaveLength(1);
  });

  test('a step cancelled while the server is silent may have sent it', async () => {
    const progress = { last: null };
    const controller = new AbortController();
    step.mails.failNext('silent_after_data');
    const running = failureOf(step.attempt({ progress, signal: controller.signal }));
    await waitFor(() => step.mails.messages.length > 0);
    controller.abort();

    expect(await running).toMatchObject({ errorClass: 'transient', detail: { code: 'answer_lost' } });
    expect(progress.last).toMatchObject({ maybe_sent: 1, attempt: 1 });
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
    step.voipbin.addRecording({ id: 'r-1' });
    // The attempt itself takes no time, however slow the machine is.
    jest.spyOn(Date, 'now').mockReturnValue(Date.now());
    const failure = await failureOf(step.attempt({ startedAt: ago(waited) }, { recording: 'attach' }));

    expect(failure).toMatchObject({
      errorClass: 'transient',
      detail: { code: 'recording_not_stored', retryAfterMs: delay },
    });
    expect(step.mails.messages).toHaveLength(0);
  });

  test('half stored is not stored; once stored, both legs are attached byte by byte', async () => {
    const progress = { last: null };
    step.voipbin.addRecording({ id: 'r-1', sizeBytes: 60_000 });
    step.voipbin.store('r-1', 1);
    await failureOf(step.attempt({ progress }, { recording: 'attach', on_ambiguous: 'fail' }));
    step.voipbin.store('r-1');

    expect(await step.attempt({ progress, attempt: 2 }, { recording: 'attach', on_ambiguous: 'fail' })).toMatchObject({
      result: { recording: 'attached' },
    });
    const attached = step.mails.messages[0]?.attachments.map(({ filename, content }) => ({ name: filename, content }));
    expect(attached).toEqual(step.voipbin.wavs('r-1'));
    expect(step.mails.messages[0]?.text).toContain('r-1_in.wav, r-1_out.wav');
  });

  test('never stored: after the wait the mail goes and says so', async () => {
    step.voipbin.addRecording({ id: 'r-1' });

    expect(
      await step.attempt(
        { startedAt: ago(MINUTE), attempt: 9, progress: { last: { maybe_sent: 0, attempt: 8 } } },
        { recording: 'attach', wait: '1m', html: '<b>x</b>' },
      ),
    ).toMatchObject({
      result: { recording: 'missing' },
    });
    expect(step.mails.messages[0]?.text).toContain('not stored recording r-1 within 1 min');
    expect(step.mails.messages[0]?.html).toContain('not stored recording r-1 within 1 min');
  });

  test.each([
    [
      'one side is never stored',
      {},
      1,
      "The callee's side (r-1_out.wav) is missing: VoIPBIN has not stored it within 1 min",
    ],
    ['one side has 0 bytes', { legBytes: { out: 0 } }, 2, 'r-1_out.wav) is missing: VoIPBIN stored no sound of it'],
    ['one side is a header alone', { legBytes: { in: 44 } }, 2, "The caller's side (r-1_in.wav) is missing"],
    ['a header alone, its size unknown', { legBytes: { out: 44 }, sizesKnown: false }, 2, 'r-1_out.wav) is missing'],
  ] as const)(
    '%s: after the wait the other side is attached, and the mail says so',
    async (_what, recording, legs, text) => {
      step.voipbin.addRecording({ id: 'r-1', ...recording });
      step.voipbin.store('r-1', legs);
      const input = { recording: 'attach', wait: '1m', html: '<p>x</p>' };
      expect(await failureOf(step.attempt({}, input))).toMatchObject({ detail: { code: 'recording_not_stored' } });

      expect(await step.attempt({ startedAt: ago(MINUTE) }, input)).toMatchObject({ result: { recording: 'partial' } });
      const [mail] = step.mails.messages;
      expect(mail?.attachments).toHaveLength(1);
      expect(mail?.text).toContain(text);
      expect(mail?.html).toContain('is missing');
    },
  );

  test('one side is never stored: the other is linked, and the mail says so', async () => {
    step.voipbin.addRecording({ id: 'r-1' });
    step.voipbin.store('r-1', 1);

    expect(await step.attempt({ startedAt: ago(MINUTE) }, { recording: 'link', wait: '1m' })).toMatchObject({
      result: { recording: 'partial' },
    });
    expect(step.mails.messages[0]?.text).toMatch(
      /r-1_in\.wav \(the link works until .*http.*r-1_out\.wav\) is missing/s,
    );
  });

  test('headers alone: the mail says that the recording is empty', async () => {
    step.voipbin.addRecording({ id: 'r-1', stored: true, sizeBytes: 44 });

    expect(await step.attempt({ startedAt: ago(MINUTE) }, { recording: 'attach', wait: '1m' })).toMatchObject({
      result: { recording: 'missing' },
    });
    expect(step.mails.messages[0]?.text).toContain('Recording r-1 is empty');
    expect(step.mails.messages[0]?.attachments).toEqual([]);
  });

  test.each([
    ['larger than the bridge attaches', 700_000, undefined, 'too large'],
    ['larger than the mail server takes', 400_000, 500_000, 'does not accept a mail of this size'],
  ])('%s: the reason and links that expire', async (_why, sizeBytes, largestMailBytes, reason) => {
    const small = await startEmailStandIn(largestMailBytes === undefined ? {} : { largestMailBytes });
    const other = step.open(small.url);
    step.voipbin.addRecording({ id: 'r-1', stored: true, sizeBytes });
    const outcome = await step.attempt({ client: other }, { recording: 'attach' });
    await other.close();
    await small.stop();

    expect(outcome).toMatchObject({ result: { recording: 'linked' } });
    const [mail] = small.messages;
    expect(mail?.attachments).toEqual([]);
    expect(mail?.text).toContain(reason);
    expect(mail?.text).toMatch(/the link works until 20\d\d-/);
    const links = mail?.text.match(/http\S+/g) ?? [];
    expect(links).toHaveLength(2);
    expect(Buffer.from(await (await fetch(links[0] ?? '')).arrayBuffer())).toEqual(
      step.voipbin.wavs('r-1')[0]?.content,
    );
  });

  test('link: links in text and HTML, nothing attached', async () => {
    step.voipbin.addRecording({ id: 'r-1', stored: true });
    await step.attempt({}, { recording: 'link', html: '<p>x</p>' });

    expect(step.mails.messages[0]?.attachments).toEqual([]);
    expect(step.mails.messages[0]?.html?.match(/<a href="http[^"]+&amp;X-Goog-Signature=/g)).toHaveLength(2);
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
      step.voipbin.addRecording({ id: 'r-1' });
      step.voipbin.failNext({
        path: '/storage_files',
        how: { status: 200, body: { result: [item, { ...item, filename: 'x_out.wav' }] } },
      });
      expect(await step.attempt({}, { recording: index % 2 === 0 ? 'attach' : 'link' })).toMatchObject({
        result: { recording: 'missing' },
      });
    }
    step.voipbin.addRecording({ id: 'r-1', stored: true });
    await step.attempt({}, { recording: 'attach' });
    await step.attempt({}, { recording: 'link' });

    expect(step.mails.messages).toHaveLength(5);
    for (const { source } of step.mails.messages) {
      expect(source.replace(/=\r\n/g, '')).not.toMatch(/vb_stand-in|accesskey|[?&]token/i);
    }
  });

  test('the recordings of a call', async () => {
    step.voipbin.addRecording({ id: 'r-1', stored: true });
    step.voipbin.addRecording({ id: 'r-2', stored: true, referenceType: 'confbridge' });
    const nil = '00000000-0000-0000-0000-000000000000';
    const event = inboundText({
      type: 'call_hangup',
      event_id: 'call_hangup/c',
      id: 'c',
      data: {
        recording_id: 'r-1',
        recording_ids: ['r-1', 'r-2', nil, '../r-1', 'r\r\nTo: eve@example.com', '\u202evaw.exe'],
      },
    });
    await step.attempt({ event }, { recording: 'attach' });

    expect(step.mails.messages[0]?.attachments.map(({ filename }) => filename)).toEqual([
      'r-1_in.wav',
      'r-1_out.wav',
      'r-2_in.wav',
    ]);
    expect(step.mails.messages[0]?.source).not.toMatch(/eve@|exe/);
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
    expect(await step.attempt({ event }, { recording: 'attach' })).toMatchObject({
      outcome: 'done',
      result: { recording: state },
    });
    expect(step.mails.messages[0]?.text).toContain(text);
  });

  test('trouble with VoIPBIN is waited for, then told in the mail; it never parks the mail server', async () => {
    step.voipbin.addRecording({ id: 'r-1', stored: true });
    step.voipbin.failNext({ path: '/recordings/r-1', times: 2, how: { status: 401 } });
    expect(await failureOf(step.attempt({}, { recording: 'attach' }))).toMatchObject({
      errorClass: 'transient',
      detail: { connection: 'email', code: 'recording_not_stored' },
    });

    expect(await step.attempt({ startedAt: ago(15 * MINUTE) }, { recording: 'attach' })).toMatchObject({
      result: { recording: 'missing' },
    });
    expect(step.mails.messages[0]?.text).toContain('could not be fetched from VoIPBIN (http_401)');
  });
});

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
