import type { FindingCode } from '../errors/finding-codes';
import type { SettingName } from './definitions';

/** Reports what is wrong with a setting, or with one item of its list. */
export type Report = (name: SettingName, code: FindingCode, message: string, hint?: string, item?: number) => void;
