// Prints the aria snapshots that Playwright makes of the pages whose paths come on stdin,
// as JSON: {path: {Text, MS}}. Arguments: the playwright-core module and the site's address.
const { readFileSync } = require('node:fs');
const [module_, site] = process.argv.slice(2);
const { chromium } = require(module_);

(async () => {
  const browser = await chromium.launch({ executablePath: process.env.ERRAND_CHROMIUM || '/usr/lib/chromium/chromium', args: ['--no-sandbox'] });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const found = {};
  for (const path of JSON.parse(readFileSync(0, 'utf8'))) {
    await page.goto(site + path);
    const took = [];
    let text = '';
    for (let i = 0; i < 3; i++) {
      const start = performance.now();
      text = await page.ariaSnapshot({ mode: 'ai' });
      took.push(performance.now() - start);
    }
    found[path] = { Text: text, MS: took.sort((a, b) => a - b)[1] };
  }
  await browser.close();
  console.log(JSON.stringify(found));
})();
