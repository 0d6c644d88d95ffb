import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { rewriteLinks, rewriteUrl } from '../../../src/apiserver/subresources/link-rewriter.ts';

const rewriting = { prefix: '/api/v1/namespaces/n/pods/p/proxy', hosts: ['10.244.0.2:80'] };
const rewritten = (...parts: string[]): Promise<string> =>
  text(Readable.from(parts.map((part) => Buffer.from(part))).pipe(rewriteLinks(rewriting)));

describe('links of a proxied page', () => {
  const rows: [string, string, string][] = [
    ['absolute paths get the prefix', '<a href="/x">t</a>', '<a href="/api/v1/namespaces/n/pods/p/proxy/x">t</a>'],
    ['in any quotes', "<img class=c src='/x'><img src=/y>", "<img class=c src='PREFIX/x'><img src=PREFIX/y>"],
    ['other attributes stay', '<a id="/x" href="y">/z</a><p href="/x">', '<a id="/x" href="y">/z</a><p href="/x">'],
    ['a sign in quotes ends no tag', '<a title=">" href="/x">', '<a title=">" href="PREFIX/x">'],
    ['what is no tag stays', 'a < b && c > d <', 'a < b && c > d <'],
  ];
  for (const [name, html, expected] of rows)
    test(name, async () => assert.equal(await rewritten(html), expected.replaceAll('PREFIX', rewriting.prefix)));

  test('also where a tag comes in pieces', async () =>
    assert.equal(await rewritten('ä<a hr', 'ef="/', 'x">é'), `ä<a href="${rewriting.prefix}/x">é`));

  test('a tag without end holds nothing back for long, and costs no more than its length', async () => {
    const long = `<a href="${'<a '.repeat(200_000)}`;
    assert.equal(await rewritten(long, '"/x>'), `${long}"/x>`);
  });
});

test('only URLs of the application are rewritten', () => {
  const rows: [string, string][] = [
    ['/x?y', `${rewriting.prefix}/x?y`],
    ['http://10.244.0.2:80/x', `${rewriting.prefix}/x`],
    ['http://other/x', 'http://other/x'],
    ['//other/x', '//other/x'],
    ['x', 'x'],
    ['#x', '#x'],
    [`${rewriting.prefix}/x`, `${rewriting.prefix}/x`],
  ];
  for (const [url, expected] of rows) assert.equal(rewriteUrl(url, rewriting), expected);
});
