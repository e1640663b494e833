import type { JsonValue } from '../../../src/events/json';
import { failureOf, MailStep } from './mail-step';

const ALL = { to: ['ann@example.com', 'bob@example.com'], cc: 'cy@example.com' };

describe.each([{ pipelining: true }, { pipelining: false }])('a mail server with %j', (options) => {
  let step: MailStep;
  let progress: { last: JsonValue };

  beforeEach(async () => {
    step = await MailStep.start(options);
    progress = { last: null };
  });

  afterEach(() => step.stop());

  const envelopes = (): string[][] => step.mails.messages.map(({ recipients }) => recipients);

  test('a recipient that is put off gets the mail later, alone', async () => {
    step.mails.failNext({ stage: 'rcpt', code: 450, text: '4.2.0 Greylisted', recipient: 'bob@example.com' });

    expect(await failureOf(step.attempt({ progress }, ALL))).toMatchObject({
      errorClass: 'transient',
      message: 'the mail server put the mail off (450 4.2.0): `to` (entry 2); 2 of 3 recipients have the mail',
      detail: { code: 'smtp_450_4.2.0' },
    });
    expect(JSON.stringify(progress)).not.toContain('@');
    expect(await step.attempt({ progress, attempt: 2 }, ALL)).toMatchObject({
      outcome: 'done',
      result: { accepted: 3 },
    });
    expect(envelopes()).toEqual([['ann@example.com', 'cy@example.com'], ['bob@example.com']]);
    const [first, second] = step.mails.messages;
    expect([second?.messageId, second?.to, second?.cc]).toEqual([first?.messageId, first?.to, first?.cc]);
  });

  test('a run that continues from a failed one sends to those who were refused, also when the rule is changed', async () => {
    step.mails.failNext({ stage: 'rcpt', code: 550, text: '5.1.1 no', recipient: 'bob@example.com' });
    await failureOf(step.attempt({ progress }, ALL));
    expect(await step.attempt({ progress, attempt: 2 }, { to: ['bo@example.com', 'ann@example.com'] })).toMatchObject({
      outcome: 'done',
      result: { accepted: 2 },
    });
    expect(await step.attempt({ progress, attempt: 2 }, { to: 'ann@example.com' })).toMatchObject({ outcome: 'done' });
    expect(envelopes()).toEqual([['ann@example.com', 'cy@example.com'], ['bo@example.com']]);
  });

  test('an attempt that begins afresh, as the mail before it did not go out, sends to nobody who has it', async () => {
    step.mails.failNext({ stage: 'rcpt', code: 450, text: '4.2.0 Greylisted', recipient: 'bob@example.com' });
    await failureOf(step.attempt({ progress }, ALL));
    const { attempt: _counted, ...rest } = progress.last as Record<string, JsonValue>;
    await step.attempt({ progress: { last: rest }, attempt: 1 }, ALL);
    expect(envelopes()).toEqual([['ann@example.com', 'cy@example.com'], ['bob@example.com']]);
  });

  test('all put off: all get it later', async () => {
    step.mails.failNext({ stage: 'rcpt', code: 451, times: 3 });

    expect(await failureOf(step.attempt({ progress }, ALL))).toMatchObject({
      errorClass: 'transient',
      message: expect.stringContaining('0 of 3 recipients have the mail'),
    });
    await step.attempt({ progress, attempt: 2 }, ALL);
    expect(envelopes()).toEqual([['ann@example.com', 'bob@example.com', 'cy@example.com']]);
  });

  test('a recipient that is refused: the others have the mail, and the step says which one does not', async () => {
    step.mails.failNext({
      stage: 'rcpt',
      code: 550,
      text: '5.1.1 <bob@example.com>: User unknown',
      recipient: 'bob@example.com',
    });
    const failure = await failureOf(step.attempt({ progress }, ALL));

    expect(failure).toMatchObject({
      errorClass: 'permanent',
      message: 'the mail server refused the recipient (550 5.1.1): `to` (entry 2); 2 of 3 recipients have the mail',
      detail: { code: 'smtp_550_5.1.1', remedy: expect.any(String) },
    });
    expect(JSON.stringify([failure.message, failure.detail, progress])).not.toMatch(/bob/);
    expect(envelopes()).toEqual([['ann@example.com', 'cy@example.com']]);
  });

  test('one refused and one put off: the step waits for the latter, then says who was refused', async () => {
    step.mails.failNext({ stage: 'rcpt', code: 550, text: '5.1.1 no', recipient: 'ann@example.com' });
    step.mails.failNext({ stage: 'rcpt', code: 450, text: '4.2.0 later', recipient: 'bob@example.com' });

    expect(await failureOf(step.attempt({ progress }, ALL))).toMatchObject({ errorClass: 'transient' });
    expect(await failureOf(step.attempt({ progress, attempt: 2 }, ALL))).toMatchObject({
      errorClass: 'permanent',
      message: expect.stringContaining('`to` (entry 1); 2 of 3 recipients have the mail'),
      detail: { code: 'smtp_550_5.1.1' },
    });
    expect(envelopes()).toEqual([['cy@example.com'], ['bob@example.com']]);
  });

  test('a limit of the account reached in the middle: the connection is parked, and the rest is sent later', async () => {
    step.mails.failNext({ stage: 'rcpt', code: 550, text: '5.4.5 Daily limit', recipient: 'cy@example.com' });

    expect(await failureOf(step.attempt({ progress }, ALL))).toMatchObject({
      errorClass: 'credential',
      detail: { code: 'smtp_550_5.4.5' },
    });
    await step.attempt({ progress, attempt: 2 }, ALL);
    expect(envelopes()).toEqual([['ann@example.com', 'bob@example.com'], ['cy@example.com']]);
  });

  test('the only recipient refused: nobody has the mail', async () => {
    step.mails.failNext({ stage: 'rcpt', code: 550, text: '5.1.1 no' });

    expect(await failureOf(step.attempt({ progress }))).toMatchObject({
      errorClass: 'permanent',
      message: 'the mail server refused the recipient (550 5.1.1)',
    });
    expect(step.mails.messages).toEqual([]);
  });

  test('an address that is named twice gets one mail', async () => {
    await step.attempt({ progress }, { to: ['ann@example.com', 'Ann <ann@EXAMPLE.com>'], cc: 'ann@example.com' });
    expect(envelopes()).toEqual([['ann@example.com']]);
  });

  test('addresses outside ASCII', async () => {
    step.mails.failNext({ stage: 'rcpt', code: 450, recipient: 'jörg@bücher.example' });
    const input = { to: ['jörg@Bücher.example', 'info@bücher.example', 'ann@example.com'] };

    expect(await failureOf(step.attempt({ progress }, input))).toMatchObject({
      message: expect.stringContaining('`to` (entry 1); 2 of 3'),
    });
    await step.attempt({ progress, attempt: 2 }, input);
    expect(envelopes()).toEqual([['info@bücher.example', 'ann@example.com'], ['jörg@bücher.example']]);
  });
});

test('a server that takes no addresses outside ASCII', async () => {
  const step = await MailStep.start({ smtpUtf8: false });
  expect(await failureOf(step.attempt({}, { to: ['ann@example.com', 'jörg@example.com'] }))).toMatchObject({
    errorClass: 'permanent',
    message: expect.stringContaining('`to` (entry 2); 1 of 2'),
    detail: { code: 'smtp_553_5.6.7', remedy: expect.stringContaining('SMTPUTF8') },
  });
  await step.stop();
});
