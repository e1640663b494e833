import { createHash } from 'node:crypto';

/** Namespace of the bridge's own version 5 UUIDs; chosen once and never changed: pending retries depend on it. */
const NAMESPACE = Buffer.from('6d1f0a3c5b7e4c1f9a2d8e4b7c6f5a10', 'hex');

/**
 * The UUID of an action key (RFC 9562 version 5, over SHA-1): the same on every retry and on every machine, for
 * providers that recognise a repeated request by a UUID. The key holds a resource id, which cannot be derived from the
 * UUID.
 */
export function keyUuid(key: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(key, 'utf8').digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
