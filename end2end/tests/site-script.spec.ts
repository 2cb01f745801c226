// `/purser.js` on a company's own site, which is of another origin: what it keeps, what it completes, what it leaves alone, and
// the whole way from a referral link over such a page to a commission.
import { expect, test, type Page } from '@playwright/test';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OWNER, affiliate, signIn } from './support/people';
import { settled } from './support/sandbox';
import { world } from './support/world';

const CLICK = /^clk_[0-9a-z]{26}$/;
const ELSEWHERE = 'https://other.example.com/?a=1';
const BODY = `
  <h1>A site of one's own</h1>
  <a id="link" href="https://buy.stripe.com/test_1?prefilled_email=a%20b%40example.com">Buy</a>
  <a id="marked" href="https://buy.stripe.com/test_2?client_reference_id=mine">Buy with my own reference</a>
  <a id="other" href="${ELSEWHERE}">Elsewhere</a>
  <stripe-pricing-table id="table" pricing-table-id="prctbl_1"></stripe-pricing-table>
  <stripe-buy-button id="button" client-reference-id="mine"></stripe-buy-button>`;

let site: Server;
let home: string;
/** Written into the tag. */
let options = '';

test.beforeAll(async () => {
  site = createServer((_, answer) => {
    const own = `<a id="own" href="${world().sandbox}/buy/wall">Buy the wall calendar</a>`;
    const tag = `<script src="${world().app}/purser.js" data-links="${new URL(world().sandbox).host}" ${options}></script>`;
    answer.setHeader('content-type', 'text/html; charset=utf-8');
    answer.end(`<!doctype html><html lang="en"><head><title>Site</title>${tag}</head><body>${BODY}${own}</body></html>`);
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  home = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
});

test.afterAll(() => {
  site.close();
});

let thrown: string[] = [];

test.beforeEach(({ page }) => {
  options = '';
  thrown = [];
  page.on('pageerror', (error) => thrown.push(error.message));
});

test.afterEach(() => {
  expect(thrown, 'the script never disturbs the page').toEqual([]);
});

const referral = (page: Page) => page.evaluate(() => (window as unknown as { Purser: { referral(): string | null } }).Purser.referral());
const code = (page: Page) => page.evaluate(() => (window as unknown as { Purser: { code(): string | null } }).Purser.code());
const consent = (page: Page, given: boolean) =>
  page.evaluate((given) => (window as unknown as { Purser: { consent(given: boolean): void } }).Purser.consent(given), given);

/** A click of the affiliate's, as the referral link makes it. */
async function clickOf(name: string): Promise<string> {
  const answer = await fetch(`${world().app}/r/${name}`, { redirect: 'manual' });
  const click = new URL(answer.headers.get('location')!).searchParams.get('purser_click');
  expect(click).toMatch(CLICK);
  return click!;
}

async function cookies(page: Page): Promise<Record<string, string>> {
  return Object.fromEntries((await page.context().cookies(home)).map(({ name, value }) => [name, value]));
}

test('a visit is kept, completes what leads to Stripe, and leaves the rest alone', async ({ page }) => {
  const click = await clickOf('mara');
  await page.goto(`${home}/?via=mara&purser_click=${click}`);
  expect([await referral(page), await code(page)]).toEqual([click, 'mara']);
  await expect(page.locator('#link')).toHaveAttribute(
    'href',
    `https://buy.stripe.com/test_1?prefilled_email=a%20b%40example.com&client_reference_id=${click}`,
  );
  await expect(page.locator('#table')).toHaveAttribute('client-reference-id', click);
  await expect(page.locator('#marked')).toHaveAttribute('href', /client_reference_id=mine$/);
  await expect(page.locator('#button')).toHaveAttribute('client-reference-id', 'mine');
  await expect(page.locator('#other')).toHaveAttribute('href', ELSEWHERE);

  const kept = (await page.context().cookies(home)).find(({ name }) => name === 'purser_referral');
  expect(kept).toMatchObject({ value: click, path: '/', sameSite: 'Lax', secure: false });
  const days = (kept!.expires - Date.now() / 1000) / 86_400;
  expect(Math.round(days)).toBe(60);

  await page.goto(`${home}/later`);
  expect([await referral(page), await code(page)], 'on a later page, from the cookies').toEqual([click, 'mara']);
  await expect(page.locator('#table')).toHaveAttribute('client-reference-id', click);
});

test('what is inserted or changed later is completed too', async ({ page }) => {
  const click = await clickOf('mara');
  await page.goto(`${home}/?via=mara&purser_click=${click}`);
  await page.evaluate(() => {
    document.body.insertAdjacentHTML(
      'beforeend',
      '<div><a id="late" href="https://buy.stripe.com/late#top">Buy</a><stripe-buy-button id="later"></stripe-buy-button></div>',
    );
    document.querySelector('#other')!.setAttribute('href', 'https://donate.stripe.com/changed');
    const host = document.body.appendChild(document.createElement('div'));
    host.id = 'host';
    host.attachShadow({ mode: 'open' }).innerHTML = '<a id="inside" href="https://buy.stripe.com/inside" target="_blank">Buy</a>';
    host.shadowRoot!.querySelector('a')!.addEventListener('click', (event) => event.preventDefault());
  });
  await expect(page.locator('#late')).toHaveAttribute('href', `https://buy.stripe.com/late?client_reference_id=${click}#top`);
  await expect(page.locator('#later')).toHaveAttribute('client-reference-id', click);
  await expect(page.locator('#other')).toHaveAttribute('href', `https://donate.stripe.com/changed?client_reference_id=${click}`);
  await page.locator('#inside').click();
  await expect(page.locator('#inside')).toHaveAttribute('href', `https://buy.stripe.com/inside?client_reference_id=${click}`);
});

test('a plain link with a code becomes a click, once', async ({ page }) => {
  let told = 0;
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/clicks')) told += 1;
  });
  await page.goto(`${home}/?via=Mara`);
  await expect.poll(() => referral(page)).toMatch(CLICK);
  const click = (await referral(page))!;
  await expect(page.locator('#table')).toHaveAttribute('client-reference-id', click);
  await expect(page.locator('#link')).toHaveAttribute('href', new RegExp(`client_reference_id=${click}$`));
  expect(await cookies(page)).toEqual({ purser_referral: click, purser_code: 'mara' });
  expect(told).toBe(1);

  await page.goto(`${home}/?via=nobody-has-this`);
  expect(await referral(page), 'the last one counts, and a code credits without a click').toBe('nobody-has-this');
});

test('an older click from a bookmark does not replace a newer one', async ({ page }) => {
  const older = await clickOf('mara');
  const newer = await clickOf('sol');
  await page.goto(`${home}/?via=sol&purser_click=${newer}`);
  await page.goto(`${home}/?via=mara&purser_click=${older}`);
  expect([await referral(page), await code(page)]).toEqual([newer, 'sol']);
});

test('where the first click counts, a later one does not replace it', async ({ page }) => {
  await page.route('**/purser.js', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replace('"rule":"last"', '"rule":"first"') });
  });
  const [first, second] = [await clickOf('sol'), await clickOf('mara')];
  await page.goto(`${home}/?via=sol&purser_click=${first}`);
  await page.goto(`${home}/?via=mara&purser_click=${second}`);
  expect([await referral(page), await code(page)]).toEqual([first, 'sol']);
});

test('without consent nothing is kept; with it, it is; withdrawn, it is forgotten', async ({ page }) => {
  options = 'data-consent="required"';
  const click = await clickOf('mara');
  await page.goto(`${home}/?via=mara&purser_click=${click}`);
  expect(await cookies(page)).toEqual({});
  expect(await referral(page), 'the address of the page itself counts').toBe(click);
  await page.goto(`${home}/later`);
  expect(await referral(page)).toBeNull();
  await expect(page.locator('#table')).not.toHaveAttribute('client-reference-id');

  await page.goto(`${home}/?via=mara&purser_click=${click}`);
  await consent(page, true);
  expect(await cookies(page)).toEqual({ purser_referral: click, purser_code: 'mara' });
  await page.goto(`${home}/later`);
  expect(await referral(page), 'each page asks anew').toBeNull();
  await consent(page, true);
  expect(await referral(page)).toBe(click);
  await consent(page, false);
  expect([await referral(page), await cookies(page)]).toEqual([null, {}]);
});

test('what an address may not carry is not taken', async ({ page }) => {
  await page.goto(`${home}/?via=%3Cscript%3E&purser_click=clk_short`);
  expect([await referral(page), await code(page), await cookies(page)]).toEqual([null, null, {}]);
  await expect(page.locator('#link')).not.toHaveAttribute('href', /client_reference_id/);
});

test('from a referral link over a page with the script and a payment link to a commission', async ({ browser, page }) => {
  const click = await clickOf('sol');
  await page.goto(`${home}/?via=sol&purser_click=${click}`);
  await page.goto(`${home}/pricing`);
  await page.locator('#own').click();
  await expect(page).toHaveURL(`${world().sandbox}/buy/wall?client_reference_id=${click}`);
  await page.getByLabel('Your e-mail').fill('script.customer@example.org');
  await page.getByRole('button', { name: 'Pay now' }).click();
  await expect(page.getByText(click)).toBeVisible();
  await settled();

  const mine = await (await browser.newContext()).newPage();
  await signIn(mine, affiliate('sol'));
  await mine.goto(`${world().app}/earnings`);
  await expect(mine.getByRole('row').nth(1)).toContainText('22.25');
  await mine.getByRole('row').nth(1).getByText('How it came about').click();
  await expect(mine.getByText(/through your referral link/).first()).toBeVisible();
});

test('the Integrate page has the tag of this installation, and its live check follows what arrives', async ({ page, browser }) => {
  await signIn(page, OWNER);
  await page.goto(`${world().app}/admin/integrate`);
  const tag = `<script async src="${world().app}/purser.js`;
  await expect(page.locator('.snippet code').first()).toContainText(tag);
  await clickOf('mara');
  const check = page.locator('#live-check');
  await expect(check.getByText(/Last click \d+ s ago/)).toBeVisible({ timeout: 10_000 });
  await expect(check.getByText(/Last webhook/)).toBeVisible();
  await expect(check.getByText('Good').first()).toBeVisible();

  const plain = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  await signIn(plain, OWNER);
  await plain.goto(`${world().app}/admin/integrate`);
  await expect(plain.locator('#live-check').getByText(/Last click/)).toBeVisible();
  await plain.locator('summary', { hasText: 'Python' }).click();
  await expect(plain.getByText('stripe.checkout.Session.create(')).toBeVisible();
  await expect(plain.getByRole('button', { name: /Copy/ })).toHaveCount(0);
});
