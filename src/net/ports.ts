import { StartError } from '../errors/start-errors';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { basename } from 'node:path';

/** The program that listens on a port. */
export interface PortHolder {
  pid: number;
  /**
   * The program's name, for interpreters with its script's: `node server.js`. Never its other arguments: they may hold
   * secrets.
   */
  program: string;
}

/**
 * A port cannot be listened on. The message names the port, the program that uses it, and the setting that chooses
 * another port.
 */
export class PortUnavailable extends StartError {
  override readonly name = 'PortUnavailable';
  readonly code = 'port_in_use';

  constructor(
    readonly port: number,
    message: string,
  ) {
    super(message);
  }
}

const LISTENING = '0A';
const INTERPRETERS = /^(?:node|nodejs|python[\d.]*|ruby|java|sh|bash|bun|deno)$/;

/**
 * Returns the program that listens on a TCP port of this machine. Linux only, and only for processes of the same user
 * (all processes for root).
 *
 * @returns null when no program does, or when it cannot be found out.
 */
export function describePortHolder(port: number): PortHolder | null {
  if (process.platform !== 'linux') {
    return null;
  }
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeningInodes(table, port)));
  if (inodes.size === 0) {
    return null;
  }
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    if (holdsSocket(name, inodes)) {
      return { pid: Number(name), program: programOf(name) };
    }
  }
  return null;
}

/**
 * Returns the message for the operator about a port that is in use.
 *
 * @param options.purpose what the port is for, as the start of a sentence: `The webhook`.
 * @param options.setting the setting that chooses the port: `PORT`.
 */
export function portTakenMessage(options: {
  port: number;
  purpose: string;
  setting: string;
  holder: PortHolder | null;
}): string {
  const { port, purpose, setting, holder } = options;
  const by = holder === null ? 'another program' : `${holder.program} (process ${holder.pid})`;
  return `${purpose} cannot listen on port ${port}: ${by} uses it. Stop that program, or choose another port with ${setting}.`;
}

/** A port to listen on; 0 for any free one. */
export interface WantedPort {
  port: number;
  purpose: string;
  setting: string;
}

/**
 * Checks that ports are free, and chooses free ones for those that are 0. All are different. Not guaranteed: that
 * another program does not take one right afterwards.
 *
 * @throws PortUnavailable
 */
export async function reservePorts(ip: string, wanted: readonly WantedPort[]): Promise<number[]> {
  const servers: Server[] = [];
  const ports: number[] = [];
  try {
    for (const want of wanted) {
      const same = wanted.find((other) => other !== want && other.port === want.port && want.port !== 0);
      if (same !== undefined) {
        throw new PortUnavailable(
          want.port,
          `${want.setting} and ${same.setting} are both ${want.port}: they must differ.`,
        );
      }
      const server = createServer();
      servers.push(server);
      ports.push(await listen(server, ip, want));
    }
    return ports;
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

function listen(server: Server, ip: string, want: WantedPort): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      const message = taken
        ? portTakenMessage({ ...want, holder: describePortHolder(want.port) })
        : `${want.purpose} cannot listen on ${ip}, port ${want.port} (${error.code ?? error.message}). Choose another port with ${want.setting}.`;
      reject(new PortUnavailable(want.port, message));
    });
    server.listen({ host: ip, port: want.port, exclusive: true }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : want.port);
    });
  });
}

function listeningInodes(table: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  try {
    return readFileSync(table, 'utf8')
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
        return local?.split(':')[1] === wanted && state === LISTENING && inode !== undefined ? [inode] : [];
      });
  } catch {
    return [];
  }
}

function holdsSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return inodes.has(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? '');
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}

function programOf(pid: string): string {
  try {
    const [command = '', ...rest] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const name = basename(command);
    const script = INTERPRETERS.test(name) ? rest.find((argument) => /^[^-].*\.\w+$/.test(argument)) : undefined;
    return script === undefined ? name : `${name} ${basename(script)}`;
  } catch {
    return 'a program';
  }
}
/** A port that the bridge must listen on is in use. */
export class PortTaken extends StartError {
  override readonly name = 'PortTaken';
  readonly code = 'port_in_use';

  constructor(
    readonly port: number,
    readonly host: string,
    /** The setting that chooses the port: `PORT`, `BRIDGE_ADMIN_PORT`. */
    readonly setting: string,
  ) {
    super(
      `port ${port} on ${host} is taken by another program: stop that program, or choose another port with ${setting}`,
    );
  }
}

/** Turns "address in use" into {@link PortTaken}; returns other errors as they are. */
export function portError(error: unknown, port: number, host: string, setting: string): unknown {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EADDRINUSE'
    ? new PortTaken(port, host, setting)
    : error;
}
