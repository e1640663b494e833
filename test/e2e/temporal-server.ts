/**
 * The Temporal server that the end-to-end tests share: started by global-setup.ts, known to the tests by its address.
 */

/** Where global-setup.ts leaves the address. */
export const ADDRESS_VARIABLE = 'BRIDGE_TEST_TEMPORAL_ADDRESS';

/** `host:port` of the shared server. Throws when the end-to-end project's global set-up did not run. */
export function temporalAddress(): string {
  const address = process.env[ADDRESS_VARIABLE];
  if (address === undefined) {
    throw new Error(`${ADDRESS_VARIABLE} is not set: run these tests as jest's project e2e`);
  }
  return address;
}
