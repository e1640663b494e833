import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { runningServer } from '../../src/temporal/dev-server/pid-file';
import { nowMs, until } from '../../bench/clock';
import { RunningBridge } from '../e2e/running-bridge';

jest.setTimeout(300_000);

/** As many as the bridge has connections to a mail server. */
const MAILS = 3;
/** Temporal's SDK gives up reporting an attempt to a server that does not answer. */
const GIVES_UP_WITHIN_MS = 25_000;
const RULES = `version: 1
rules:
  - name: mail
    on: call_hangup
    do:
      - email.send: { to: ann@example.com, subject: "{{ id }}", text: A call ended. }
`;

/** A mail server that takes mails and does not confirm them until it is told to. */
class SlowMailServer {
  /** Message-IDs of all mails that it took, in order of arrival. */
  readonly taken: string[] = [];
  readonly #unconfirmed: (() => void)[] = [];
  #isHolding = true;
  readonly #server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    disableReverseLookup: true,
    onData: (stream, _session, confirm) => {
      let source = '';
      stream.on('data', (chunk: Buffer) => (source += chunk.toString()));
      stream.on('end', () => {
        this.taken.push(/^Message-ID:\s*(.*)$/im.exec(source)?.[1] ?? '');
        if (this.#isHolding) {
          this.#unconfirmed.push(() => confirm());
        } else {
          confirm();
        }
      });
    },
  });

  async listen(): Promise<string> {
    const listening = this.#server.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    // The server listens on TCP, so it has an address and a port.
    return `smtp://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  }

  /** Confirms what it took, and from now on at once. */
  confirm(): void {
    this.#isHolding = false;
    this.#unconfirmed.splice(0).forEach((confirm) => confirm());
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(resolve));
  }
}

describe('mails that are confirmed while Temporal is frozen, and then killed', () => {
  const mailServer = new SlowMailServer();
  let bridge: RunningBridge;

  beforeAll(async () => {
    const url = await mailServer.listen();
    bridge = await RunningBridge.ready({ rules: RULES, env: { SMTP_URL: url, MAIL_FROM: 'bridge@example.com' } });
  });
  afterAll(async () => {
    mailServer.confirm();
    await bridge.remove();
    await mailServer.close();
  });

  it('are sent once, and their runs end as done', async () => {
    const ids = Array.from({ length: MAILS }, (_, index) => `frozen-${index}`);
    for (const id of ids) {
      await bridge.post({ type: 'call_hangup', data: { id, direction: 'incoming' } });
    }
    await bridge.eventually('the mail server has all mails', () => (mailServer.taken.length === MAILS ? true : null));
    const temporal = runningServer(bridge.dataDir)?.pid ?? 0;
    process.kill(temporal, 'SIGSTOP');
    mailServer.confirm();
    // The worker has written them down by the time that it reports them.
    await bridge.eventually('the worker knows that they are sent', async () => {
      const metrics = await (await fetch(`${bridge.admin}/metrics`)).text();
      const done = /^bridge_step_attempts_total\{action="email.send",outcome="done",class=""\} (\d+)$/m.exec(metrics);
      return Number(done?.[1] ?? 0) === MAILS ? true : null;
    });
    await until(nowMs() + GIVES_UP_WITHIN_MS);
    process.kill(temporal, 'SIGKILL');

    for (const id of ids) {
      await bridge.eventually(
        `the run of ${id} has ended`,
        async () => {
          const { stdout } = await bridge.run('events', 'show', `call_hangup/${id}`);
          return /email\.send#1 \(email\.send\) done/.test(stdout) ? true : null;
        },
        120_000,
      );
    }
    expect(mailServer.taken).toHaveLength(MAILS);
    expect(new Set(mailServer.taken).size).toBe(MAILS);
  });
});
