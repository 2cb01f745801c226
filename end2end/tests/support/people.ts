// How people get in.
import { expect, type Page } from '@playwright/test';
import { world, type Login } from './world';

export const PASSWORD = 'quillmoss-demo';

export const OWNER: Login = { email: 'owner@example.com', password: PASSWORD, url: '/admin/sign-in' };

export function affiliate(name: 'mara' | 'elif' | 'dario' | 'tomas' | 'bruno' | 'sol'): Login {
  return { email: `${name}@example.com`, password: PASSWORD, url: '/sign-in' };
}

export async function signIn(page: Page, login: Login): Promise<void> {
  await page.goto(`${world().app}${login.url}`);
  await page.getByLabel('E-mail').fill(login.email);
  await page.getByLabel('Password').fill(login.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByText(login.email).first()).toBeAttached();
  await expect(page).not.toHaveURL(/sign-in/);
}
