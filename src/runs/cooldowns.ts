import type { Cooldowns } from '../connectors/action-context';
import type { TemporalClaims } from './claims';
import type { EarlierClaims } from './earlier-claims';

/** Cooldowns held by Temporal, across workers, receivers and restarts: a claim on a key that admits one owner. */
export class TemporalCooldowns implements Cooldowns {
  constructor(
    private readonly claims: TemporalClaims,
    private readonly earlier: EarlierClaims,
  ) {}

  /** Claims a cooldown. An owner that holds it already claims it again. @throws as {@link TemporalClaims.claim}. */
  async claim(key: string, windowMs: number, owner: string): Promise<'claimed' | 'held'> {
    const holder = await this.earlier.holderOf(key);
    if (holder !== null) {
      return holder === owner ? 'claimed' : 'held';
    }
    return this.claims.claim({ key, owner, max: 1, keepMs: windowMs });
  }

  /** Ends the owner's claim early. No effect when another owner holds the cooldown. @throws what the client throws. */
  async release(key: string, owner: string): Promise<void> {
    await this.earlier.release(key, owner);
    await this.claims.release(key, owner);
  }
}
