import type { HostList } from '../../net/host-list';
import type { Answered, OutgoingRequest, Sender } from './send';

/** The `http` connection: the private hosts that requests may reach, and connections that are still open. */
export class HttpClient {
  #sender: Promise<Sender> | null = null;

  constructor(private readonly allow: HostList) {}

  /** Sends a request: see {@link Sender}. The HTTP library is loaded with the first one. */
  async send(outgoing: OutgoingRequest, cancelled: AbortSignal): Promise<Answered> {
    this.#sender ??= import('./send.js').then((library) => new library.Sender(this.allow));
    return (await this.#sender).send(outgoing, cancelled);
  }

  /** Closes the connections that are open, with what is under way on them. */
  async close(): Promise<void> {
    await (await this.#sender)?.close();
  }
}
