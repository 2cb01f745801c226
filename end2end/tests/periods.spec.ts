// A month is over: an admin sees what finalizing it would lock, does it, and everybody reads that its lines are final. The
// month that runs is not to be finalized yet.
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { OWNER, affiliate, signIn } from './support/people';
import { world } from './support/world';

const PROGRAM = 'Quillmoss Partners';
// Has earned, and has no account to be paid on: what is final waits.
const WAITING = 'elif';

test('a month that is over is finalized after its figures were shown, and its lines say so', async ({ page, browser }) => {
  await signIn(page, OWNER);
  await page.goto(`${world().app}/admin/payouts`);
  await page.getByRole('link', { name: 'Commission periods' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Commission periods');
  const place = page.getByRole('link', { name: 'Payouts', exact: true }).first();
  await expect(place, 'its place in the navigation').toHaveAttribute('aria-current', 'page');
  const periods = page.getByRole('table', { name: new RegExp(`of ${PROGRAM}`) });
  const running = periods.getByRole('row').filter({ hasText: 'Open' });
  await expect(running).toContainText('Can be finalized from');
  const name = await running.getByRole('link').first().innerText();
  await running.getByRole('link', { name }).click();
  await expect(page.getByText('It is not over')).toBeVisible();
  await expect(page.getByRole('button', { name: /^Finalize/ })).toHaveCount(0);

  await page.getByRole('link', { name: PROGRAM, exact: true }).click();
  await periods.getByRole('link', { name: /^Finalize…/ }).press('Enter');
  const heading = page.getByRole('heading', { level: 1 });
  await expect(heading).toHaveText(/^Finalize \w+ \d{4}\?/);
  const month = (await heading.innerText()).match(/^Finalize (\w+ \d{4})\?/)![1];
  const figures = page.locator('.facts');
  const locks = (await figures.locator('dd').first().innerText()).match(/^[\d,]+\.\d\d/)![0];
  await expect(figures).toContainText(/\d+ lines/);
  await expect(page.getByText("It can't be undone")).toBeVisible();
  await accessible(page);
  await page.getByRole('button', { name: `Finalize ${locks} USD of ${month}` }).click();

  await expect(page.getByText(`${month} is final: ${locks} USD can be paid out.`)).toBeVisible();
  await expect(heading).toHaveText(new RegExp(`^${month}\\s*Final$`));
  await expect(page.getByText(new RegExp(`^Finalized on .* by ${OWNER.email}`))).toBeVisible();
  await expect(figures).toContainText('Was locked');
  await expect(figures).toContainText(locks);
  await accessible(page);
  await expect(page.getByRole('button', { name: /^Finalize/ })).toHaveCount(0);
  await page.getByRole('link', { name: 'Commission periods' }).click();
  await expect(periods.getByRole('row').filter({ hasText: month }).first()).toContainText('Final');
  await expect(periods.getByRole('link', { name: /^Finalize…/ })).toHaveCount(0);

  await page.goto(`${world().app}/admin/commissions?status=finalized&search=${WAITING}`);
  await readsFinal(page, month);
  const mine = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  await signIn(mine, affiliate(WAITING));
  await mine.goto(`${world().app}/earnings`);
  await readsFinal(mine, month);
});

async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((violation) => violation.id)).toEqual([]);
}

/** From a list: the line is final, and its page tells since when and with what. */
async function readsFinal(page: Page, month: string): Promise<void> {
  const commission = page.getByRole('link', { name: 'Commission', exact: true });
  const line = page.getByRole('row').filter({ hasText: 'Final', has: commission }).first();
  await expect(line).toContainText(/Waits for (the next payout|your payment method)/);
  await line.locator(commission).click();
  await expect(page.locator('.facts')).toContainText('Final since');
  await expect(page.locator('.facts')).toContainText(`with ${month}`);
  await expect(page.locator('.timeline li').last()).toContainText(`Finalized with ${month}`);
}
