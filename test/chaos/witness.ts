import type { Providers } from '../e2e/providers';
import type { HttpSink } from './http-sink';

/** What was done at a provider, by the subject that it was done for. */
export interface Effect {
  action: 'hubspot.log_call' | 'slack.post_message' | 'voipbin.send_message' | 'email.send' | 'http.request';
  /** The subject's id; null when the effect names none, which is a finding. */
  subject: string | null;
  /** Tells effects apart that count as one when repeated: the Message-ID of a mail. */
  under: string;
}

/** Texts of the rules hold the subject's id in these words. */
export const TEXTS = { slack: 'call {{ id }} ended', sms: 'answer to {{ id }}', mail: 'call {{ id }} ended' } as const;

const LOOK_EVERY_MS = 20;
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const SLACK = new RegExp(`^call (${UUID}) ended$`);
const SMS = new RegExp(`^answer to (${UUID})$`);
const EXTERNAL_ID = new RegExp(`^call_hangup/(${UUID})/`);

/** Records all effects at the stand-ins, also those that they themselves no longer remember. */
export class Witness {
  readonly #slack = new Set<Providers['slack']['messages'][number]>();
  readonly #sms = new Set<Providers['voipbin']['sent'][number]>();
  readonly #mails = new Set<Providers['email']['messages'][number]>();
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly providers: Providers,
    private readonly http: HttpSink | null = null,
  ) {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Everything done so far; that of each action in the order in which it was done. */
  effects(): Effect[] {
    this.#look();
    return [
      ...this.providers.hubspot.calls.map(({ id, properties }): Effect => ({
        action: 'hubspot.log_call',
        subject: idIn(EXTERNAL_ID, properties['hs_call_external_id']),
        under: id,
      })),
      ...[...this.#slack].map(({ ts, text }): Effect => ({
        action: 'slack.post_message',
        subject: idIn(SLACK, text),
        under: ts,
      })),
      ...[...this.#sms].map(({ id, text }): Effect => ({
        action: 'voipbin.send_message',
        subject: idIn(SMS, text),
        under: id,
      })),
      ...[...this.#mails].map(({ messageId, subject }): Effect => ({
        action: 'email.send',
        subject: idIn(SLACK, subject),
        under: messageId,
      })),
      ...(this.http?.effects() ?? []),
    ];
  }

  #look(): void {
    this.providers.slack.messages.forEach((message) => this.#slack.add(message));
    this.providers.voipbin.sent.forEach((text) => this.#sms.add(text));
    this.providers.email.messages.forEach((mail) => this.#mails.add(mail));
  }
}

function idIn(pattern: RegExp, text: string | undefined): string | null {
  return pattern.exec(text ?? '')?.[1] ?? null;
}
