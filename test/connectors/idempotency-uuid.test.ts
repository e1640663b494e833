import { keyUuid } from '../../src/connectors/idempotency-uuid';

describe('the UUID of an action key', () => {
  it('is the same whenever and wherever it is made', () => {
    expect(keyUuid('call_hangup/5371/missed/slack.post_message#1')).toBe(
      keyUuid('call_hangup/5371/missed/slack.post_message#1'),
    );
    // Fixed for good: retries under way while the bridge is updated depend on it.
    expect(keyUuid('a/b/c')).toBe('7e3b566c-0e05-5a5d-b78d-e38edbc64a24');
  });

  it('differs from key to key, in the form of version 5', () => {
    const uuids = Array.from({ length: 200 }, (_, index) => keyUuid(`event/${index}/step`));
    expect(new Set(uuids).size).toBe(200);
    for (const uuid of uuids) {
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });
});
