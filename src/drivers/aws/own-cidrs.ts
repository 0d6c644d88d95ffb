import { SlipwayError } from '../../base/errors/slipway-error.ts';

/** What AWS itself runs to tell a caller's address. */
const ADDRESS_SERVICE = 'https://checkip.amazonaws.com';

/** The address of this computer, as AWS sees it. Throws CONFIG_INVALID where it cannot be told. */
export const ownCidrs = async (): Promise<string[]> => {
  try {
    const answer = await fetch(ADDRESS_SERVICE, { signal: AbortSignal.timeout(5000) });
    const address = (await answer.text()).trim();
    if (!/^[\d.]+$/.test(address)) throw new Error(`it answers ${JSON.stringify(address.slice(0, 80))}`);
    return [`${address}/32`];
  } catch (error) {
    throw new SlipwayError('CONFIG_INVALID', {
      tried: 'find out by which address AWS sees this computer',
      cause: error as Error,
      advice: ['spec.drivers.aws.clientCidrs: [198.51.100.7/32]   # who may reach SSH and the API'],
    });
  }
};
