import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const GONE_WITHIN_MS = 10_000;

/**
 * The folder that everything of one test file lives in. Every process of a bridge or a Temporal server started below it
 * names it on its command line or in its environment, which is how they are found again, also those that a killed
 * bridge left behind.
 */
export class RunFolder {
  #folders = 0;

  private constructor(
    readonly path: string,
    private readonly leash: ChildProcess,
  ) {}

  /** Makes one, and a process beside it (leash.cjs) that ends all that is left should this process be killed itself. */
  static make(): RunFolder {
    const path = mkdtempSync(join(tmpdir(), 'bridge-chaos-'));
    const leash = spawn(process.execPath, [join(__dirname, 'leash.cjs'), path], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    return new RunFolder(path, leash);
  }

  /** A new folder for one data folder. */
  folder(): string {
    this.#folders += 1;
    const path = join(this.path, String(this.#folders));
    mkdirSync(path);
    return path;
  }

  /** Ids of the processes that belong to this folder and live. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== this.leash.pid)
      .filter((name) => belongs(name, this.path))
      .map(Number);
  }

  /**
   * Removes the folder.
   * @throws Error naming the processes that should have ended and had to be killed.
   */
  async end(): Promise<void> {
    const deadline = performance.now() + GONE_WITHIN_MS;
    while (this.processes().length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const left = this.processes();
    for (const pid of left) {
      kill(pid);
    }
    this.leash.stdin?.end();
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    if (left.length > 0) {
      throw new Error(`processes outlived the test: ${left.join(', ')}`);
    }
  }
}

function belongs(pid: string, path: string): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(path) ||
      readFileSync(`/proc/${pid}/environ`, 'latin1').includes(path)
    );
  } catch {
    // It ended while we looked, or is somebody else's.
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
