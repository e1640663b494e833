import { cpus, release, totalmem, type } from 'node:os';
import { findTemporalCli } from '../src/temporal/dev-server/find-cli';

/** The machine of a measurement. */
export interface Machine {
  cpu: string;
  cores: number;
  memory_gib: number;
  system: string;
  node: string;
  temporal_cli: string;
}

/** Describes this machine; downloads a Temporal CLI when there is none. */
export async function describeMachine(): Promise<Machine> {
  const cores = cpus();
  const cli = await findTemporalCli({ env: process.env, onProgress: (line) => process.stderr.write(`${line}\n`) });
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memory_gib: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    system: `${type()} ${release()}`,
    node: process.versions.node,
    temporal_cli: cli.version,
  };
}
