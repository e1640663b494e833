/** A port that the bridge should listen on is taken. */
export class PortTaken extends Error {
  override readonly name = 'PortTaken';

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

/** Turns "address in use" into {@link PortTaken}; gives other errors back as they are. */
export function portError(error: unknown, port: number, host: string, setting: string): unknown {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EADDRINUSE'
    ? new PortTaken(port, host, setting)
    : error;
}
