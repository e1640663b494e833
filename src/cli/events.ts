import type { Command } from 'commander';
import { defineAccept } from './accept';
import { defineListEvents } from './list-events';
import { defineRetry } from './retry';
import { defineShowEvent } from './show-event';

/** `bridge events`: the events that came, and what was done for them. */
export function defineEvents(events: Command): void {
  defineListEvents(events.command('list'));
  defineShowEvent(events.command('show'));
  defineRetry(events);
  defineAccept(events);
}
