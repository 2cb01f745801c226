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

export type Purchase = { payment_intent: string };

/** Plays a whole purchase; the order is as `POST /sandbox/purchases` takes it. */
export async function purchase(order: Record<string, unknown>): Promise<Purchase> {
  return control<Purchase>('purchases', order);
}

/** Gives back `amount` of a purchase, in minor units, and returns the refund's id when Purser has taken it in. */
export async function refund(bought: Purchase, amount: number): Promise<string> {
  const { id } = await control<{ id: string }>('refunds', { payment_intent: bought.payment_intent, amount });
  await settled();
  return id;
}

/** The customer disputes all of a purchase with their bank. */
export async function dispute(bought: Purchase): Promise<void> {
  await control('disputes', { payment_intent: bought.payment_intent });
  await settled();
}

/** Sets what the platform can send, in minor units. */
export async function balance(currency: string, available: number): Promise<void> {
  await control('balance', { currency, available });
}

/** Makes the next `times` transfers go wrong. */
export async function failTransfers(fault: string, times: number): Promise<void> {
  await control('faults', [{ match: { method: 'POST', path: '/v1/transfers' }, times, fault }]);
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
