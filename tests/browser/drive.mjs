// Drives Debian's chromium, headless, through pages as a person would: finds inputs by label, buttons by name.
//
// Reads one JSON object from standard input:
//   url, steps, until (text that the final address contains, or null), screenshots_dir, profile_dir, executable,
//   as_root, color_scheme, width, height, limit_ms
// Steps: {"fill": label or name, "with": text} | {"click": name of button or link} | {"wait_for": text on the page}
// Prints one JSON object: url, title, text, status, pages, external_requests, problem (null, or what went wrong).

import { createRequire } from 'node:module';

// The packages are installed beside the test servers.
const require = createRequire(new URL('../servers/package.json', import.meta.url));
const { chromium } = require('playwright-core');

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);
const parts = [];
for await (const part of process.stdin) parts.push(part);
const job = JSON.parse(Buffer.concat(parts));

const browser = await chromium.launchPersistentContext(job.profile_dir, {
  executablePath: job.executable,
  headless: true,
  chromiumSandbox: !job.as_root,
  colorScheme: job.color_scheme,
  viewport: { width: job.width, height: job.height },
  args: [
    '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]',
  ],
});
browser.setDefaultTimeout(job.limit_ms);
const tab = browser.pages()[0] ?? await browser.newPage();

const external = new Set();
const seen = [];
let status = null;
tab.on('request', (request) => {
  const url = new URL(request.url());
  if (url.protocol.startsWith('http') && !LOOPBACK.has(url.hostname)) external.add(url.origin);
});
tab.on('response', (response) => {
  if (response.request().isNavigationRequest() && response.frame() === tab.mainFrame()) status = response.status();
});

async function look() { // one screenshot for each state that a person would see
  await tab.waitForLoadState();
  const title = await tab.title();
  const slug = title.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 40) || 'page';
  const file = `${String(seen.length + 1).padStart(2, '0')}-${slug}.png`;
  await tab.screenshot({ path: `${job.screenshots_dir}/${file}`, fullPage: true });
  seen.push({ title, screenshot: file });
}

async function take(step) {
  if (step.fill !== undefined) {
    await tab.getByLabel(step.fill, { exact: true }).or(tab.locator(`[name="${step.fill}"]`)).first().fill(step.with);
  } else if (step.click !== undefined) {
    const named = { name: step.click, exact: true };
    const target = tab.getByRole('button', named).or(tab.getByRole('link', named)).first();
    await target.waitFor();
    await look();
    await Promise.all([tab.waitForEvent('framenavigated'), target.click()]);
  } else if (step.wait_for !== undefined) {
    await tab.getByText(step.wait_for).first().waitFor();
  } else {
    throw new Error(`no such step: ${JSON.stringify(step)}`);
  }
}

let problem = null;
try {
  await tab.goto(job.url);
  for (const step of job.steps) await take(step);
  if (job.until !== null) await tab.waitForURL((url) => url.href.includes(job.until));
} catch (error) {
  problem = error.message;
}
await look().catch((error) => { problem ??= error.message; });
console.log(JSON.stringify({
  url: tab.url(),
  title: await tab.title().catch(() => ''),
  text: await tab.innerText('body').catch(() => ''),
  status,
  pages: seen,
  external_requests: [...external],
  problem,
}));
await browser.close();
