// The sandbox's controls, as a rehearsal uses them: time, webhooks, connected accounts, and the judge of double payment.
import { expect } from '@playwright/test';
import { world } from './world';

async function control<T>(name: string, order: unknown): Promise<T> {
  const answer = await fetch(`${world().sandbox}/sandbox/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(order),
  });
  expect(answer.status, `POST /sandbox/${name}: ${await answer.clone().text()}`).toBe(200);
  return (await answer.json()) as T;
}

/** Moves the clock of Stripe and of Purser; renewals and maturity happen on the way. */
export async function advance(by: { days?: number; hours?: number }): Promise<void> {
  await control('advance', by);
  await settled();
}

/** Plays a whole purchase; the order is as `POST /sandbox/purchases` takes it. */
export async function purchase(order: Record<string, unknown>): Promise<void> {
  await control('purchases', order);
}

/** Returns when every webhook has been taken in. */
export async function settled(): Promise<void> {
  expect(await control<{ settled: boolean }>('settle', {})).toEqual({ settled: true });
}

export type Transfers = { destination: string; payout_item_id: string; currency: string; transfers: number; amount: number };

export async function transfers(): Promise<Transfers[]> {
  const answer = await fetch(`${world().sandbox}/sandbox/transfers/summary`);
  return ((await answer.json()) as { data: Transfers[] }).data;
}
