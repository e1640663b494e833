// @ts-check
/**
 * Runs beside a test file and waits for its end, however that comes; then it kills what still belongs to the folder it
 * was given (processes whose command line or environment names it), and unmounts what is mounted there. Tests end their
 * processes themselves; this is for a test process that was killed.
 */
const { spawnSync } = require('node:child_process');
const { readdirSync, readFileSync, rmSync } = require('node:fs');

const folder = process.argv[2] ?? '';
const ROUNDS = 5;

/** @param {string} pid */
function belongs(pid) {
  try {
    return (
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(folder) ||
      readFileSync(`/proc/${pid}/environ`, 'latin1').includes(folder)
    );
  } catch {
    return false;
  }
}

function end() {
  // Several times: a bridge that is just being killed may have started a child that was not seen.
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const pid of readdirSync('/proc').filter(
      (name) => /^\d+$/.test(name) && Number(name) !== process.pid && belongs(name),
    )) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It has just ended.
      }
    }
  }
  for (const line of readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((mount) => mount.includes(folder))) {
    spawnSync('umount', ['--lazy', line.split(' ')[1] ?? '']);
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}

if (folder.includes('bridge-chaos-')) {
  process.stdin.on('end', end).on('error', end).resume();
}
