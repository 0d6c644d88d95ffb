import { runProcess } from '../../hosts/local/run-process.ts';
import type { KvmNetwork } from './kvm-network.ts';
import { type Virsh, XML_INPUT } from './virsh.ts';
import { xmlAttributes } from './xml-attributes.ts';

/**
 * Sends `ranges` through the machine of that address and nothing else through it: in libvirt's definition, which makes the routes when the
 * network starts, and now. The second needs root; without it the routes come with the next start of the network.
 */
export const routeThrough = async (
  virsh: Virsh,
  network: Pick<KvmNetwork, 'name' | 'bridge' | 'active'>,
  { address, ranges }: { address: string; ranges: readonly string[] },
): Promise<void> => {
  const tried = `route pods of ${address} in the network ${network.name}`;
  const xml = await virsh.run(['net-dumpxml', network.name, '--inactive'], { tried });
  const old = rangesThrough(xml, address);
  if (old.length !== ranges.length || !ranges.every((range) => old.includes(range)))
    await virsh.run(['net-define', XML_INPUT], { tried, xml: withRoutes(xml, { address, ranges }) });
  if (!network.active || process.geteuid?.() !== 0) return;
  const device = ['via', address, 'dev', network.bridge];
  for (const range of old)
    if (!ranges.includes(range)) await runProcess(['ip', 'route', 'delete', range, ...device], { where: 'this host', check: false });
  for (const range of ranges) await runProcess(['ip', 'route', 'replace', range, ...device], { where: 'this host' });
};

export const rangesThrough = (xml: string, gateway: string): string[] =>
  xmlAttributes(xml, 'route')
    .filter((route) => route['gateway'] === gateway)
    .map((route) => `${route['address']}/${route['prefix']}`);

/** The network's document with these routes through one gateway, and those of others as they are. */
export const withRoutes = (xml: string, { address, ranges }: { address: string; ranges: readonly string[] }): string => {
  const others = xml.replaceAll(/^\s*<route\b[^>]*\/>\n?/gm, (route) =>
    xmlAttributes(route, 'route')[0]?.['gateway'] === address ? '' : route,
  );
  const lines = ranges.map((range) => {
    const [base = '', bits = ''] = range.split('/');
    return `  <route family='ipv4' address='${base}' prefix='${bits}' gateway='${address}'/>\n`;
  });
  return others.replace('</network>', `${lines.join('')}</network>`);
};
