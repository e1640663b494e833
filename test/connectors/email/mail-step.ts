import { ActionError } from '../../../src/connectors/action-error';
import { readMailbox } from '../../../src/connectors/email/addresses';
import { Mailer, type MailTimeouts } from '../../../src/connectors/email/mailer';
import { sendMail } from '../../../src/connectors/email/send';
import { readSmtpUrl, type SmtpServer } from '../../../src/connectors/email/smtp-url';
import { startEmailStandIn, type EmailStandIn, type EmailStandInOptions } from '../../../src/connectors/email/stand-in';
import { VoipbinClient } from '../../../src/connectors/voipbin/client';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../../src/connectors/voipbin/stand-in/server';
import type { JsonObject } from '../../../src/events/json';
import { HostList } from '../../../src/net/host-list';
import { Secret } from '../../../src/settings/secret';
import { finishedRecording, runAttempt, type StepSetting } from '../voipbin/run-action';

export const MINUTE = 60_000;
const MAIL = { to: 'ann@example.com', subject: 'Recording', text: 'A call was recorded.' };

/** The action `email.send` against a mail server and a VoIPBIN, both stand-ins. */
export class MailStep {
  private constructor(
    readonly mails: EmailStandIn,
    readonly voipbin: VoipbinStandIn,
    readonly voipbinClient: VoipbinClient,
    readonly mailer: Mailer,
  ) {}

  static async start(options: EmailStandInOptions = {}): Promise<MailStep> {
    const mails = await startEmailStandIn(options);
    const voipbin = await startVoipbinStandIn({ unknownRecordingsExist: false });
    const client = new VoipbinClient({
      apiUrl: voipbin.url,
      accessKey: new Secret('vb_stand-in'),
      downloadAllow: HostList.EMPTY,
    });
    return new MailStep(mails, voipbin, client, openMailer(mails.url));
  }

  /** Another connection to a mail server; whoever opens it closes it. */
  open(url: string, timeouts?: Partial<MailTimeouts>, server: Partial<SmtpServer> = {}): Mailer {
    return openMailer(url, timeouts, server);
  }

  /** One attempt at the step, for a finished recording `r-1` unless the setting says otherwise. */
  attempt(setting: Partial<StepSetting<Mailer>> = {}, input: JsonObject = {}) {
    const event = finishedRecording('r-1');
    return runAttempt(
      sendMail,
      { client: this.mailer, event, clients: { voipbin: this.voipbinClient }, ...setting },
      { ...MAIL, ...input },
    );
  }

  async stop(): Promise<void> {
    await this.mailer.close();
    await Promise.all([this.voipbinClient.close(), this.mails.stop(), this.voipbin.stop()]);
  }
}

function openMailer(url: string, timeouts?: Partial<MailTimeouts>, changes: Partial<SmtpServer> = {}): Mailer {
  const from = readMailbox('Bridge <bridge@example.org>');
  const read = readSmtpUrl(url);
  if (from === null || 'problem' in read) {
    throw new Error('a test with a wrong sender or URL');
  }
  return new Mailer({
    server: { ...read.server, ...changes },
    from,
    maxAttachmentBytes: 1_000_000,
    timeouts: { connect: 2_000, silence: 2_000, ...timeouts },
  });
}

/** The error that a step fails with. */
export async function failureOf(running: Promise<unknown>): Promise<ActionError> {
  const error: unknown = await running.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ActionError)) {
    throw new Error('expected an ActionError');
  }
  return error;
}

/** The time so many milliseconds ago. */
export function ago(ms: number): Date {
  return new Date(Date.now() - ms);
}
